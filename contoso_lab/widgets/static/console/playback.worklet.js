// The loudspeaker's end: takes sound from the worker that holds the socket, and tells it what was really played.

import { WIRE_HZ, fromPcm16 } from "./pcm.js";
import { Resampler } from "./resample.js";
import { Speaker } from "./speaker.js";

const LEVEL_EVERY_S = 0.05;

class Playback extends AudioWorkletProcessor {
  #line = null;
  #speaker = new Speaker(sampleRate, (report) => this.#line?.postMessage({ ...report, atS: report.frame / sampleRate }));
  #resampler = null;
  #item = null;
  #power = 0;
  #counted = 0;
  #running = true;

  constructor() {
    super();
    this.port.onmessage = ({ data }) => {
      if (data.line) {
        this.#line = data.line;
        this.#line.onmessage = (message) => this.#told(message.data);
      }
      if (data.stop) this.#running = false;
    };
  }

  #told(data) {
    if (data.pcm) {
      if (sampleRate !== WIRE_HZ && this.#item !== data.item) this.#resampler = new Resampler(WIRE_HZ, sampleRate);
      this.#item = data.item;
      const samples = fromPcm16(new Int16Array(data.pcm));
      this.#speaker.push(data.item, data.response, this.#resampler ? this.#resampler.process(samples) : samples);
    } else if (data.finish) this.#speaker.finish((reply) => reply.item === data.finish);
    else if (data.finishResponse) this.#speaker.finish((reply) => reply.response === data.finishResponse);
    else if (data.flush) this.#speaker.flush(currentFrame, data.flush);
  }

  process(_, outputs) {
    const [out, ...others] = outputs[0];
    this.#speaker.pull(out, currentFrame);
    for (const other of others) other.set(out);
    for (const sample of out) this.#power += sample * sample;
    this.#counted += out.length;
    if (this.#counted >= LEVEL_EVERY_S * sampleRate) {
      this.port.postMessage({ level: Math.sqrt(this.#power / this.#counted), playing: this.#speaker.playing });
      this.#power = this.#counted = 0;
    }
    return this.#running;
  }
}
registerProcessor("contoso-playback", Playback);
