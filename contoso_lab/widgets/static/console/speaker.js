// What a listener really hears: replies queue up and sound one after the other, until someone cuts in. The rules of
// contoso_lab/session/playback.py, counted in samples instead of time: what went out is known exactly.
// The queue has no length of its own: an answer of minutes arrives in seconds, and a full ring would lose its end.

const AUDIBLE_POWER = 10 ** -4.5; // -45 dB
const FRAME_S = 0.02;
const LEAST_HEARD_S = 0.001; // the wire counts whole milliseconds, and a cut at 0 is refused
const FADE = 64; // samples: a sound that ends in the middle of a wave would click

export class Speaker {
  #rate;
  #tell;
  #queue = [];
  #silenced = new Set();
  #last = 0;
  #fading = 0;

  // tell(report): a report has `kind`, `frame` (when, on the context's clock), `item`, `response`.
  constructor(rate, tell) {
    this.#rate = rate;
    this.#tell = tell;
  }

  get idle() {
    return this.#queue.length === 0;
  }

  get playing() {
    const [reply] = this.#queue;
    return reply ? { item: reply.item, playedMs: this.#ms(reply.played) } : null;
  }

  // A reply that was cut stays cut, and an empty piece is no sound.
  push(item, response, samples) {
    if (this.#silenced.has(item) || samples.length === 0) return;
    let reply = this.#queue.at(-1);
    if (reply?.item !== item) {
      if (reply) reply.complete = true;
      reply = { item, response, pieces: [], at: 0, received: 0, played: 0, audibleAt: null, told: false, started: false, complete: false, starved: null };
      this.#queue.push(reply);
    }
    if (reply.audibleAt === null) {
      const offset = firstAudible(samples, this.#rate);
      if (offset !== null) reply.audibleAt = reply.received + offset;
    }
    reply.pieces.push(samples);
    reply.received += samples.length;
  }

  finish(matches) {
    for (const reply of this.#queue) if (matches(reply)) reply.complete = true;
  }

  // Fill one block that begins at `frame`.
  pull(out, frame) {
    let filled = 0;
    while (filled < out.length && this.#queue.length) {
      const reply = this.#queue[0];
      if (reply.played < reply.received) filled += this.#sound(reply, out, filled, frame + filled);
      else if (reply.complete) {
        this.#queue.shift();
        // That nothing more comes may be known long after it fell silent.
        this.#report("stopped", reply, reply.starved ?? frame + filled, { reason: "finished" });
      } else {
        // The reply goes on but its next piece is late: what was queued has run dry.
        if (reply.started) reply.starved ??= frame + filled;
        break;
      }
    }
    for (; filled < out.length; filled += 1) {
      out[filled] = this.#fading > 0 ? (this.#last * this.#fading) / FADE : 0;
      this.#fading = Math.max(0, this.#fading - 1);
    }
  }

  // Fall silent now. Tells which reply was cut and which were not heard at all.
  flush(frame, id) {
    const [cut] = this.#queue;
    const unheard = this.#queue.filter((reply) => this.#ms(reply.played) < 1000 * LEAST_HEARD_S).map((reply) => reply.item);
    for (const reply of this.#queue) {
      this.#silenced.add(reply.item);
      if (reply.started) this.#report("stopped", reply, frame, { reason: "flushed" });
    }
    this.#queue = [];
    this.#fading = cut?.started ? FADE : 0;
    const item = cut && !unheard.includes(cut.item) ? cut.item : null;
    this.#tell({ kind: "flushed", frame, id, item, unheard, playedMs: cut ? this.#ms(cut.played) : 0 });
  }

  #sound(reply, out, from, frame) {
    if (reply.starved !== null) {
      this.#report("underrun", reply, frame, { gapMs: this.#ms(frame - reply.starved) });
      reply.starved = null;
    }
    if (!reply.started) {
      reply.started = true;
      this.#report("started", reply, frame);
    }
    const piece = reply.pieces[0];
    const length = Math.min(piece.length - reply.at, out.length - from);
    out.set(piece.subarray(reply.at, reply.at + length), from);
    if (!reply.told && reply.audibleAt !== null && reply.played + length > reply.audibleAt) {
      reply.told = true;
      this.#report("first_audible", reply, frame + reply.audibleAt - reply.played);
    }
    reply.at += length;
    reply.played += length;
    this.#last = out[from + length - 1];
    if (reply.at === piece.length) {
      reply.pieces.shift();
      reply.at = 0;
    }
    return length;
  }

  #report(kind, reply, frame, more = {}) {
    const { item, response, played } = reply;
    this.#tell({ kind, frame, item, response, playedMs: this.#ms(played), ...more });
  }

  #ms(samples) {
    return (1000 * samples) / this.#rate;
  }
}

// Where sound begins in a piece, to a frame of 20 ms; null when all of it is quiet.
export function firstAudible(samples, rate) {
  const frame = Math.round(rate * FRAME_S);
  for (let start = 0; start < samples.length; start += frame) {
    const piece = samples.subarray(start, start + frame);
    let power = 0;
    for (const sample of piece) power += sample * sample;
    if (power / piece.length >= AUDIBLE_POWER) return start;
  }
  return null;
}
