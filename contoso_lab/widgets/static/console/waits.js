// How long the customer waited for each answer, and for what; the parts are those of the report on a recording:
// noticing the end of the turn, the model, the start of playback, silence before the voice.

export const PARTS = [
  ["endpointing", "noticing the end of the turn"],
  ["model", "the model"],
  ["start", "start of playback"],
  ["silence", "silence before the voice"],
];

export class Waits {
  turns = []; // { itemId, number, endMs, noticedMs, firstMs, startedMs, audibleMs, parts, totalMs }
  #open = null;

  // The customer's words ended at `endMs`, and the server, or a released button, said so at `noticedMs`.
  stopped(itemId, endMs, noticedMs) {
    if (this.#open) this.#drop();
    this.#open = { itemId, endMs: Math.min(endMs, noticedMs), noticedMs, firstMs: null, startedMs: null, item: null };
  }

  // The customer speaks again: what was waited for does not come.
  spoke() {
    this.#drop();
  }

  arrived(item, atMs) {
    const open = this.#open;
    if (!open || open.firstMs !== null) return;
    open.firstMs = atMs;
    open.item = item;
  }

  started(item, atMs) {
    if (this.#open?.item === item) this.#open.startedMs ??= atMs;
  }

  audible(item, atMs) {
    const open = this.#open;
    if (!open || open.item !== item) return null;
    this.#open = null;
    const startedMs = open.startedMs ?? atMs;
    const marks = [open.endMs, open.noticedMs, open.firstMs, startedMs, atMs];
    const parts = PARTS.map(([kind], place) => ({ kind, ms: Math.max(0, marks[place + 1] - marks[place]) }));
    const turn = { ...open, startedMs, audibleMs: atMs, parts, totalMs: atMs - open.endMs, number: this.turns.length + 1 };
    this.turns = [...this.turns, turn];
    return turn;
  }

  get medianMs() {
    if (!this.turns.length) return null;
    const sorted = this.turns.map((turn) => turn.totalMs).sort((a, b) => a - b);
    const middle = Math.floor(sorted.length / 2);
    return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
  }

  #drop() {
    this.#open = null;
  }
}

// Where a sample of the microphone's sound stands in time.
export class SampleClock {
  #last = null;

  // `sent` samples had gone out at `atMs`.
  note(sent, atMs) {
    this.#last = { sent, atMs };
  }

  ms(sample, rate) {
    return this.#last === null ? null : this.#last.atMs - (1000 * (this.#last.sent - sample)) / rate;
  }
}
