// Sound in and out of this page: one AudioContext, the two worklets, and whatever stands for the microphone.

import captureSource from "./capture.worklet.js";
import { Failed, noSound, notSecure, ofMicrophone } from "./failures.js";
import { WIRE_HZ } from "./pcm.js";
import playbackSource from "./playback.worklet.js";
import { latencyMs } from "./reports.js";

const START_MS = 4000;

export const blobUrl = (source) => URL.createObjectURL(new Blob([source], { type: "text/javascript" }));

export class Sound {
  #stream = null;
  #source = null;
  #ours = false; // whether the stream's tracks are ours to stop
  #wired = false;
  #clip = null;

  // on: { level(report), played(report), unplugged() }
  static async open(on, speakerId = "") {
    if (!window.isSecureContext || !window.AudioWorkletNode) throw new Failed(notSecure());
    const sound = new Sound();
    sound.on = on;
    try {
      await sound.#start({ sampleRate: WIRE_HZ });
    } catch (error) {
      throw new Failed(noSound(error));
    }
    await sound.useSpeaker(speakerId);
    return sound;
  }

  async #start(options) {
    this.context = new AudioContext({ latencyHint: "interactive", ...options });
    for (const source of [captureSource, playbackSource]) {
      const url = blobUrl(source);
      await this.context.audioWorklet.addModule(url);
      URL.revokeObjectURL(url);
    }
    await Promise.race([this.context.resume(), new Promise((resolve) => setTimeout(resolve, START_MS))]);
    if (this.context.state !== "running") throw new Error("the sound device does not start");
    this.capture = new AudioWorkletNode(this.context, "contoso-capture", { numberOfInputs: 1, numberOfOutputs: 0 });
    this.playback = new AudioWorkletNode(this.context, "contoso-playback", { numberOfInputs: 0, outputChannelCount: [1] });
    this.capture.port.onmessage = ({ data }) => this.on.level(data);
    this.playback.port.onmessage = ({ data }) => this.on.played(data);
    this.playback.connect(this.context.destination);
    // Keeps time going where nothing else is connected.
    this.silence = new ConstantSourceNode(this.context, { offset: 0 });
    this.silence.connect(this.capture);
    this.silence.start();
  }

  // Straight lines from the worklets to the worker: [microphone, speaker], to be transferred.
  ports() {
    this.#wired = true;
    return [this.capture, this.playback].map((node) => {
      const { port1, port2 } = new MessageChannel();
      node.port.postMessage({ line: port1 }, [port1]);
      return port2;
    });
  }

  get outputMs() {
    return latencyMs(this.context, navigator.userAgent);
  }

  // open, muted or closed; `then` goes to the worker behind the last sample.
  mode(mode, then) {
    this.capture.port.postMessage({ mode, then });
  }

  // Ask for the microphone. One that was chosen and is gone gives way to the usual one.
  static async microphone(deviceId, echo) {
    if (!navigator.mediaDevices) throw new Failed(notSecure());
    const wanted = { channelCount: 1, echoCancellation: echo, noiseSuppression: echo, autoGainControl: echo };
    const audio = deviceId ? { ...wanted, deviceId: { exact: deviceId } } : wanted;
    try {
      return await navigator.mediaDevices.getUserMedia({ audio });
    } catch (error) {
      if (deviceId && (error.name === "OverconstrainedError" || error.name === "NotFoundError")) return Sound.microphone("", echo);
      throw new Failed(ofMicrophone(error));
    }
  }

  // Take a MediaStream as the microphone. `ours`: it is stopped with us.
  async use(stream, ours) {
    this.#drop();
    try {
      this.#source = this.#attach(stream);
    } catch (error) {
      // An older Firefox joins only what runs equally fast: then all runs as the device does, and we resample.
      if (error.name !== "NotSupportedError" || this.#wired) throw error;
      await this.close();
      await this.#start({});
      this.#source = this.#attach(stream);
    }
    this.#stream = stream;
    this.#ours = ours;
    for (const track of stream.getAudioTracks()) track.onended = () => this.#stream === stream && this.on.unplugged();
  }

  #attach(stream) {
    const source = this.context.createMediaStreamSource(stream);
    source.connect(this.capture);
    return source;
  }

  // Play a piece of a recorded customer into the call, and so that it is heard here, too. Resolves at its end.
  play(buffer, fromSeconds, lengthSeconds) {
    const source = new AudioBufferSourceNode(this.context, { buffer });
    source.connect(this.capture);
    source.connect(this.context.destination);
    this.#clip = source;
    return new Promise((resolve) => {
      source.onended = () => {
        source.disconnect();
        resolve();
      };
      source.start(0, fromSeconds, lengthSeconds);
    });
  }

  async useSpeaker(deviceId) {
    if (this.context.setSinkId) await this.context.setSinkId(deviceId).catch(() => this.context.setSinkId(""));
  }

  async close() {
    this.#drop();
    this.#clip?.stop();
    this.silence?.stop();
    this.capture?.port.postMessage({ stop: true });
    this.playback?.port.postMessage({ stop: true });
    if (this.context && this.context.state !== "closed") await this.context.close();
  }

  #drop() {
    this.#source?.disconnect();
    if (this.#ours) for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = this.#source = null;
  }
}

// { microphones, speakers }, each [{ id, label }]; labels come only once the microphone was allowed.
export async function devices() {
  const found = (await navigator.mediaDevices?.enumerateDevices?.()) ?? [];
  const of = (kind, what) =>
    found
      .filter((each) => each.kind === kind && each.deviceId !== "default" && each.deviceId !== "communications" && each.deviceId)
      .map((each, place) => ({ id: each.deviceId, label: each.label || `${what} ${place + 1}` }));
  return { microphones: of("audioinput", "Microphone"), speakers: of("audiooutput", "Loudspeaker") };
}

// The bell: two soft notes, twice, every three seconds, until stopped.
export function ring() {
  let context = null;
  try {
    context = new AudioContext();
  } catch {
    return () => {}; // no sound in this page: it rings for the eye alone
  }
  const chime = () => {
    for (const [after, hz] of [[0, 659], [0.18, 880], [0.5, 659], [0.68, 880]]) {
      const note = new OscillatorNode(context, { frequency: hz });
      const gain = new GainNode(context, { gain: 0 });
      const at = context.currentTime + after;
      gain.gain.setValueAtTime(0, at);
      gain.gain.linearRampToValueAtTime(0.12, at + 0.015);
      gain.gain.exponentialRampToValueAtTime(0.001, at + 0.45);
      note.connect(gain).connect(context.destination);
      note.start(at);
      note.stop(at + 0.5);
    }
  };
  chime();
  const timer = setInterval(chime, 3000);
  return () => {
    clearInterval(timer);
    context.close();
  };
}
