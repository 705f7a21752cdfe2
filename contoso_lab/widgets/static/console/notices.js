// What of the events that pass is for the customer's eyes, and what ends somebody's words.

// Without our doing: a cancel that came too late, or a reply that was asked for twice, harms nobody.
const HARMLESS = new Set(["response_cancel_not_active", "conversation_already_has_active_response", "input_audio_buffer_commit_empty"]);

const FORGETTING = {
  ask: "You asked to be forgotten. Nothing is deleted before you say yes.",
  keep: "You are not forgotten: nothing was deleted.",
  busy: "You cannot be forgotten yet: another call or chat of yours goes on. End it and ask again.",
  failed: "Not everything about you could be deleted. Ask again.",
};

// What was deleted, to be read when the call is over.
export function receiptOf({ threads, messages, recordings, left }) {
  const parts = [[threads, "conversation"], [messages, "message"], [recordings, "recording"]];
  const said = parts.map(([count, name]) => `${count} ${name}${count === 1 ? "" : "s"}`).join(", ");
  return `You were forgotten: ${said} deleted${left ? `, ${left} could not be` : ""}.`;
}

const BROKEN = {
  again: "the customer has it already",
  language: "not the customer's language",
  markup: "cannot be spoken",
  not_carried: "the catalogue has no such product",
  permission: "nobody asked to see it",
  unknowable: "the shop knows nothing of it",
  unspoken: "nobody spoke of it",
};

// Why words of the assistant break a rule of the shop.
export const brokenWhy = ({ kind, says }) => (says ? `the catalogue says: ${says}` : BROKEN[kind] ?? "the catalogue does not say so");

// A sentence for the console, or empty.
export function noticeOf(event) {
  switch (event.type) {
    case "error":
      return HARMLESS.has(event.error?.code) ? "" : `The other side refused something: ${event.error?.message}`;
    case "lab.ending":
      return `The call ends in ${Math.round(event.in_s)} s: it reaches its ${event.reason === "spend" ? "spending" : "time"} ceiling.`;
    case "lab.recording.failed":
      return `The call goes on, but is not recorded: ${event.message}`;
    case "lab.forget":
      return FORGETTING[event.step] ?? String(event.say);
  }
  return "";
}

// Something was said to its end, or written down late: time to ask whether a page is wanted.
export function endsWords(event) {
  if (event.type === "playback.stopped") return event.reason === "finished";
  if (event.type === "response.done") return event.response?.status === "completed";
  return event.type === "conversation.item.input_audio_transcription.completed";
}
