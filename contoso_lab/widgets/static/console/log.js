// What passed and what happened, the newest 500 lines. Names and numbers; words are in the transcript, sound nowhere.

const MOST = 500;

export class ActivityLog {
  lines = []; // { number, at, direction: "in" | "out" | "here", type, detail, count }
  #number = 0;

  add(direction, type, detail = "") {
    const last = this.lines.at(-1);
    // Pieces of sound and text come by the dozen: one line counts them.
    if (last && last.direction === direction && last.type === type && type.endsWith(".delta")) {
      last.count += 1;
      last.detail = detail || last.detail;
      return;
    }
    this.#number += 1;
    this.lines.push({ number: this.#number, at: new Date(), direction, type, detail, count: 1 });
    if (this.lines.length > MOST) this.lines.splice(0, this.lines.length - MOST);
  }

  event(event, direction) {
    this.add(direction, event.type, detailOf(event));
  }

  matching(words) {
    const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
    return this.lines.filter((line) => wanted.every((word) => `${line.direction} ${line.type} ${line.detail}`.toLowerCase().includes(word)));
  }

  text(lines = this.lines) {
    return lines.map((line) => [stamp(line.at), line.direction, line.type + (line.count > 1 ? ` ×${line.count}` : ""), line.detail].join("\t")).join("\n");
  }

  clear() {
    this.lines = [];
  }
}

export const stamp = (at) => at.toTimeString().slice(0, 8) + "." + String(at.getMilliseconds()).padStart(3, "0");

function detailOf(event) {
  switch (event.type) {
    case "error":
      return [event.error?.code, event.error?.message].filter(Boolean).join(": ");
    case "response.done":
      return [event.response?.status, event.response?.usage?.total_tokens && `${event.response.usage.total_tokens} tokens`].filter(Boolean).join(", ");
    case "conversation.item.truncate":
      return `${event.item_id} at ${event.audio_end_ms} ms`;
    case "playback.stopped":
      return `${event.reason}, ${event.played_ms} ms played`;
    case "playback.underrun":
      return `${event.gap_ms} ms without sound`;
    case "session.update":
      return JSON.stringify(event.session?.audio?.input?.turn_detection ?? null);
    case "lab.recording":
      return event.id;
    case "lab.suggestions.shown":
      return (event.skus ?? []).join(" ");
  }
  return event.item_id ?? event.item?.id ?? event.response_id ?? event.response?.id ?? event.reason ?? "";
}
