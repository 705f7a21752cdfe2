// The console's whole state, without pixels: chat, ringing, the call and the page beside it, settings. One for each
// widget, however many views it has.

import { Call } from "./call.js";
import { Chat } from "./chat.js";
import { priceOf } from "./cost.js";
import { Door } from "./door.js";
import { Failed, noClip, noStream, unexpected, unplugged } from "./failures.js";
import { loadKept, saveKept } from "./keep.js";
import { ActivityLog } from "./log.js";
import { Pages } from "./pages.js";
import { next, PHASES, START } from "./phase.js";
import { RecordedCustomer } from "./recorded.js";
import { devices, ring, Sound } from "./sound.js";

const CLIP_MS = 8000;
const DIAL_MS = 4000;
const RINGS_S = 30;
const GRACE_MS = 800; // a view that moves is taken away and put up again

export class Desk {
  state = START;
  failure = null;
  progress = "";
  notice = "";
  call = null;
  past = []; // calls that are over
  pages = null;
  levels = { customer: 0, assistant: 0 };
  found = { microphones: [], speakers: [] };
  rings = null; // { number, untilMs }
  source = "microphone"; // microphone, recorded, stream or none
  said = null; // of a recorded customer: { place, of }
  server = null; // what the Jupyter server says of the relay
  log = new ActivityLog();
  #sound = null;
  #listeners = new Set();
  #timer = null;
  #abort = null;
  #tokens = new Map(); // by thread, for pages; never shown, never kept
  #stopRing = () => {};
  #recorded = null;
  #views = 0;
  #ownThread = ""; // begun here, for this customer

  constructor(model) {
    this.model = model;
    this.kept = loadKept();
    this.chat = new Chat({
      change: () => this.touch(),
      ring: (number) => this.#ring(number),
      stopRinging: (why) => this.#stopRinging(why),
      connect: () => this.#dialled(),
      hangUp: () => {},
      refuse: (why) => this.tell(why === "busy" ? "You are on a call already." : "That call was missed."),
      thread: (id, token) => {
        this.#ownThread = id;
        this.#tokens.set(id, token);
        this.#sync({ thread: id });
      },
      lost: (failure) => this.tell(`${failure.says} The chat goes on when you write again.`),
    });
    this.#found = () => this.refreshDevices();
    navigator.mediaDevices?.addEventListener?.("devicechange", this.#found);
    this.#leave = () => this.call?.drop();
    addEventListener("pagehide", this.#leave);
    this.refreshDevices();
    this.askServer();
  }
  #found;
  #leave;
  #dialled = () => {};

  // -- who looks ----------------------------------------------------------------------------------

  onChange(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  touch() {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      for (const listener of this.#listeners) listener();
    }, 33);
  }

  // Nobody sees the console any more: nobody should go on listening through it.
  watched(more) {
    this.#views += more;
    if (this.#views === 0) setTimeout(() => this.#views === 0 && this.live && this.hangUp("the console was closed"), GRACE_MS);
  }

  close() {
    navigator.mediaDevices?.removeEventListener?.("devicechange", this.#found);
    removeEventListener("pagehide", this.#leave);
    this.call?.drop();
    this.chat.close();
    this.pages?.close();
    this.#stopRing();
  }

  // -- what there is ------------------------------------------------------------------------------

  get live() {
    return PHASES[this.state.phase].live;
  }

  get busy() {
    return this.live || this.state.phase === "connecting";
  }

  get personas() {
    return this.server?.personas?.length ? this.server.personas : this.model.get("personas") ?? [];
  }

  get customers() {
    return this.server?.customers?.length ? this.server.customers : this.model.get("customers") ?? [];
  }

  get persona() {
    return this.model.get("persona") || this.kept.persona || this.personas[0] || "voice";
  }

  get customer() {
    return this.model.get("customer") || this.kept.customer || this.customers[0]?.id || "maya";
  }

  get customerName() {
    return this.customers.find((each) => each.id === this.customer)?.name ?? this.customer;
  }

  get price() {
    const model = this.call?.conversation.session.model;
    return priceOf(this.model.get("prices"), model);
  }

  get clips() {
    return this.model.get("clips") ?? [];
  }

  // Chat and calls in the order in which they began.
  get talk() {
    const calls = [...this.past, ...(this.call ? [this.call] : [])];
    const chat = this.chat.turns.map((turn) => ({ at: turn.at, turn, key: turn.id }));
    const spoken = calls.filter((call) => call.startedMs !== null).map((call) => ({ at: call.startedMs, call, key: `call_${call.startedMs}` }));
    return [...chat, ...spoken].sort((a, b) => a.at - b.at);
  }

  door() {
    return new Door(this.model.get("relay_url") ?? "");
  }

  // -- settings -----------------------------------------------------------------------------------

  keep(changes) {
    Object.assign(this.kept, changes);
    saveKept(this.kept);
    this.touch();
  }

  choose(what, value) {
    this.keep({ [what]: value });
    if (what === "customer") this.forgetThread();
    this.#sync({ [what]: value });
  }

  // Begin anew: what was said before is no longer known to the agent.
  forgetThread() {
    this.#ownThread = "";
    this.chat.close();
    this.chat.turns = [];
    this.chat.score = 0;
    this.past = [];
    this.pages?.close();
    this.pages = null;
    this.#sync({ thread: "" });
    this.touch();
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
    await this.#guard(async () => {
      await this.#sound.use(await Sound.microphone(id, this.kept.echo), true);
      this.failure = null;
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
    try {
      this.server = await this.door().status();
      this.touch();
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      this.log.add("here", "relay", error.message); // said loudly once somebody connects
    }
  }

  tell(notice) {
    this.notice = notice;
    if (notice) this.log.add("here", "note", notice);
    this.touch();
  }

  // -- the call -----------------------------------------------------------------------------------

  // source: microphone, none (type instead), or the name of a recorded customer.
  async connect(source = "microphone") {
    if (this.busy) return;
    this.#stopRing();
    this.rings = null;
    const clip = this.clips.find((each) => each.name === source);
    if (clip?.customer && clip.customer !== this.customer) this.choose("customer", clip.customer);
    this.source = clip ? "recorded" : source === "none" ? "none" : this.model.get("stream") ? "stream" : "microphone";
    Object.assign(this, { failure: null, notice: "", said: null, progress: "Asking for the microphone" });
    if (this.source !== "microphone") this.progress = "Opening the sound";
    if (this.call) this.past.push(this.call);
    this.call = null;
    this.#happen("connect");
    const abort = (this.#abort = new AbortController());
    const door = this.door();
    const opened = Sound.open({ level: (report) => this.call?.level(report), played: (report) => this.call?.played(report), unplugged: () => this.#unplugged() }, this.kept.speaker);
    const streamed = this.#stream();
    const ready = door.ready((sentence) => this.#say(sentence), abort.signal);
    try {
      const [sound, stream] = await Promise.all([opened, streamed, ready]);
      this.#sound = sound;
      if (stream) await sound.use(stream, this.source === "microphone");
      abort.signal.throwIfAborted();
      if (this.chat.open && this.state.phase === "connecting") await this.#dial();
      this.#say("Calling");
      const told = await this.#token(door);
      abort.signal.throwIfAborted();
      const { talk, vad, greet } = this.kept;
      const url = door.socketUrl("api/realtime/ws");
      const call = new Call(this.#callEvents(), null);
      this.call = call;
      await call.open(sound, url, told.token, { talk: this.source === "recorded" ? "open" : talk, vad, greet, url });
      this.progress = "";
      this.refreshDevices(); // with the permission come the names
      if (clip) this.#play(clip);
    } catch (error) {
      // What was opened meanwhile is nobody's any more.
      streamed.then((stream) => this.source === "microphone" && stream?.getTracks().forEach((track) => track.stop())).catch(() => {});
      opened.then((sound) => sound.close()).catch(() => {});
      this.#fail(error, abort);
    }
  }

  hangUp(reason = "the caller hung up") {
    this.#recorded?.stop();
    this.chat.press("hang_up");
    if (this.call && this.call.endedMs === null) this.call.hangUp(reason);
    else this.#abort?.abort(new DOMException("hung up", "AbortError"));
    this.touch();
  }

  #callEvents() {
    return {
      happened: (what) => this.#happen(what),
      event: (event, direction) => this.#event(event, direction),
      level: (side, level) => {
        this.levels[side] = level;
        this.touch();
      },
      notice: (sentence) => this.tell(sentence),
      change: () => this.touch(),
      closed: (failure, how) => this.#closed(failure, how),
    };
  }

  #event(event, direction) {
    this.log.event(event, direction);
    if (event.type === "session.created" || event.type === "session.updated") this.call.price = this.price;
    if (direction === "in") {
      if (event.type === "error") this.#refused(event.error ?? {});
      else if (event.type === "lab.ending") this.tell(`The call ends in ${Math.round(event.in_s)} s: it reaches its ${event.reason === "spend" ? "spending" : "time"} ceiling.`);
      else if (event.type === "lab.recording.failed") this.tell(`The call goes on, but is not recorded: ${event.message}`);
      else if (event.type === "lab.suggestions.requested") this.#pages((pages) => pages.requested(event.suggestion_id));
      else if (event.type === "response.done" && event.response?.status === "completed") this.#pages((pages) => pages.said());
      else if (event.type.endsWith("input_audio_transcription.completed")) this.#pages((pages) => pages.said());
    } else if (direction === "here" && event.type === "playback.stopped" && event.reason === "finished") this.#pages((pages) => pages.said());
  }

  // Without our doing: a cancel that came too late, or a reply that was asked for twice, harms nobody.
  #refused({ code, message }) {
    const harmless = ["response_cancel_not_active", "conversation_already_has_active_response", "input_audio_buffer_commit_empty"];
    if (!harmless.includes(code)) this.tell(`The other side refused something: ${message}`);
  }

  #closed(failure, how) {
    this.#recorded?.stop();
    this.#recorded = null;
    this.#sound?.close();
    this.#sound = null;
    this.levels = { customer: 0, assistant: 0 };
    this.failure = failure;
    this.notice = "";
    this.progress = "";
    this.chat.press("hang_up");
    this.#happen(how);
  }

  #fail(error, abort) {
    this.progress = "";
    this.#sound = null;
    if (abort.signal.aborted) return this.#happen("ended");
    this.failure = error instanceof Failed ? error.failure : unexpected(error);
    this.log.add("here", this.failure.kind, `${this.failure.says} ${this.failure.remedy}`);
    this.#happen("failed");
  }

  async #stream() {
    if (this.source === "microphone") return Sound.microphone(this.kept.microphone, this.kept.echo);
    if (this.source !== "stream") return null;
    try {
      const stream = await this.model.widget_manager.get_model(String(this.model.get("stream")).replace("IPY_MODEL_", ""));
      return await stream.captureStream();
    } catch (error) {
      throw new Failed(noStream(error));
    }
  }

  // With a thread where the relay keeps them: then chat, call and page know of each other.
  async #token(door) {
    const asked = { persona: this.persona, customer: this.customer, console: this.model.get("console_id") };
    const thread = this.model.get("thread") || this.#ownThread;
    try {
      const told = await door.token({ ...asked, thread: thread || "new" });
      this.#ownThread = told.thread ?? "";
      this.#sync({ thread: this.#ownThread });
      return told;
    } catch (error) {
      if (!(error instanceof Failed) || error.failure.kind !== "cannot_prepare" || !/keeps no memory/.test(error.message)) throw error;
      return door.token(asked);
    }
  }

  async #dial() {
    this.chat.press("dial");
    await Promise.race([new Promise((resolve) => (this.#dialled = resolve)), new Promise((resolve) => setTimeout(resolve, DIAL_MS))]);
  }

  async #unplugged() {
    this.failure = unplugged();
    this.touch();
    await this.setMicrophone("");
  }

  // -- ringing ------------------------------------------------------------------------------------

  #ring(number) {
    this.#happen("ring");
    if (this.state.phase !== "ringing") return;
    this.rings = { number, untilMs: Date.now() + 1000 * RINGS_S };
    this.#stopRing();
    const stop = ring();
    this.#stopRing = () => {
      stop();
      this.#stopRing = () => {};
    };
  }

  #stopRinging(why) {
    this.#stopRing();
    this.rings = null;
    if (why === "accepted") return;
    this.#happen("stop_ringing");
    this.tell(why === "timeout" ? "The call was missed. Press Connect to call back." : "");
  }

  accept() {
    const { number } = this.rings ?? {};
    this.#stopRing();
    this.chat.press("accept", number);
    return this.connect();
  }

  decline() {
    this.chat.press("decline");
    this.#stopRinging("declined");
  }

  // -- chat ---------------------------------------------------------------------------------------

  async write(text) {
    if (this.live) return this.call.type(text);
    await this.#guard(async () => {
      const door = this.door();
      if (!this.chat.open) {
        await door.ready((sentence) => this.#say(sentence));
        const thread = this.model.get("thread") || this.#ownThread;
        await this.chat.attach(door, { persona: this.persona, customer: this.customer, console: this.model.get("console_id"), thread });
      }
      this.progress = "";
      this.failure = null;
      this.chat.say(this.customerName, text);
    });
  }

  // -- the page -----------------------------------------------------------------------------------

  #pages(work) {
    this.#pagesReady().then((pages) => pages && work(pages), (error) => this.log.add("here", "page", error.message));
  }

  async #pagesReady() {
    const thread = this.#ownThread || this.model.get("thread");
    if (!thread) return null;
    if (this.pages?.thread === thread) return this.pages;
    const door = this.door();
    if (!this.#tokens.has(thread)) this.#tokens.set(thread, (await door.token({ thread, customer: this.customer })).token);
    if (this.pages?.thread === thread) return this.pages; // somebody was quicker
    const { page } = this.pages ?? {};
    this.pages?.close();
    this.pages = new Pages(door, { customer: this.customer, thread, token: this.#tokens.get(thread) }, {
      change: () => this.touch(),
      shown: (told) => this.live && this.call.send({ type: "lab.suggestions.shown", ...told }),
      log: (sentence) => this.log.add("here", "page", sentence),
    });
    this.pages.page = page ?? null;
    return this.pages;
  }

  wantPage() {
    this.#pages((pages) => pages.press());
  }

  clicked(sku) {
    const id = this.pages?.page?.id;
    if (this.live && id) this.call.send({ type: "lab.suggestions.clicked", suggestion_id: id, sku });
  }

  // -- a recorded customer --------------------------------------------------------------------------

  async #play(clip) {
    const { call } = this;
    await this.#guard(async () => {
      const bytes = await this.#clipBytes(clip.name);
      const buffer = await this.#sound.context.decodeAudioData(bytes);
      this.#recorded = new RecordedCustomer(this.#sound, buffer, clip.lines, {
        quiet: () => call.quiet,
        answers: () => call.answered,
        greeted: this.kept.greet,
        saying: (place) => {
          this.said = { place: place + 1, of: clip.lines.length };
          this.touch();
        },
      });
      if ((await this.#recorded.talk()) && this.call === call && this.live) this.hangUp("the recorded customer had said everything");
    });
  }

  // From the kernel, as bytes beside a message: they are in no trait, so no notebook keeps them.
  #clipBytes(name) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => finish(() => reject(new Failed(noClip(name)))), CLIP_MS);
      const heard = (message, buffers) => {
        if (message?.clip !== name) return;
        const view = buffers[0];
        finish(() => resolve(view.buffer ? view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) : view));
      };
      const finish = (settle) => {
        clearTimeout(timer);
        this.model.off("msg:custom", heard);
        settle();
      };
      this.model.on("msg:custom", heard);
      this.model.send({ do: "clip", name });
    });
  }

  // -- inside ---------------------------------------------------------------------------------------

  #happen(what) {
    const before = this.state.phase;
    this.state = next(this.state, what);
    if (before !== this.state.phase) this.#sync({ state: this.state.phase, error: this.failure ? `${this.failure.says} ${this.failure.remedy}` : "" });
    this.touch();
  }

  #say(sentence) {
    this.progress = sentence;
    this.touch();
  }

  async #guard(work) {
    try {
      await work();
    } catch (error) {
      this.progress = "";
      this.failure = error instanceof Failed ? error.failure : unexpected(error);
      this.log.add("here", this.failure.kind, `${this.failure.says} ${this.failure.remedy}`);
      this.touch();
    }
  }

  #sync(changes) {
    for (const [name, value] of Object.entries(changes)) this.model.set(name, value);
    this.model.save_changes();
  }
}
