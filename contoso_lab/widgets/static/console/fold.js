// Fold the events of a call into turns, in the order in which they were spoken; as contoso_lab/wire/conversation.py.
// Sound comes as its length: the worker that holds the socket puts `audio_ms` in place of the bytes.

import { Draft } from "./draft.js";
import { ItemOrder } from "./order.js";

const ROLES = new Set(["user", "assistant", "system"]);
const TOOL_ITEMS = new Set(["function_call", "mcp_call"]);

export class Conversation {
  session = {};
  activeResponseId = null;
  #drafts = new Map();
  #order = new ItemOrder();
  #speaking = null;
  #appendedMs = null;
  #audioStartMs = new Map();
  #aside = new Set();

  get speaking() {
    return this.#speaking !== null;
  }

  get turns() {
    const drafts = this.#order.ids.map((id) => this.#drafts.get(id)).filter((draft) => draft.shown);
    const homes = new Map();
    for (const draft of [...drafts].reverse()) {
      if (draft.responseId && draft.call === null) homes.set(draft.responseId, draft.id);
    }
    const calls = new Map();
    for (const draft of drafts) {
      if (draft.call === null) continue;
      const home = homes.get(draft.responseId) ?? draft.id;
      calls.set(home, [...(calls.get(home) ?? []), draft.call]);
    }
    return drafts
      .filter((draft) => draft.call === null || calls.has(draft.id))
      .map((draft) => draft.turn(calls.get(draft.id) ?? []));
  }

  // direction: "s2c", "c2s" or "local"
  apply(event, atMs, direction = "s2c") {
    const name = String(event.type ?? "");
    if (direction === "s2c") this.#fromServer(name, event, atMs);
    else if (direction === "c2s") this.#fromClient(name, event, atMs);
    else if (name.startsWith("playback.")) this.#heard(name, event, atMs);
  }

  #heard(name, event, atMs) {
    const draft = this.#drafts.get(event.item_id);
    if (!draft) return;
    draft.playback(name, event, atMs);
    if (name === "playback.stopped" && event.reason === "flushed") for (const each of this.#drafts.values()) each.flushed();
  }

  #fromServer(name, event, atMs) {
    if (name === "session.created" || name === "session.updated") this.session = event.session ?? {};
    else if (name === "conversation.item.added" || name === "conversation.item.done") this.#item(name, event, atMs);
    else if (name === "conversation.item.deleted" || name === "conversation.item.truncated") this.#changed(name, event);
    else if (name.startsWith("input_audio_buffer.")) this.#buffer(name, event, atMs);
    else if (name.startsWith("conversation.item.input_audio_transcription.")) this.#transcription(name, event, atMs);
    else if (name.startsWith("response.")) this.#response(name, event, atMs);
  }

  #fromClient(name, event, atMs) {
    if (name === "input_audio_buffer.append") this.#appendedMs ??= atMs;
    else if (name === "conversation.item.truncate") this.#changed(name, event);
    else if (name === "conversation.item.create" && event.item?.type === "function_call_output") this.#answer(event.item);
  }

  #draft(id, role, atMs) {
    if (!this.#drafts.has(id)) {
      this.#drafts.set(id, new Draft(id, role, atMs));
      this.#order.note(id);
    }
    return this.#drafts.get(id);
  }

  #item(name, event, atMs) {
    const item = event.item ?? {};
    if (typeof item.id !== "string") return;
    const draft = this.#draft(item.id, ROLES.has(item.role) ? item.role : "assistant", atMs);
    this.#order.place(item.id, event.previous_item_id);
    this.#read(draft, item);
    draft.committed = true;
    const done = name === "conversation.item.done";
    if (draft.isSpeech) {
      if (draft.text || (done && !this.#transcribes)) draft.close(atMs);
    } else if (done || item.status === "completed" || item.status === "incomplete") draft.close(atMs);
    else if (draft.role !== "assistant" || (draft.text && draft.responseId === null)) draft.close(atMs);
  }

  #read(draft, item) {
    draft.fill(item.content);
    draft.complete ||= item.status === "completed";
    if (TOOL_ITEMS.has(item.type)) {
      const known = draft.call ?? { name: "", arguments: "", output: null };
      draft.call = {
        callId: item.call_id || known.callId || draft.id,
        name: item.name || known.name,
        arguments: item.arguments || known.arguments,
        output: item.output ?? known.output,
      };
    } else if (item.type === "function_call_output") {
      draft.isOutput = true;
      this.#answer(item);
    } else if (draft.role === "user" && Array.isArray(item.content)) {
      draft.isSpeech ||= item.content.some((part) => part?.type === "input_audio");
    }
  }

  #answer(item) {
    for (const draft of this.#drafts.values()) {
      if (draft.call?.callId === item.call_id) draft.call = { ...draft.call, output: String(item.output ?? "") };
    }
  }

  #changed(name, event) {
    const draft = this.#drafts.get(event.item_id);
    if (!draft) return;
    if (name === "conversation.item.deleted") draft.deleted = true;
    else if (Number.isFinite(event.audio_end_ms)) draft.truncatedMs = event.audio_end_ms;
  }

  #buffer(name, event, atMs) {
    if (name === "input_audio_buffer.cleared") {
      const draft = this.#drafts.get(this.#speaking);
      if (draft) draft.committed = false;
      this.#speaking = this.#appendedMs = null;
      return;
    }
    const id = String(event.item_id ?? "");
    if (name === "input_audio_buffer.speech_started") {
      this.#speaking = id;
      const draft = this.#draft(id, "user", atMs);
      draft.isSpeech = draft.committed = true;
      draft.startedMs = atMs;
      this.#audioStartMs.set(id, event.audio_start_ms ?? 0);
      for (const other of this.#drafts.values()) {
        // Speech that began and was never committed came to nothing.
        const open = other.isSpeech && other.stoppedMs === null && other !== draft && other.parts.size === 0;
        if (open) other.committed = other.closedMs !== null;
      }
    } else if (name === "input_audio_buffer.speech_stopped" || name === "input_audio_buffer.committed") {
      this.#speaking = null;
      const draft = this.#draft(id, "user", atMs);
      draft.isSpeech = draft.committed = true;
      draft.startedMs ??= this.#appendedMs ?? atMs;
      draft.stoppedMs ??= atMs;
      if (this.#audioStartMs.has(id) && Number.isFinite(event.audio_end_ms)) {
        draft.audioMs = Math.max(event.audio_end_ms - this.#audioStartMs.get(id), 0);
      }
      if (name === "input_audio_buffer.committed") {
        this.#appendedMs = null;
        this.#order.place(id, event.previous_item_id);
        if (!this.#transcribes) draft.close(atMs);
      }
    }
  }

  get #transcribes() {
    return Object.keys(this.session).length === 0 || Boolean(this.session.audio?.input?.transcription);
  }

  #transcription(name, event, atMs) {
    const draft = this.#draft(String(event.item_id ?? ""), "user", atMs);
    draft.isSpeech = draft.committed = true;
    const index = event.content_index ?? 0;
    if (name.endsWith(".delta")) draft.add(index, event.delta);
    else if (name.endsWith(".completed")) {
      draft.parts.set(index, String(event.transcript ?? ""));
      draft.close(atMs);
    } else if (name.endsWith(".failed")) {
      draft.failed = true;
      draft.close(atMs);
    }
  }

  #response(name, event, atMs) {
    const responseId = event.response_id ?? event.response?.id ?? "";
    if (name === "response.created") {
      // Out of band: it reads the conversation and leaves no trace in it.
      if ("conversation_id" in event.response && event.response.conversation_id === null) this.#aside.add(responseId);
      else this.activeResponseId = responseId;
    }
    if (this.#aside.has(responseId)) return;
    if (name === "response.done") return this.#responseDone(responseId, event.response ?? {}, atMs);
    const id = event.item_id ?? event.item?.id;
    if (typeof id !== "string") return;
    const draft = this.#draft(id, "assistant", atMs);
    draft.responseId = responseId || draft.responseId;
    const index = event.content_index ?? 0;
    switch (name) {
      case "response.output_item.added":
      case "response.output_item.done":
        this.#read(draft, event.item ?? {});
        if (name.endsWith(".done")) draft.close(atMs);
        break;
      case "response.output_audio.delta":
        draft.audioMs += event.audio_ms ?? 0;
        draft.startedMs ??= atMs;
        break;
      case "response.output_audio_transcript.delta":
      case "response.output_text.delta":
        draft.add(index, event.delta);
        break;
      case "response.output_audio_transcript.done":
      case "response.output_text.done":
        draft.parts.set(index, String(event.transcript ?? event.text ?? ""));
        break;
      case "response.function_call_arguments.done":
      case "response.mcp_call_arguments.done":
        this.#read(draft, { ...event, type: "function_call" });
        break;
    }
  }

  #responseDone(responseId, response, atMs) {
    if (this.activeResponseId === responseId) this.activeResponseId = null;
    for (const item of Array.isArray(response.output) ? response.output : []) {
      if (typeof item?.id !== "string") continue;
      const draft = this.#draft(item.id, "assistant", atMs);
      draft.responseId = responseId;
      this.#read(draft, item);
    }
    for (const draft of this.#drafts.values()) {
      if (draft.responseId !== responseId) continue;
      // What was complete before the end came stays complete.
      draft.cancelled = response.status === "cancelled" && !draft.complete;
      draft.failed = (response.status === "failed" || response.status === "incomplete") && !draft.complete;
      draft.close(atMs);
    }
  }
}
