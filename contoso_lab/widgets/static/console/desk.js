// The console's state, without pixels: who calls whom, the call that is on and those that were, and what went wrong.
// One desk for each widget, however many views it has.

import { Bell } from "./bell.js";
import { Beside } from "./beside.js";
import { Call } from "./call.js";
import { Choices } from "./choices.js";
import { priceOf } from "./cost.js";
import { Failed, unexpected, unplugged } from "./failures.js";
import { endsWords, noticeOf, receiptOf } from "./notices.js";
import { next, PHASES, START } from "./phase.js";
import { clipBytes, RecordedCustomer } from "./recorded.js";
import { devices, Sound } from "./sound.js";
import { openSource } from "./source.js";

const GRACE_MS = 800; // a view that moves is taken away and put up again

export class Desk extends Choices {
  state = START;
  failure = null;
  call = null;
  past = []; // calls that are over
  levels = { customer: 0, assistant: 0 };
  found = { microphones: [], speakers: [] };
  source = "microphone"; // microphone, recorded, stream or none
  said = null; // of a recorded customer: { place, of }
  bell = new Bell(this);
  beside = new Beside(this);
  #sound = null;
  #abort = null;
  #recorded = null;
  #views = 0;
  #receipt = ""; // of a customer who was forgotten
  #leave = () => this.call?.drop();
  #changed = () => this.#plugged();

  constructor(model) {
    super(model);
    navigator.mediaDevices?.addEventListener?.("devicechange", this.#changed);
    addEventListener("pagehide", this.#leave);
    this.refreshDevices();
    this.askServer();
  }

  close() {
    navigator.mediaDevices?.removeEventListener?.("devicechange", this.#changed);
    removeEventListener("pagehide", this.#leave);
    this.call?.drop();
    this.bell.close();
    this.beside.close();
  }

  // Nobody sees the console any more: nobody should go on listening through it.
  watched(more) {
    this.#views += more;
    if (this.#views === 0) setTimeout(() => this.#views === 0 && this.busy && this.hangUp("the console was closed"), GRACE_MS);
  }

  // What happened to the call; false when it is not possible now.
  happen(what) {
    const before = this.state;
    this.state = next(before, what);
    const error = this.failure ? `${this.failure.says} ${this.failure.remedy}` : "";
    if (before.phase !== this.state.phase) this.sync({ state: this.state.phase, error });
    this.touch();
    return before !== this.state;
  }

  // -- what there is ------------------------------------------------------------------------------

  get live() {
    return PHASES[this.state.phase].live;
  }

  get busy() {
    return this.live || this.state.phase === "connecting";
  }

  get price() {
    return priceOf(this.model.get("prices"), this.call?.conversation.session.model);
  }

  // Chat and calls in the order in which they began.
  get talk() {
    const calls = [...this.past, this.call].filter((call) => call && call.startedMs !== null);
    const chat = this.bell.chat.turns.map((turn) => ({ at: turn.at, turn, key: turn.id }));
    const spoken = calls.map((call) => ({ at: call.startedMs, call, key: `call_${call.startedMs}` }));
    return [...chat, ...spoken].sort((a, b) => a.at - b.at);
  }

  // -- settings -----------------------------------------------------------------------------------

  choose(what, value) {
    this.keep({ [what]: value });
    this.sync({ [what]: value });
    if (what === "customer") this.beginAnew();
  }

  // What was said before is no longer known to the agent.
  beginAnew() {
    this.bell.close();
    this.bell = new Bell(this);
    this.beside.close();
    if (!this.busy) this.call = null;
    this.past = [];
    this.failure = null;
    this.sync({ thread: "" });
    this.tell("");
  }

  gotThread(id, token) {
    if (token) this.beside.knows(id, token);
    this.sync({ thread: id });
  }

  setTalk(talk) {
    this.keep({ talk });
    this.call?.setTalk(talk, this.kept.vad);
  }

  setVad(vad) {
    this.keep({ vad });
    this.call?.setVad(vad);
  }

  async setMicrophone(id) {
    this.keep({ microphone: id });
    if (!this.live || this.source !== "microphone") return;
    await this.guard(async () => {
      await this.#sound.use(await Sound.microphone(id, this.kept.echo), true);
      this.failure = null;
      this.#syncError();
    });
  }

  async setSpeaker(id) {
    this.keep({ speaker: id });
    await this.#sound?.useSpeaker(id);
  }

  async refreshDevices() {
    this.found = await devices();
    this.touch();
  }

  async askServer() {
    await this.guard(async () => {
      this.server = await this.door().status();
    }, { quietly: true }); // said loudly once somebody connects
  }

  write(text) {
    if (this.live) return this.call.type(text);
    return this.guard(async () => {
      this.failure = null;
      await this.bell.write(text);
      this.say("");
    });
  }

  // -- the call -----------------------------------------------------------------------------------

  // source: microphone, none (type instead), or the name of a recorded customer.
  async connect(source = "microphone", { accepted = false } = {}) {
    if (this.busy) return;
    this.bell.quiet();
    const clip = this.clips.find((each) => each.name === source);
    if (clip?.customer && clip.customer !== this.customer) this.choose("customer", clip.customer);
    this.source = clip ? "recorded" : source === "none" ? "none" : this.model.get("stream") ? "stream" : "microphone";
    if (this.call) this.past.push(this.call);
    const progress = this.source === "microphone" ? "Asking for the microphone" : "Opening the sound";
    Object.assign(this, { failure: null, notice: "", said: null, call: null, progress });
    this.happen("connect");
    const abort = (this.#abort = new AbortController());
    const door = this.door();
    const told = { level: (report) => this.call?.level(report), played: (report) => this.call?.played(report), unplugged: () => this.#unplugged() };
    // At once, while the press on the button still counts: sound and microphone are for those who ask for them.
    const [opened, streamed] = [Sound.open(told, this.kept.speaker), openSource(this.source, this.model, this.kept)];
    try {
      const ready = door.ready((sentence) => this.say(sentence), abort.signal);
      const [sound, stream] = await Promise.all([opened, streamed, ready]);
      this.#sound = sound;
      if (stream) await sound.use(stream, this.source === "microphone");
      abort.signal.throwIfAborted();
      if (!accepted) await this.bell.dial();
      this.say("Calling");
      const { token, thread, anew } = await door.callToken(this.who, this.thread);
      this.gotThread(thread);
      if (anew) this.tell("The earlier conversation is not there any more: this is a new one.");
      abort.signal.throwIfAborted();
      const { talk, vad, greet } = this.kept;
      const url = door.socketUrl("api/realtime/ws");
      this.call = new Call(this.#callEvents(), null);
      await this.call.open(sound, url, token, { talk: this.source === "recorded" ? "open" : talk, vad, greet, url });
      this.say("");
      this.refreshDevices(); // with the permission come the names
      if (clip) this.#speak(clip);
    } catch (error) {
      // What was opened meanwhile is nobody's any more; what failed of it was told above.
      streamed.then((stream) => this.source === "microphone" && stream?.getTracks().forEach((track) => track.stop()), () => {});
      opened.then((sound) => sound.close(), () => {});
      this.#failed(error, abort);
    }
  }

  hangUp(reason = "the caller hung up") {
    this.#recorded?.stop();
    this.bell.hungUp();
    if (this.call && this.call.endedMs === null) this.call.hangUp(reason);
    else this.#abort?.abort(new DOMException("hung up", "AbortError"));
    this.touch();
  }

  #callEvents() {
    return {
      happened: (what) => this.happen(what),
      event: (event, direction) => this.#event(event, direction),
      level: (side, level) => (this.levels[side] = level), // looked at by the meters, at a pace of their own
      notice: (sentence) => this.tell(sentence),
      change: () => this.touch(),
      closed: (failure, how) => this.#closed(failure, how),
    };
  }

  #event(event, direction) {
    this.log.event(event, direction);
    const notice = direction === "in" && noticeOf(event);
    if (notice) this.tell(notice);
    if (event.type === "lab.forgotten") this.#receipt = receiptOf(event);
    if (event.type.startsWith("session.")) this.call.price = this.price;
    if (event.type === "lab.suggestions.requested") this.beside.tell((pages) => pages.requested(event.suggestion_id));
    if (endsWords(event)) this.beside.tell((pages) => pages.said());
  }

  #closed(failure, how) {
    this.#recorded?.stop();
    this.#sound?.close();
    Object.assign(this, { levels: { customer: 0, assistant: 0 }, failure, notice: "", progress: "", said: null });
    this.#recorded = this.#sound = null;
    this.bell.hungUp();
    this.happen(how);
    if (this.#receipt) this.#forgotten();
  }

  // Their conversation is deleted, and so it is here.
  #forgotten() {
    const receipt = this.#receipt;
    this.#receipt = "";
    this.beginAnew();
    this.tell(receipt);
  }

  #failed(error, abort) {
    this.#sound = null;
    this.progress = "";
    if (abort.signal.aborted) return this.happen("ended");
    this.#note(error);
    this.happen("failed");
  }

  #note(error) {
    this.failure = error instanceof Failed ? error.failure : unexpected(error);
    this.log.add("here", this.failure.kind, `${this.failure.says} ${this.failure.remedy}`.trim());
  }

  async #unplugged() {
    if (this.source === "microphone") await this.setMicrophone("");
    if (!this.live) return;
    if (this.source === "microphone" && !this.failure) return this.tell("The microphone was unplugged; another one has taken its place.");
    this.failure = unplugged();
    this.#syncError();
    this.touch();
  }

  #syncError() {
    this.sync({ error: this.failure ? `${this.failure.says} ${this.failure.remedy}` : "" });
  }

  // Devices came or went: a call whose microphone is gone takes the one that is there now.
  async #plugged() {
    await this.refreshDevices();
    if (this.live && this.failure?.kind === "unplugged" && this.found.microphones.length) await this.setMicrophone(this.kept.microphone);
  }

  async #speak(clip) {
    const { call } = this;
    await this.guard(async () => {
      const buffer = await this.#sound.context.decodeAudioData(await clipBytes(this.model, clip.name));
      const customer = new RecordedCustomer(this.#sound, buffer, clip.lines, {
        quiet: () => call.quiet && (this.beside.pages?.state ?? "idle") === "idle",
        answers: () => call.answered,
        greeted: this.kept.greet,
        saying: (place) => {
          this.said = { place: place + 1, of: clip.lines.length };
          this.touch();
        },
      });
      this.#recorded = customer;
      if ((await customer.talk()) && this.call === call && this.live) this.hangUp("the recorded customer had said everything");
    });
  }

  async guard(work, { quietly = false } = {}) {
    try {
      await work();
    } catch (error) {
      this.progress = "";
      this.#note(error);
      if (quietly) this.failure = null;
    }
    this.touch();
  }
}
