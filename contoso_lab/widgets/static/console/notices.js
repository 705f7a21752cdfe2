// What of the events that pass is for the customer's eyes, and what ends somebody's words.

// Without our doing: a cancel that came too late, or a reply that was asked for twice, harms nobody.
const HARMLESS = new Set(["response_cancel_not_active", "conversation_already_has_active_response", "input_audio_buffer_commit_empty"]);

// A sentence for the console, or empty.
export function noticeOf(event) {
  switch (event.type) {
    case "error":
      return HARMLESS.has(event.error?.code) ? "" : `The other side refused something: ${event.error?.message}`;
    case "lab.ending":
      return `The call ends in ${Math.round(event.in_s)} s: it reaches its ${event.reason === "spend" ? "spending" : "time"} ceiling.`;
    case "lab.recording.failed":
      return `The call goes on, but is not recorded: ${event.message}`;
  }
  return "";
}

// Something was said to its end, or written down late: time to ask whether a page is wanted.
export function endsWords(event) {
  if (event.type === "playback.stopped") return event.reason === "finished";
  if (event.type === "response.done") return event.response?.status === "completed";
  return event.type === "conversation.item.input_audio_transcription.completed";
}
