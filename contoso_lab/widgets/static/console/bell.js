// The way into a call from the chat: what is written before it, and the bell that the server rings.

import { Chat } from "./chat.js";
import { ring } from "./sound.js";

const RINGS_MS = 30000;
const DIAL_MS = 4000;

export class Bell {
  rings = null; // { number, untilMs, ofMs }
  #silence = () => {};
  #dialled = () => {};

  constructor(desk) {
    this.desk = desk;
    this.chat = new Chat({
      change: () => desk.touch(),
      answered: () => desk.beside.tell((pages) => pages.said()),
      ring: (number) => this.#ring(number),
      stopRinging: (why) => this.#stopped(why),
      connect: () => this.#dialled(),
      hangUp: () => {},
      refuse: (why) => desk.tell(why === "busy" ? "You are on a call already." : "That call was missed."),
      thread: (id, token) => desk.gotThread(id, token),
      lost: (failure) => desk.tell(`${failure.says} The chat goes on when you write again.`),
    });
  }

  async write(text) {
    const { desk, chat } = this;
    const door = desk.door();
    if (!chat.open) {
      await door.ready((sentence) => desk.say(sentence));
      await chat.attach(door, { ...desk.who, thread: desk.thread });
    }
    chat.say(desk.customerName, text);
  }

  accept() {
    const { number } = this.rings ?? {};
    this.quiet();
    this.chat.press("accept", number);
    return this.desk.connect("microphone", { accepted: true });
  }

  decline() {
    this.chat.press("decline");
    this.#stopped("declined");
  }

  // The customer calls by themselves: the chat's server has to know, or it might ring in the middle of the call.
  async dial() {
    if (!this.chat.press("dial")) return;
    await Promise.race([new Promise((resolve) => (this.#dialled = resolve)), new Promise((resolve) => setTimeout(resolve, DIAL_MS))]);
  }

  hungUp() {
    this.chat.press("hang_up");
  }

  quiet() {
    this.#silence();
    this.#silence = () => {};
    this.rings = null;
  }

  close() {
    this.quiet();
    this.chat.close();
  }

  #ring(number) {
    if (!this.desk.happen("ring")) return;
    this.quiet();
    this.rings = { number, untilMs: Date.now() + RINGS_MS, ofMs: RINGS_MS };
    this.#silence = ring();
    this.desk.touch();
  }

  #stopped(why) {
    this.quiet();
    if (why === "accepted") return;
    this.desk.happen("stop_ringing");
    if (why === "timeout") this.desk.tell("You missed a call. Press Connect to call back.");
  }
}
