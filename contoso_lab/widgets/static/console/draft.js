// What is known so far of one conversation item, and the turn that it makes; as contoso_lab/wire/drafts.py.

const ROUNDING_MS = 20; // a cut shorter than this is the two sides' clocks, not a missed word

// Cut a transcript where its sound was cut: only words that were heard whole remain.
export function heardText(text, heardMs, audioMs) {
  if (audioMs <= 0 || heardMs >= audioMs) return text;
  if (heardMs <= 0) return "";
  const reach = (text.length * heardMs) / audioMs;
  let end = 0;
  for (const word of text.matchAll(/\S+/g)) {
    if (word.index + word[0].length > reach) break;
    end = word.index + word[0].length;
  }
  return text.slice(0, end);
}

export class Draft {
  startedMs = null;
  stoppedMs = null;
  closedMs = null;
  responseId = null;
  parts = new Map();
  call = null;
  isOutput = false;
  isSpeech = false;
  committed = true;
  complete = false;
  cancelled = false;
  failed = false;
  deleted = false;
  audioMs = 0;
  truncatedMs = null;
  playedMs = null;
  playStartedMs = null;
  playStoppedMs = null;

  constructor(id, role, atMs) {
    Object.assign(this, { id, role, atMs });
  }

  get text() {
    const parts = [...this.parts.entries()].sort(([a], [b]) => a - b);
    return parts.map(([, part]) => part.trim()).filter(Boolean).join(" ");
  }

  get heardMs() {
    const known = this.playedMs ?? this.truncatedMs;
    return known === null || known >= this.audioMs - ROUNDING_MS ? this.audioMs : Math.max(known, 0);
  }

  get shown() {
    if (this.isOutput || (this.role === "user" && !this.committed)) return false;
    if (this.deleted && !this.isSpeech) {
      const known = this.playedMs ?? this.truncatedMs;
      return known === null ? this.playStartedMs !== null : known > 0;
    }
    const empty = !this.text && this.audioMs === 0 && this.call === null;
    return !(this.role === "assistant" && empty && this.closedMs !== null && !this.failed);
  }

  get status() {
    if (this.failed) return "failed";
    if (this.role === "assistant" && (this.cancelled || this.heardMs < this.audioMs)) return "interrupted";
    return this.closedMs === null ? "open" : "done";
  }

  fill(content) {
    (Array.isArray(content) ? content : []).forEach((part, index) => {
      const text = part?.transcript || part?.text;
      if (typeof text === "string") this.parts.set(index, text);
    });
  }

  add(index, piece) {
    this.parts.set(index, (this.parts.get(index) ?? "") + (piece ?? ""));
  }

  close(atMs) {
    this.closedMs ??= atMs;
  }

  playback(name, event, atMs) {
    if (name === "playback.started") this.playStartedMs ??= atMs;
    else if (name === "playback.stopped") {
      this.playStoppedMs = atMs;
      if (Number.isFinite(event.played_ms)) this.playedMs = event.played_ms;
    }
  }

  // The player emptied its queue: what waited in it was never heard.
  flushed() {
    const waits = this.role === "assistant" && this.audioMs > 0 && this.playStartedMs === null;
    if (waits && this.playedMs === null) this.playedMs = 0;
  }

  turn(calls) {
    const { id, role, text, status, responseId, audioMs, heardMs } = this;
    return {
      id, role, text, status, responseId, audioMs, heardMs, calls,
      heard: role === "assistant" ? heardText(text, heardMs, audioMs) : text,
      startedMs: this.playStartedMs ?? this.startedMs ?? this.atMs,
      playing: this.playStartedMs !== null && this.playStoppedMs === null,
    };
  }
}
