// The chat before the call: what is typed, what is answered as it is made, and the bell.

import { Failed, ofClose } from "./failures.js";

export class Chat {
  turns = []; // { id, role, text, status: "open" | "done" | "failed", problem }
  score = 0;
  #socket = null;
  #opening = null;
  #count = 0;

  // on: { change(), answered(), ring(number), stopRinging(why), connect(number), hangUp(why), refuse(why), thread(id, token), lost(failure) }
  constructor(on) {
    this.on = on;
  }

  get open() {
    return this.#socket?.readyState === 1;
  }

  get waiting() {
    return this.turns.some((turn) => turn.status === "open");
  }

  // Open the socket on a thread, or on a new one; resolves with the thread's id.
  attach(door, asked) {
    this.#opening ??= this.#attach(door, asked).finally(() => {
      this.#opening = null;
    });
    return this.#opening;
  }

  async #attach(door, asked) {
    if (this.open) return this.thread;
    const { token } = await door.token(asked);
    const socket = new WebSocket(`${door.socketUrl("api/chat")}?${new URLSearchParams({ token })}`);
    this.#socket = socket;
    return new Promise((resolve, reject) => {
      let named = false;
      socket.onopen = () => socket.send(JSON.stringify({ threadId: asked.thread || "", rings: true }));
      socket.onmessage = ({ data }) => {
        const frame = JSON.parse(data);
        if (frame.type === "thread") {
          named = true;
          this.thread = frame.payload.threadId;
          this.on.thread(this.thread, token);
          resolve(this.thread);
        } else this.#take(frame);
      };
      socket.onclose = (close) => {
        if (socket !== this.#socket) return;
        this.#socket = null;
        const failure = ofClose(close, { began: named, place: new URL(door.base).host });
        for (const turn of this.turns) if (turn.status === "open") Object.assign(turn, { status: "failed", problem: failure.says });
        if (!named) reject(new Failed(failure));
        else if (close.code !== 1000) this.on.lost(failure);
        this.on.change();
      };
    });
  }

  say(name, text) {
    this.#count += 1;
    this.turns.push({ id: `chat_${this.#count}`, role: "user", text, status: "done", at: Date.now() });
    this.#socket.send(JSON.stringify({ name, text }));
    this.on.change();
  }

  press(button, number) {
    if (this.open) this.#socket.send(JSON.stringify(number === undefined ? { button } : { button, number }));
    return this.open;
  }

  close() {
    const socket = this.#socket;
    this.#socket = null;
    socket?.close(1000);
  }

  #take({ type, payload }) {
    if (type === "assistant") this.#answer(payload);
    else if (type === "error") this.#failed(payload);
    else if (type === "action") this.#act(payload.name, JSON.parse(payload.arguments || "{}"));
    this.on.change();
  }

  #answer({ state, id, payload }) {
    let turn = this.turns.find((each) => each.id === id);
    if (!turn) this.turns.push((turn = { id, role: "assistant", text: "", status: "open", at: Date.now() }));
    if (state === "stream") turn.text += payload;
    else if (state === "full") turn.text = payload;
    if (state !== "complete" && state !== "full") return;
    turn.status = "done";
    this.on.answered();
  }

  // What was streamed of an answer that failed counts as never said.
  #failed({ id, message }) {
    const turn = this.turns.find((each) => each.id === id);
    if (turn) Object.assign(turn, { status: "failed", text: "", problem: message });
    else {
      this.#count += 1;
      this.turns.push({ id: `chat_${this.#count}`, role: "assistant", text: "", status: "failed", problem: message, at: Date.now() });
    }
  }

  #act(name, told) {
    if (name === "call") this.score = told.score;
    else if (name === "ring") this.on.ring(told.number);
    else if (name === "stop_ringing") this.on.stopRinging(told.why);
    else if (name === "connect") this.on.connect(told.number);
    else if (name === "hang_up") this.on.hangUp(told.why);
    else if (name === "refuse") this.on.refuse(told.why);
  }
}
