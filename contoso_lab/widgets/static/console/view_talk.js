// What was said, typed and heard, in one column: the chat, then the call, then the chat again. Words that nobody heard
// are struck out; those that are still to be heard are pale.

import { clock, h, keyed, put } from "../dom.js";
import { icon } from "../icons.js";
import { brokenView, updateBroken } from "./broken.js";
import { heardText } from "./draft.js";

const NAMES = { user: "You", assistant: "Assistant", system: "Note" };
const NEAR_PX = 60;

export function talkView(desk) {
  const list = h("div", { class: "clc-turns", role: "log", "aria-label": "What was said", "aria-live": "off", tabIndex: 0 });
  const told = h("div", { class: "cl-sr", "aria-live": "polite" });
  const empty = emptyView(desk);
  const ringing = ringView(desk);
  const problem = failureView(desk);
  const notice = h("p", { class: "cl-note cl-small", role: "status" });
  const element = h("section", { class: "clc-talk", "aria-label": "Conversation" }, list, empty.element, ringing.element, problem.element, notice, told);
  const announced = new Set();

  function update() {
    const rows = rowsOf(desk);
    const follows = list.scrollHeight - list.scrollTop - list.clientHeight < NEAR_PX;
    keyed(list, rows.map((row) => [row.key, row]), makeRow, updateRow);
    list.hidden = rows.length === 0;
    if (follows) list.scrollTop = list.scrollHeight;
    empty.update(rows.length === 0 && !desk.failure && desk.state.phase !== "ringing");
    ringing.update();
    problem.update();
    notice.hidden = !desk.notice || Boolean(desk.failure);
    put(notice, { text: desk.notice });
    announce(rows);
  }

  // Whole turns only: a reader of the screen would stumble over every piece.
  function announce(rows) {
    for (const { key, turn } of rows) {
      if (!turn || announced.has(key) || turn.status === "open" || turn.playing || turn.role === "user") continue;
      announced.add(key);
      put(told, { text: `${NAMES[turn.role]}: ${turn.heard ?? turn.text ?? turn.problem}` });
    }
  }
  return { element, update };
}

function rowsOf(desk) {
  const rows = [];
  for (const { key, turn, call } of desk.talk) {
    if (turn) {
      rows.push({ key, turn, note: turn.problem ?? "" });
      continue;
    }
    rows.push({ key, mark: call });
    for (const each of call.conversation.turns) {
      if (each.role === "system") continue;
      const playing = call.playing?.item === each.id ? call.playing.playedMs : null;
      rows.push({ key: `${key}_${each.id}`, turn: each, at: each.startedMs, playing, live: call.endedMs === null, note: noteOf(each), findings: call.findings.get(each.id) ?? [] });
    }
    if (call.endedMs !== null) rows.push({ key: `${key}_end`, over: call });
  }
  return rows;
}

function noteOf(turn) {
  if (turn.role === "user" && turn.status === "failed") return "could not be written down";
  if (turn.role === "assistant" && turn.status === "failed") return "came to nothing";
  if (turn.role === "assistant" && turn.status === "interrupted") return "interrupted";
  return "";
}

function makeRow(row) {
  if (row.mark || row.over) return h("div", { class: "clc-mark cl-small cl-quiet" }, h("span"));
  const { role } = row.turn;
  const words = h("p", { class: "clc-words" }, h("span", { class: "clc-heard" }), h("span", { class: "clc-coming" }), h("span"), h("s", { title: "nobody heard this" }));
  return h("article", { class: `clc-turn is-${role}` }, h("div", { class: "clc-who" }, h("b", {}, NAMES[role]), h("time"), h("small")), words, h("div", { class: "clc-tools" }), brokenView());
}

function updateRow(element, row) {
  if (row.mark) return put(element.firstChild, { text: `Call at ${new Date(row.mark.startedMs).toTimeString().slice(0, 5)}` });
  if (row.over) return put(element.firstChild, { text: `Call ended after ${clock(row.over.endedMs - row.over.startedMs)}` });
  const { turn, playing, live, note, findings } = row;
  const [who, words, tools, broken] = element.children;
  updateBroken(broken, findings ?? []);
  put(who.children[1], { text: row.at === undefined ? "" : clock(row.at), hidden: row.at === undefined });
  put(who.children[2], { text: note, hidden: !note });
  const { text } = turn;
  let heard = turn.heard ?? text;
  const awaited = turn.status === "open" && !text && row.live !== false;
  let coming = awaited ? "···" : "";
  if (turn.role === "assistant" && live && turn.status !== "interrupted") {
    const unplayed = turn.audioMs > 0 && !turn.playing && turn.status === "open";
    if (playing !== null) heard = heardText(text, playing, turn.audioMs);
    else if (unplayed) heard = "";
    if (!awaited) coming = text.slice(heard.length);
  }
  put(words.children[0], { text: heard });
  put(words.children[1], { text: coming });
  const [, gap, lost] = (coming ? "" : text.slice(heard.length)).match(/^(\s*)(.*)$/s);
  put(words.children[2], { text: gap });
  put(words.children[3], { text: lost });
  words.hidden = !text && !awaited;
  put(words, { className: awaited ? "clc-words is-awaited" : "clc-words" });
  put(tools, { text: (turn.calls ?? []).map((call) => call.name).join(" · "), hidden: !turn.calls?.length });
}

function emptyView(desk) {
  const connect = h("button", { class: "cl-btn is-primary is-large", type: "button", onclick: () => desk.connect() }, icon("phone"), "Connect and talk");
  const clips = h("div", { class: "cl-row clc-clips" });
  const words = h("p", { class: "cl-quiet" });
  const element = h("div", { class: "clc-empty" }, h("div", { class: "clc-badge" }, icon("microphone")), h("h3", {}, "Talk to Contoso"), words, connect, clips);

  function update(shown) {
    element.hidden = !shown;
    if (!shown) return;
    const { phase } = desk.state;
    put(words, {
      text: desk.busy
        ? "You will hear the assistant in a moment."
        : phase === "ended" ? "The call is over." : "The browser asks once for the microphone. The assistant greets you; just answer, and cut in whenever you like.",
    });
    connect.hidden = desk.busy;
    keyed(clips, desk.clips.map((clip) => [clip.name, clip]), (clip) => h("button", { class: "cl-btn", type: "button", onclick: () => desk.connect(clip.name) }, icon("person"), clip.label), () => {});
    clips.hidden = desk.busy || !desk.clips.length;
  }
  return { element, update };
}

function ringView(desk) {
  const left = h("i");
  const seconds = h("span", { class: "cl-quiet cl-num" });
  const accept = h("button", { class: "cl-btn is-good is-large", type: "button", onclick: () => desk.bell.accept() }, icon("phone"), "Accept");
  const decline = h("button", { class: "cl-btn is-large", type: "button", onclick: () => desk.bell.decline() }, "Decline");
  const element = h(
    "div",
    { class: "clc-ring", role: "alertdialog", "aria-label": "Contoso calls you" },
    h("div", { class: "clc-badge is-ringing" }, icon("phone")),
    h("h3", {}, "Contoso calls you"),
    h("p", { class: "cl-quiet" }, "You asked for a call in the chat. ", seconds),
    h("div", { class: "cl-meter cl-good clc-left" }, left),
    h("div", { class: "cl-row" }, accept, decline),
  );
  let shown = false;

  function update() {
    element.hidden = !desk.bell.rings;
    if (desk.bell.rings) {
      const ms = Math.max(0, desk.bell.rings.untilMs - Date.now());
      put(seconds, { text: `It rings for another ${Math.ceil(ms / 1000)} s.` });
      left.style.transform = `scaleX(${ms / desk.bell.rings.ofMs})`;
      if (!shown) accept.focus({ preventScroll: true });
      setTimeout(() => desk.touch(), 500);
    }
    shown = Boolean(desk.bell.rings);
  }
  return { element, update };
}

function failureView(desk) {
  const says = h("b");
  const remedy = h("p");
  const again = h("button", { class: "cl-btn is-small", type: "button", onclick: () => desk.connect() }, "Try again");
  const typing = h("button", { class: "cl-btn is-small", type: "button", onclick: () => desk.connect("none") }, "Go on without a microphone");
  const clips = h("span", { class: "cl-row" });
  const element = h("div", { class: "cl-error clc-failure", role: "alert" }, says, remedy, h("div", { class: "cl-row" }, again, typing, clips));

  function update() {
    const { failure } = desk;
    element.hidden = !failure;
    if (!failure) return;
    put(says, { text: failure.says });
    put(remedy, { text: failure.remedy });
    put(element, { "data-kind": failure.kind });
    again.hidden = desk.busy || failure.kind === "not_secure";
    typing.hidden = desk.busy || !failure.typing;
    keyed(clips, failure.typing && !desk.busy ? desk.clips.map((clip) => [clip.name, clip]) : [], (clip) => h("button", { class: "cl-btn is-small", type: "button", onclick: () => desk.connect(clip.name) }, clip.label), () => {});
  }
  return { element, update };
}
