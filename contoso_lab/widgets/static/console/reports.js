// From what the loudspeaker tells to what goes out: the `lab.local` events of a recording, and the truncation of a reply
// that was cut. The same events as contoso_lab/session/client.py reports.

const round1 = (value) => Math.round(value * 10) / 10;

export function localEvent(report, clientMs) {
  const event = {
    type: `playback.${report.kind}`,
    client_ms: Math.round(clientMs * 1000) / 1000,
    item_id: report.item,
    response_id: report.response,
  };
  if (report.kind === "stopped") Object.assign(event, { reason: report.reason, played_ms: round1(report.playedMs) });
  if (report.kind === "underrun") event.gap_ms = round1(report.gapMs);
  return event;
}

// From the graph to the ear, as far as it may be asked. Firefox on Linux asks PulseAudio while it holds the lock of the
// graph; PulseAudio may be waiting for the graph just then, and the tab answers nothing more. bench/firefox_latency.py
// shows it on a page without our code.
export function latencyMs(context, agent) {
  const known = /Linux.*Firefox/.test(agent) ? 0 : context.outputLatency;
  return 1000 * (known || context.baseLatency || 0);
}

// The server believes that all it sent was heard. A cut at 0 ms is no cut: such a reply is taken out.
export function corrections(flushed) {
  const told = flushed.unheard.map((item) => ({ type: "conversation.item.delete", item_id: item }));
  if (flushed.item === null) return told;
  const audio_end_ms = Math.floor(flushed.playedMs);
  return [{ type: "conversation.item.truncate", item_id: flushed.item, content_index: 0, audio_end_ms }, ...told];
}

// The sound's clock counts seconds of its own. A report comes a little after its moment, so the least delay that was
// seen lately is the offset between the clocks; lately, because the two do not run equally fast.
export class SoundClock {
  #seen = [];

  constructor(windowMs = 10000) {
    this.windowMs = windowMs;
  }

  note(atS, nowMs) {
    this.#seen = this.#seen.filter((each) => each.nowMs > nowMs - this.windowMs);
    const offset = nowMs - 1000 * atS;
    // Only what may still become the least is kept.
    this.#seen = [...this.#seen.filter((each) => each.offset < offset), { nowMs, offset }];
  }

  // When a moment of the sound was, on the client's clock.
  ms(atS) {
    return 1000 * atS + (this.#seen[0]?.offset ?? 0);
  }
}
