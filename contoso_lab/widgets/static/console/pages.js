// The page beside the call: after each reply it is asked whether one is wanted; one that is comes as server-sent events.
// One question and one page at a time; what happens meanwhile is asked about right after.

import { Failed } from "./failures.js";

const DEBOUNCE_MS = 450; // the relay writes what was said into the thread about 0.2 s later
const AGAIN_MS = 1500;

export class Pages {
  page = null; // what stands in the window: { id, text, skus, done, broken }
  state = "idle"; // idle, asking, writing
  problem = "";
  #wanted = false;
  #timer = null;
  #busy = false;
  #requests = [];
  #stopped = new AbortController();

  // on: { change(), shown({ suggestion_id, skus, text }), log(sentence) }
  constructor(door, { customer, thread, token }, on) {
    Object.assign(this, { door, customer, thread, token, on });
  }

  // Something was said to its end, or written down late.
  said() {
    this.#wanted = true;
    this.#soon(DEBOUNCE_MS);
  }

  // The agent's own tool wants a page, by this name.
  requested(name) {
    this.#requests.push(name);
    this.#soon(DEBOUNCE_MS);
  }

  // A press on the button: the page is wanted whatever the gate thinks.
  press() {
    this.#requests.push(null);
    this.#soon(0);
  }

  close() {
    clearTimeout(this.#timer);
    this.#stopped.abort(new DOMException("closed", "AbortError"));
  }

  #soon(ms) {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#run(), ms);
  }

  async #run() {
    if (this.#busy || this.#stopped.signal.aborted) return;
    this.#busy = true;
    try {
      if (this.#requests.length) await this.#write(this.#requests.shift());
      else if (this.#wanted) {
        this.#wanted = false;
        if (await this.#ask()) await this.#write(null);
      }
    } catch (error) {
      if (error.name === "AbortError") return;
      this.problem = error instanceof Failed ? error.failure.says : `The page came to nothing: ${error.message}.`;
      this.on.log(this.problem);
    } finally {
      this.#busy = false;
      this.state = "idle";
      this.on.change();
    }
    if (this.#wanted || this.#requests.length) this.#soon(AGAIN_MS);
  }

  async #ask() {
    this.#set("asking");
    const answer = await this.door.post("api/request", { threadId: this.thread }, this.token, this.#stopped.signal);
    if (!answer.ok) throw new Failed(await this.door.failure(answer, "whether a page is wanted"));
    const { requested, reason } = await answer.json();
    this.on.log(requested ? "A page is wanted" : `No page: ${reason}`);
    return requested;
  }

  async #write(name) {
    this.#set("writing");
    const body = { threadId: this.thread, customer: this.customer };
    const answer = await this.door.post("api/suggestion", body, this.token, this.#stopped.signal);
    if (answer.status === 409) {
      const failure = await this.door.failure(answer, "a page");
      this.on.log(failure.says);
      return;
    }
    if (!answer.ok) throw new Failed(await this.door.failure(answer, "a page"));
    const before = this.page;
    for await (const { event, data } of serverEvents(answer.body)) {
      if (event === "start") this.page = { id: data.id, text: "", skus: [], done: false, broken: [] };
      else if (event === "text") this.page = { ...this.page, text: this.page.text + data.text };
      else if (event === "error") {
        this.page = before;
        this.problem = data.message;
        this.on.log(`The page came to nothing: ${data.message}`);
      } else if (event === "done") this.#done(data, name, before);
      this.on.change();
    }
    // A connection that broke in the middle leaves half a page, which is none.
    if (this.page && !this.page.done) this.page = before;
  }

  #done({ skus, shown, broken }, name, before) {
    if (!shown) {
      this.page = before;
      return;
    }
    const shownAs = name ?? this.page.id;
    this.page = { ...this.page, shownAs, skus, broken: broken ?? [], done: true };
    this.on.shown({ suggestion_id: shownAs, skus, text: this.page.text });
  }

  #set(state) {
    this.state = state;
    this.problem = "";
    this.on.change();
  }
}

// Server-sent events out of a body: { event, data }, the data as JSON.
export async function* serverEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    while (true) {
      const { value, done } = await reader.read();
      if (done) return;
      rest += value;
      const half = rest.endsWith("\r") ? "\r" : ""; // the other half of this line's end may be on its way
      const blocks = rest.slice(0, rest.length - half.length).replace(/\r\n?/g, "\n").split("\n\n");
      rest = blocks.pop() + half;
      for (const each of blocks) {
        const fields = { event: "message", data: [] };
        for (const line of each.split("\n")) {
          const [, name, text] = line.match(/^(\w+): ?(.*)$/) ?? [];
          if (name === "event") fields.event = text;
          else if (name === "data") fields.data.push(text);
        }
        if (fields.data.length) yield { event: fields.event, data: JSON.parse(fields.data.join("\n")) };
      }
    }
  } finally {
    reader.cancel().catch(() => {}); // it is over either way
  }
}
