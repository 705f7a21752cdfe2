// The worker that holds the socket. The microphone and the loudspeaker are wired to it directly, so that a page that is
// busy loses no sample and still falls silent when the customer cuts in.

import { Line } from "./line.js";
import { fromBase64, toBase64, WIRE_HZ } from "./pcm.js";
import { corrections, localEvent, SoundClock } from "./reports.js";

const GOODBYE_MS = 10000;
const HELD_MS = 250;

let speaker = null;
let originMs = 0;
let outputMs = 0; // from the graph to the ear
let leaving = false;
let activeResponse = null;
let flushes = 0;
let captured = 0;
let held = null; // what waits until it is known where a reply was cut: the truncation goes first
const clock = new SoundClock();
const late = []; // reports of what is on its way to the ear

const nowMs = () => performance.timeOrigin + performance.now() - originMs;
const tell = (message) => self.postMessage(message);

const line = new Line({
  event: (event) => hear(event, nowMs()),
  down: (how) => tell({ kind: "down", ...how }),
  back: () => tell({ kind: "back" }),
  closed: (close) => tell({ kind: "closed", ...close, leaving }),
});

function say(text) {
  if (held) held.push(text);
  else line.send(text);
}

function release() {
  const waiting = held ?? [];
  held = null;
  waiting.forEach((text) => line.send(text));
}

function send(event) {
  say(JSON.stringify(event));
  tell({ kind: "sent", event, atMs: nowMs() });
}

function note(event) {
  line.send(JSON.stringify({ type: "lab.local", event }));
  tell({ kind: "local", event, atMs: event.client_ms });
}

function hear(event, atMs) {
  let told = event;
  switch (event.type) {
    case "response.output_audio.delta": {
      const bytes = fromBase64(event.delta);
      told = { ...event, delta: undefined, audio_ms: (500 * bytes.length) / WIRE_HZ };
      const pcm = bytes.buffer.byteLength === bytes.length ? bytes.buffer : bytes.slice().buffer;
      if (!leaving) speaker.postMessage({ pcm, item: event.item_id, response: event.response_id }, [pcm]);
      break;
    }
    case "response.output_audio.done":
      speaker.postMessage({ finish: event.item_id });
      break;
    case "response.created":
      activeResponse = event.response.id;
      break;
    case "response.done":
      if (activeResponse === event.response.id) activeResponse = null;
      speaker.postMessage({ finishResponse: event.response.id });
      break;
    case "input_audio_buffer.speech_started":
      flush();
      break;
  }
  tell({ kind: "event", event: told, atMs });
}

function flush() {
  flushes += 1;
  speaker.postMessage({ flush: flushes });
}

// What the loudspeaker tells is noted at the moment at which it is heard.
function played(report) {
  const now = nowMs();
  clock.note(report.atS, now);
  const at = clock.ms(report.atS);
  if (report.kind === "flushed") {
    tell({ kind: "flushed", ...report, atMs: now });
    const waiting = held;
    held = null;
    if (!leaving) corrections(report).forEach(send);
    held = waiting;
    release();
    return;
  }
  if (report.reason === "flushed") {
    while (late.length) note({ ...late.shift(), client_ms: now });
    note(localEvent(report, now));
    return;
  }
  const heardMs = at + outputMs;
  const event = localEvent(report, heardMs);
  if (heardMs <= now) return note(event);
  late.push(event);
  setTimeout(() => {
    const place = late.indexOf(event);
    if (place >= 0) note(late.splice(place, 1)[0]);
  }, heardMs - now);
}

function spoken({ data }) {
  if (leaving) return;
  if (data.pcm) {
    captured += data.pcm.byteLength / 2;
    const audio = toBase64(new Uint8Array(data.pcm));
    say(`{"type":"input_audio_buffer.append","audio":"${audio}"}`);
  } else if (data.events) data.events.forEach(send);
}

function hangUp(reason) {
  if (leaving) return;
  leaving = true;
  // Who hangs up does not hear the rest: first the loudspeaker's report, then the goodbye.
  flush();
  setTimeout(() => {
    note({ type: "call.ended", client_ms: Math.round(nowMs()), reason });
    // The relay finishes the recording and then closes: after that it can be read.
    setTimeout(() => line.close(1000), GOODBYE_MS);
  }, 60);
}

self.onmessage = ({ data }) => {
  switch (data.do) {
    case "open":
      ({ originMs, outputMs } = data);
      speaker = data.speaker;
      speaker.onmessage = (message) => played(message.data);
      data.microphone.onmessage = spoken;
      line.open(data.url, data.token);
      break;
    case "send":
      send(data.event);
      break;
    case "note":
      note(data.event);
      break;
    case "interrupt": // by a press on a button: the server has heard nothing yet
      if (activeResponse !== null) send({ type: "response.cancel", response_id: activeResponse });
      held ??= [];
      setTimeout(release, HELD_MS); // a loudspeaker that is gone answers nothing
      flush();
      break;
    case "output":
      ({ outputMs } = data);
      break;
    case "hangUp":
      hangUp(data.reason);
      break;
    case "count":
      tell({ kind: "count", captured });
      break;
  }
};
