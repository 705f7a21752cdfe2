// The microphone's end: 20 ms of PCM16 at 24 kHz at a time, straight to the worker that holds the socket.

import { WIRE_HZ, toPcm16 } from "./pcm.js";
import { Resampler } from "./resample.js";

const CHUNK = WIRE_HZ / 50;
const LEVEL_S = 0.05;

class Capture extends AudioWorkletProcessor {
  #line = null; // the port to the worker
  #mode = "closed"; // open: what is heard goes out; muted: silence goes out; closed: nothing does
  #resampler = sampleRate === WIRE_HZ ? null : new Resampler(sampleRate, WIRE_HZ);
  #chunk = new Int16Array(CHUNK);
  #filled = 0;
  #sent = 0; // samples that went out
  #power = 0;
  #counted = 0;
  #running = true;

  constructor() {
    super();
    this.port.onmessage = ({ data }) => this.#told(data);
  }

  #told(data) {
    if (data.line) this.#line = data.line;
    if (data.mode) {
      if (data.mode === "closed") this.#flush();
      this.#mode = data.mode;
    }
    // Behind the last sample on the same port, so that the worker commits all of it.
    if (data.then) this.#line?.postMessage(data.then);
    if (data.stop) this.#running = false;
  }

  #flush() {
    if (this.#filled === 0) return;
    const pcm = this.#chunk.slice(0, this.#filled).buffer;
    this.#sent += this.#filled;
    this.#filled = 0;
    this.#line?.postMessage({ pcm, sent: this.#sent, atS: currentTime }, [pcm]);
  }

  process(inputs) {
    const channels = inputs[0];
    // A source that is gone gives no channels: time goes on, as silence.
    const block = new Float32Array(channels.length ? channels[0].length : 128);
    for (const channel of channels) for (let at = 0; at < block.length; at += 1) block[at] += channel[at] / channels.length;
    for (const sample of block) this.#power += sample * sample;
    this.#counted += block.length;
    const samples = this.#resampler ? this.#resampler.process(block) : block;
    if (this.#mode !== "closed") {
      if (this.#mode === "muted") samples.fill(0);
      let from = 0;
      while (from < samples.length) {
        const length = Math.min(CHUNK - this.#filled, samples.length - from);
        toPcm16(samples.subarray(from, from + length), this.#chunk.subarray(this.#filled, this.#filled + length));
        this.#filled += length;
        from += length;
        if (this.#filled === CHUNK) this.#flush();
      }
    }
    if (this.#counted >= LEVEL_S * sampleRate) {
      const level = Math.sqrt(this.#power / this.#counted);
      this.port.postMessage({ level, sent: this.#sent + this.#filled, atS: currentTime });
      this.#power = this.#counted = 0;
    }
    return this.#running;
  }
}
registerProcessor("contoso-capture", Capture);
