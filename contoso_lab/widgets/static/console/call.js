// One call: the sound, the worker that holds the line, and what is made of the events that pass.

import { costUsd } from "./cost.js";
import { detection } from "./detection.js";
import { Failed, ofClose, unexpected } from "./failures.js";
import { Conversation } from "./fold.js";
import workerSource from "./line.worker.js";
import { WIRE_HZ } from "./pcm.js";
import { SoundClock } from "./reports.js";
import { blobUrl } from "./sound.js";
import { SampleClock, Waits } from "./waits.js";

const CONNECT_MS = 30000;
const SHORTEST_PRESS_MS = 150; // of nothing nobody can be asked

export class Call {
  conversation = new Conversation();
  waits = new Waits();
  usd = 0;
  responses = 0;
  startedMs = null; // when it began, on the wall
  endedMs = null;
  recording = null;
  answered = 0; // replies that were heard to their end
  pressed = null; // since when the push-to-talk button is down
  talk = "open";
  muted = false;
  active = new Set(); // items that sound
  findings = new Map(); // by item: what in its words breaks a rule of the shop
  #worker = null;
  #originMs = performance.timeOrigin + performance.now();
  #sound = null;
  #soundClock = new SoundClock();
  #sampleClock = new SampleClock();
  #releasedMs = null;
  #asked = undefined; // the turn detection of the persona, once it is known
  #ended = false;

  // on: { happened(what), event(event, direction), level(side, level), closed(failure|null, how), notice(sentence), change() }
  constructor(on, price) {
    Object.assign(this, { on, price });
  }

  get nowMs() {
    return performance.timeOrigin + performance.now() - this.#originMs;
  }

  get turnDetection() {
    return this.conversation.session.audio?.input?.turn_detection ?? null;
  }

  get quiet() {
    return !this.conversation.speaking && this.conversation.activeResponseId === null && this.active.size === 0;
  }

  // Dial; resolves when the other side is there. setup: { talk, vad, greet }
  async open(sound, url, token, setup) {
    this.#sound = sound;
    this.setup = setup;
    const source = blobUrl(workerSource);
    this.#worker = new Worker(source);
    URL.revokeObjectURL(source);
    this.#worker.onmessage = ({ data }) => this.#told(data);
    this.#worker.onerror = (error) => this.#close(unexpected(error), "failed");
    const [microphone, speaker] = sound.ports();
    const said = { do: "open", url, token, originMs: this.#originMs, outputMs: sound.outputMs, microphone, speaker };
    this.#worker.postMessage(said, [microphone, speaker]);
    await new Promise((resolve, reject) => {
      this.#begun = resolve;
      this.#refused = reject;
      this.#patience = setTimeout(() => this.#close(ofClose({ code: 1006 }, { began: false, place: new URL(url).host }), "failed"), CONNECT_MS);
    });
  }
  #begun = () => {};
  #refused = () => {};
  #patience = null;

  send(event) {
    this.#worker?.postMessage({ do: "send", event });
  }

  // The levels of both worklets end here, and keep the clocks.
  level({ level, sent, atS }) {
    this.#soundClock.note(atS, this.nowMs);
    this.#sampleClock.note(sent, this.#soundClock.ms(atS));
    this.on.level("customer", level);
  }

  played({ level, playing }) {
    this.playing = playing;
    this.on.level("assistant", level);
  }

  mute(muted) {
    this.muted = muted;
    this.#mode();
  }

  // Talk with an open microphone, or only while a button is down.
  setTalk(talk, vad) {
    this.talk = talk;
    this.pressed = null;
    this.setVad(vad);
    this.#mode();
  }

  // `vad`: what was moved of it.
  setVad(vad) {
    this.setup.vad = vad;
    if (this.#asked === undefined) return;
    const wanted = detection(this.talk, this.#asked, vad);
    if (JSON.stringify(wanted) === JSON.stringify(this.turnDetection)) return;
    this.send({ type: "session.update", session: { type: "realtime", audio: { input: { turn_detection: wanted } } } });
  }

  press() {
    if (this.talk !== "push" || this.pressed !== null || this.muted) return;
    this.pressed = this.nowMs;
    this.#worker.postMessage({ do: "interrupt" });
    this.send({ type: "input_audio_buffer.clear" });
    this.waits.spoke();
    this.#mode();
    this.on.happened("speech_started");
  }

  release() {
    if (this.pressed === null) return;
    const long = this.nowMs - this.pressed >= SHORTEST_PRESS_MS;
    this.pressed = null;
    this.#releasedMs = this.nowMs;
    const events = long ? [{ type: "input_audio_buffer.commit" }, { type: "response.create" }] : [{ type: "input_audio_buffer.clear" }];
    this.#sound.mode("closed", { events });
    this.on.happened(long ? "speech_stopped" : "speech_cleared");
    if (!long) this.on.notice("Hold the button while you speak, and let go when you have finished.");
  }

  // Write instead of speaking.
  type(text) {
    this.#worker.postMessage({ do: "interrupt" });
    this.send({ type: "conversation.item.create", item: { type: "message", role: "user", content: [{ type: "input_text", text }] } });
    this.send({ type: "response.create" });
    this.on.happened("asked");
  }

  hangUp(reason) {
    this.leaving = true;
    this.#worker?.postMessage({ do: "hangUp", reason });
    if (this.startedMs === null) this.#close(null, "ended");
  }

  // Let go of everything at once; the page is left.
  drop() {
    this.#close(null, "ended");
  }

  #mode() {
    const open = this.talk === "open" || this.pressed !== null;
    this.#sound.mode(!open ? "closed" : this.muted ? "muted" : "open");
  }

  #told(data) {
    switch (data.kind) {
      case "event":
        this.conversation.apply(data.event, data.atMs, "s2c");
        this.#hear(data.event, data.atMs);
        this.on.event(data.event, "in");
        break;
      case "sent":
        this.conversation.apply(data.event, data.atMs, "c2s");
        this.on.event(data.event, "out");
        break;
      case "local":
        this.conversation.apply(data.event, data.atMs, "local");
        this.#heard(data.event);
        this.on.event(data.event, "here");
        break;
      case "down":
        this.on.happened("down");
        this.on.notice(`The connection broke. Trying to come back (${data.tries}).`);
        break;
      case "back":
        this.on.happened("back");
        this.on.notice("");
        break;
      case "closed":
        this.#over(data);
        break;
    }
    this.on.change();
  }

  #hear(event, atMs) {
    switch (event.type) {
      case "session.created":
        this.#begin();
        break;
      case "session.updated":
        this.#configured();
        break;
      case "input_audio_buffer.speech_started":
        this.waits.spoke();
        this.on.happened("speech_started");
        break;
      case "input_audio_buffer.speech_stopped":
        this.waits.stopped(event.item_id, this.#endOfSpeech(event.audio_end_ms, atMs), atMs);
        this.on.happened("speech_stopped");
        break;
      case "input_audio_buffer.committed":
        if (this.#releasedMs !== null) this.waits.stopped(event.item_id, this.#releasedMs, this.#releasedMs);
        this.#releasedMs = null;
        break;
      case "response.created":
        this.on.happened("response_created");
        break;
      case "response.output_audio.delta":
        this.waits.arrived(event.item_id, atMs);
        break;
      case "response.done":
        this.responses += 1;
        this.usd += costUsd(this.price, event.response?.usage);
        this.on.happened("response_done");
        break;
      case "lab.recording":
        this.recording = event.id;
        break;
      case "lab.finding":
        this.findings.set(event.item_id, [...(this.findings.get(event.item_id) ?? []), event]);
        break;
      case "lab.reconnecting":
        this.on.happened("down");
        this.on.notice("The relay has lost its target and dials it again.");
        break;
      case "lab.reconnected":
        this.on.happened("back");
        this.on.notice("");
        break;
    }
  }

  #begin() {
    if (this.startedMs !== null) return;
    clearTimeout(this.#patience);
    this.startedMs = Date.now();
    this.on.happened("connected");
    this.talk = this.setup.talk;
    this.#mode();
    if (this.setup.greet) {
      this.send({ type: "response.create" });
      this.on.happened("asked");
    }
    this.#begun();
  }

  // The first answer is to the relay's own configuration: what the persona asks for. What was chosen here comes on top.
  #configured() {
    if (this.#asked !== undefined) return;
    this.#asked = this.turnDetection;
    this.setVad(this.setup.vad);
  }

  // When the customer's voice ended: the server says where in the sound, and the window of silence is in it.
  #endOfSpeech(audioEndMs, atMs) {
    const silenceMs = this.turnDetection?.silence_duration_ms ?? 0;
    const guess = atMs - silenceMs;
    const known = Number.isFinite(audioEndMs) ? this.#sampleClock.ms(((audioEndMs - silenceMs) * WIRE_HZ) / 1000, WIRE_HZ) : null;
    // After a new target its count begins anew, and says nothing of ours.
    return known !== null && Math.abs(known - guess) < 1000 ? known : guess;
  }

  #heard(event) {
    if (event.type === "playback.started") {
      this.active.add(event.item_id);
      this.waits.started(event.item_id, event.client_ms);
    } else if (event.type === "playback.first_audible") {
      this.waits.audible(event.item_id, event.client_ms);
    } else if (event.type === "playback.stopped") {
      this.active.delete(event.item_id);
      this.answered += 1;
    } else return;
    this.on.happened(this.active.size ? "sounds" : "silent");
  }

  #over({ code, reason, opened, refused }) {
    const began = this.startedMs !== null;
    if (this.leaving || (began && (code === 1000 || code === 1005))) return this.#close(null, "ended");
    const place = new URL(this.setup.url ?? location.href).host;
    this.#close(ofClose(refused && code === 1006 ? refused : { code, reason }, { began: opened, place }), "failed");
  }

  #close(failure, how) {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#patience);
    this.endedMs = Date.now();
    this.#worker?.terminate();
    this.#worker = null;
    this.active.clear();
    this.#refused(new Failed(failure ?? ofClose({ code: 1000 }, { began: true })));
    this.on.closed(failure, how);
  }
}
