// The line to the relay: one message each way, each taken once, and a clear word when it breaks; as
// contoso_lab/session/line.py. It outlives its connection: when that breaks, it dials again and both sides say again what
// the other has not heard. Whoever speaks in the meantime does not wait for it.

import { Books } from "./books.js";

const FIRST_TRY_MS = 250;
const LONGEST_PAUSE_MS = 4000;
const DIAL_MS = 10000;
const REMEMBERED_EVENTS = 512;
// Ends without a goodbye of the relay's own: the network, or a proxy between us.
const BROKEN = new Set([1006, 1012, 1014]);

export class Line {
  #books = new Books();
  #socket = null;
  #up = false;
  #ended = false;
  #opened = false;
  #ids = [];
  #timers = new Set();

  // on: { event(event, text), down(tries), back(), closed({ code, reason, opened, refused? }) }
  constructor(on, { makeSocket = (url) => new WebSocket(url), later = (work, ms) => setTimeout(work, ms), now = () => Date.now() } = {}) {
    Object.assign(this, { on, makeSocket, later, now });
  }

  // `url` is the door; `token` opens one call.
  open(url, token) {
    this.url = url;
    this.#dial(new URLSearchParams({ token, resumable: "1" }), { back: false, ended: null });
  }

  // Send a message that counts. On a line that is being mended it is kept, and sent in its turn.
  send(text) {
    if (this.#ended) return;
    if (!this.#books.say(text)) this.#end({ code: 1006, reason: "too much waits for a relay that does not answer" });
    else if (this.#up) this.#socket.send(text);
  }

  close(code = 1000) {
    this.#up = false;
    if (this.#socket && this.#socket.readyState <= 1) this.#socket.close(code);
    else this.#end({ code, reason: "" });
  }

  #dial(query, { back, ended }) {
    const socket = this.makeSocket(`${this.url}?${query}`);
    this.#socket = socket;
    let met = !back; // whether the relay has taken us back
    const patience = this.#later(() => socket.readyState === 0 && this.#lost(socket, { code: 1006, reason: "" }, ended), DIAL_MS);
    socket.onopen = () => {
      clearTimeout(patience);
      this.#opened = true;
      if (!back) this.#up = true;
    };
    socket.onmessage = ({ data }) => {
      if (socket !== this.#socket || this.#ended) return;
      if (met) return this.#take(data);
      const first = parse(data);
      const missed = first?.type === "lab.resumed" ? this.#books.unheard(first.received) : null;
      if (missed === null) return this.#end(ended);
      met = true;
      for (const text of missed) socket.send(text);
      this.#up = true;
      this.on.back(first);
    };
    socket.onclose = ({ code, reason }) => {
      clearTimeout(patience);
      if (socket === this.#socket) this.#lost(socket, { code, reason }, met ? null : ended);
    };
  }

  #take(text) {
    const event = parse(text);
    if (event === null || !event.type.startsWith("lab.")) {
      const count = this.#books.heard();
      if (count !== null) this.#socket.send(JSON.stringify({ type: "lab.ack", received: count }));
    }
    if (event === null || this.#known(event.event_id)) return;
    if (event.type === "lab.ack") this.#books.arrived(event.received);
    else if (event.type === "lab.resume") {
      this.#books.token = event.token;
      this.#books.windowMs = 1000 * event.window_s;
    } else this.on.event(event);
  }

  // Sound would play twice, and usage would be counted twice.
  #known(id) {
    if (typeof id !== "string") return false;
    if (this.#ids.includes(id)) return true;
    this.#ids.push(id);
    if (this.#ids.length > REMEMBERED_EVENTS) this.#ids.shift();
    return false;
  }

  // A connection is over. `first`: the close that began this search for a way back, if it has begun.
  #lost(socket, close, first) {
    if (this.#ended) return;
    socket.onmessage = socket.onclose = null;
    const ended = first ?? close;
    const mayReturn = this.#books.token !== null && BROKEN.has(ended.code);
    // A relay that answers and says no will go on saying it.
    const refused = first !== null && !BROKEN.has(close.code);
    if (!mayReturn || refused) return this.#end(refused ? { ...ended, refused: close } : ended);
    this.#up = false;
    if (first === null) {
      this.untilMs = this.now() + this.#books.windowMs;
      this.pauseMs = FIRST_TRY_MS;
      this.tries = 0;
    }
    if (this.now() + this.pauseMs > this.untilMs) return this.#end(ended);
    this.tries += 1;
    this.on.down({ tries: this.tries, leftMs: this.untilMs - this.now() });
    this.#later(() => {
      const query = { resume: this.#books.token, received: String(this.#books.received) };
      this.#dial(new URLSearchParams(query), { back: true, ended });
    }, this.pauseMs);
    this.pauseMs = Math.min(2 * this.pauseMs, LONGEST_PAUSE_MS);
  }

  #later(work, ms) {
    const timer = this.later(() => {
      this.#timers.delete(timer);
      if (!this.#ended) work();
    }, ms);
    this.#timers.add(timer);
    return timer;
  }

  #end(close) {
    if (this.#ended) return;
    this.#ended = true;
    this.#up = false;
    for (const timer of this.#timers) clearTimeout(timer);
    if (this.#socket && this.#socket.readyState <= 1) this.#socket.close(1000);
    this.on.closed({ ...close, opened: this.#opened });
  }
}

function parse(text) {
  try {
    const event = JSON.parse(text);
    return typeof event?.type === "string" ? event : null;
  } catch {
    return null;
  }
}
