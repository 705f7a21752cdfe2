// The page beside the call, for the thread that chat and call belong to, and the token that opens it.

import { Pages } from "./pages.js";

export class Beside {
  pages = null;
  #tokens = new Map(); // by thread; never shown, never kept
  #coming = null;

  constructor(desk) {
    this.desk = desk;
  }

  // The chat's token opens its thread's pages, too.
  knows(thread, token) {
    this.#tokens.set(thread, token);
  }

  // Do something with the pages of the thread that is on; without a thread there are none.
  tell(work) {
    const { desk } = this;
    if (!desk.thread) return;
    this.#coming ??= this.#ready().finally(() => {
      this.#coming = null;
    });
    this.#coming.then(work).catch((error) => {
      desk.log.add("here", "page", error.message);
      desk.touch();
    });
  }

  clicked(sku) {
    const id = this.pages?.page?.shownAs;
    // A catalogue of one's own names its pictures as it likes; then only that something was clicked is known.
    if (this.desk.live && id) this.desk.call.send({ type: "lab.suggestions.clicked", suggestion_id: id, ...(sku && { sku }) });
  }

  close() {
    this.pages?.close();
    this.pages = null;
  }

  async #ready() {
    const { desk } = this;
    const { thread, customer } = desk;
    if (this.pages?.thread === thread) return this.pages;
    const door = desk.door();
    if (!this.#tokens.has(thread)) this.#tokens.set(thread, (await door.token({ thread, customer })).token);
    this.close();
    this.pages = new Pages(door, { customer, thread, token: this.#tokens.get(thread) }, {
      change: () => desk.touch(),
      shown: (told) => desk.live && desk.call.send({ type: "lab.suggestions.shown", ...told }),
      log: (sentence) => desk.log.add("here", "page", sentence),
    });
    return this.pages;
  }
}
