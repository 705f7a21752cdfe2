// Who calls whom and how, by what the notebook says, what the server offers and what was chosen last time; and who is
// told when something changes.

import { Door } from "./door.js";
import { loadKept, saveKept } from "./keep.js";
import { ActivityLog } from "./log.js";

const DRAW_MS = 33;

export class Choices {
  server = null; // what the Jupyter server says of the relay
  kept = loadKept();
  progress = ""; // what is being done, while it takes its time
  notice = ""; // what the customer should know
  log = new ActivityLog();
  #listeners = new Set();
  #timer = null;

  constructor(model) {
    this.model = model;
  }

  onChange(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  touch() {
    this.#timer ??= setTimeout(() => {
      this.#timer = null;
      for (const listener of this.#listeners) listener();
    }, DRAW_MS);
  }

  tell(notice) {
    this.notice = notice;
    if (notice) this.log.add("here", "note", notice);
    this.touch();
  }

  say(progress) {
    this.progress = progress;
    this.touch();
  }

  get personas() {
    return this.server?.personas?.length ? this.server.personas.map(({ name }) => name) : (this.model.get("personas") ?? []);
  }

  get customers() {
    return this.server?.customers?.length ? this.server.customers : (this.model.get("customers") ?? []);
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

  get who() {
    return { persona: this.persona, customer: this.customer, console: this.model.get("console_id") };
  }

  get thread() {
    return this.model.get("thread") ?? "";
  }

  get clips() {
    return this.model.get("clips") ?? [];
  }

  door() {
    return new Door(this.model.get("relay_url") ?? "");
  }

  keep(changes) {
    Object.assign(this.kept, changes);
    saveKept(this.kept);
    this.touch();
  }

  sync(changes) {
    const news = Object.entries(changes).filter(([name, value]) => this.model.get(name) !== value);
    for (const [name, value] of news) this.model.set(name, value);
    if (news.length) this.model.save_changes();
  }
}
