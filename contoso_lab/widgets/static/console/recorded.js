// A recorded customer talks in place of the microphone: for whoever has none, and for a demo. Takes turns: waits for
// the answer to each line, as people do.

import { Failed, noClip } from "./failures.js";

const CLIP_MS = 8000;
const LEAD_MS = 120; // recognisers like a moment of quiet before and after a line
const PAUSE_MS = 500;
const GREETING_MS = 8000;
const ANSWER_MS = 25000;
const REST_MS = 900;

// lines: [{ start_ms, end_ms, text }]; quiet(): nobody speaks, nothing is being answered.
export class RecordedCustomer {
  #stopped = false;

  constructor(sound, buffer, lines, { quiet, answers, saying, greeted }) {
    Object.assign(this, { sound, buffer, lines, quiet, answers, saying, greeted });
  }

  // Speak all lines; true when it was not stopped before the end.
  async talk() {
    if (this.greeted) await this.#answered(0, GREETING_MS);
    for (const [place, line] of this.lines.entries()) {
      if (this.#stopped) return false;
      const had = this.answers();
      this.saying(place, line);
      const from = Math.max(0, line.start_ms - LEAD_MS);
      await this.sound.play(this.buffer, from / 1000, (line.end_ms + LEAD_MS - from) / 1000);
      await this.#answered(had, ANSWER_MS);
      await wait(PAUSE_MS);
    }
    return !this.#stopped;
  }

  stop() {
    this.#stopped = true;
  }

  // Wait until more than `had` answers were heard to their end and it has stayed quiet.
  async #answered(had, patienceMs) {
    const until = performance.now() + patienceMs;
    let quietSince = null;
    while (!this.#stopped && performance.now() < until) {
      await wait(50);
      const rests = this.answers() > had && this.quiet();
      quietSince = rests ? (quietSince ?? performance.now()) : null;
      if (quietSince !== null && performance.now() - quietSince > REST_MS) return;
    }
  }
}

// The sound comes from the kernel, as bytes beside a message: it is in no trait, so no notebook keeps it.
export function clipBytes(model, name) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => finish(() => reject(new Failed(noClip(name)))), CLIP_MS);
    const heard = (message, buffers) => {
      if (message?.clip !== name) return;
      const view = buffers[0];
      finish(() => resolve(view.buffer ? view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) : view));
    };
    const finish = (settle) => {
      clearTimeout(timer);
      model.off("msg:custom", heard);
      settle();
    };
    model.on("msg:custom", heard);
    model.send({ do: "clip", name });
  });
}

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
