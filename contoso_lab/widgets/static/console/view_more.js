// What is folded away: settings, how long each answer took, the activity log.

import { h, keyed, options, put, secondsOf } from "../dom.js";
import { icon } from "../icons.js";
import { stamp } from "./log.js";
import { PARTS } from "./waits.js";

const SLIDERS = [
  ["threshold", "How loud a voice must be", 0, 1, 0.05, 0.5, (value) => value.toFixed(2)],
  ["silence_duration_ms", "How long a silence ends your turn", 100, 2000, 50, 500, (value) => `${value} ms`],
  ["prefix_padding_ms", "How much before your voice counts", 0, 1000, 50, 300, (value) => `${value} ms`],
];

export function settingsView(desk) {
  const microphone = h("select", { class: "cl-select", onchange: () => desk.setMicrophone(microphone.value) });
  const speaker = h("select", { class: "cl-select", onchange: () => desk.setSpeaker(speaker.value) });
  const speakerField = field("Loudspeaker", speaker);
  const echo = check("Take out echo and noise (leave it on with loudspeakers)", (on) => desk.keep({ echo: on }));
  const greet = check("The assistant speaks first", (on) => desk.keep({ greet: on }));
  const sliders = SLIDERS.map(([name, label, min, max, step, usual, format]) => {
    const range = h("input", { class: "cl-range", type: "range", min, max, step, "aria-label": label });
    const shown = h("output", { class: "cl-num cl-small" });
    range.addEventListener("input", () => desk.setVad({ ...desk.kept.vad, [name]: Number(range.value) }));
    const element = h("label", { class: "cl-field" }, h("span", { class: "cl-label clc-between" }, label, shown), range);
    return { name, usual, format, range, shown, element };
  });
  const reset = h("button", { class: "cl-btn is-small", type: "button", onclick: () => desk.setVad({}) }, "As the persona has it");
  const anew = h("button", { class: "cl-btn is-small", type: "button", onclick: () => desk.beginAnew() }, "New conversation");
  const element = h(
    "section",
    { class: "cl-well clc-settings", "aria-label": "Settings" },
    h("div", { class: "cl-stack" }, field("Microphone", microphone), speakerField, echo.element, greet.element, h("div", {}, anew)),
    h("div", { class: "cl-stack" }, ...sliders.map((each) => each.element), h("div", {}, reset)),
  );

  function update() {
    element.hidden = !desk.kept.open.settings;
    if (element.hidden) return;
    options(microphone, [["", "The usual one"], ...desk.found.microphones.map(({ id, label }) => [id, label])], desk.kept.microphone);
    options(speaker, [["", "The usual one"], ...desk.found.speakers.map(({ id, label }) => [id, label])], desk.kept.speaker);
    speakerField.hidden = !("setSinkId" in (globalThis.AudioContext?.prototype ?? {}));
    echo.set(desk.kept.echo);
    greet.set(desk.kept.greet);
    const persona = desk.call?.turnDetection ?? {};
    const push = desk.kept.talk === "push";
    for (const { name, usual, format, range, shown } of sliders) {
      const value = desk.kept.vad[name] ?? persona[name] ?? usual;
      if (Number(range.value) !== value) range.value = value;
      put(shown, { text: push ? "not with push to talk" : format(value) });
      range.disabled = push;
    }
    reset.hidden = !Object.keys(desk.kept.vad).length;
    anew.disabled = desk.busy;
  }
  return { element, update };
}

function field(label, control) {
  return h("label", { class: "cl-field" }, h("span", { class: "cl-label" }, label), control);
}

function check(label, choose) {
  const box = h("input", { class: "cl-check", type: "checkbox", onchange: () => choose(box.checked) });
  return { element: h("label", { class: "cl-small" }, box, ` ${label}`), set: (on) => put(box, { checked: on }) };
}

export function waitsView(desk) {
  const rows = h("div", { class: "clc-waits" });
  const legend = h("div", { class: "cl-row cl-small cl-quiet" }, ...PARTS.map(([kind, label]) => h("span", {}, h("i", { class: `clc-part is-${kind}` }), label)));
  const summary = h("summary", {}, "How long each answer took");
  const element = fold(desk, "waits", summary, legend, rows);

  function update() {
    const turns = desk.call?.waits.turns ?? [];
    element.hidden = turns.length === 0;
    const median = desk.call?.waits.medianMs ?? null;
    put(summary, { text: median === null ? "How long each answer took" : `How long each answer took: ${secondsOf(median)} in the median of ${turns.length}` });
    const most = Math.max(1000, ...turns.map((turn) => turn.totalMs));
    keyed(rows, turns.map((turn) => [String(turn.number), turn]), makeWait, (row, turn) => updateWait(row, turn, most));
  }
  return { element, update };
}

function makeWait(turn) {
  const bar = h("span", { class: "clc-rail" }, ...turn.parts.map(({ kind }) => h("i", { class: `clc-part is-${kind}` })));
  return h("div", { class: "clc-wait cl-small cl-num" }, h("span", { class: "cl-quiet" }, String(turn.number)), bar, h("b"));
}

function updateWait(row, turn, most) {
  turn.parts.forEach(({ ms }, place) => {
    row.children[1].children[place].style.width = `${(100 * ms) / most}%`;
  });
  put(row.children[2], { text: secondsOf(turn.totalMs) });
  const words = turn.parts.map(({ ms }, place) => `${PARTS[place][1]} ${Math.round(ms)} ms`).join(", ");
  put(row, { title: words, "aria-label": `Answer ${turn.number}: ${secondsOf(turn.totalMs)}; ${words}`, role: "img" });
}

export function logView(desk) {
  const words = h("input", { class: "cl-input cl-grow", type: "search", placeholder: "Filter, for example: out session", "aria-label": "Filter the activity log" });
  const copy = h("button", { class: "cl-btn is-small", type: "button", onclick: () => copyLog() }, icon("copy"), h("span", {}, "Copy"));
  const clear = h("button", { class: "cl-btn is-small is-ghost", type: "button", onclick: () => desk.log.clear() & desk.touch() }, "Clear");
  const list = h("ol", { class: "clc-log cl-mono", tabIndex: 0, "aria-label": "Activity" });
  const summary = h("summary", {}, "Activity");
  const element = fold(desk, "log", summary, h("div", { class: "cl-row" }, words, copy, clear), list);
  words.addEventListener("input", () => update());
  words.addEventListener("keydown", (event) => event.stopPropagation());

  async function copyLog() {
    const text = desk.log.text(desk.log.matching(words.value));
    await navigator.clipboard.writeText(text).then(
      () => put(copy.lastChild, { text: "Copied" }),
      () => desk.tell("The browser does not let this page copy: select the lines and copy them by hand."),
    );
    setTimeout(() => put(copy.lastChild, { text: "Copy" }), 1500);
  }

  function update() {
    put(summary, { text: `Activity (${desk.log.lines.length})` });
    if (!element.open) return;
    const follows = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
    keyed(list, desk.log.matching(words.value).map((line) => [String(line.number), line]), () => h("li", {}, h("time"), h("b"), h("span"), h("i")), (row, line) => {
      put(row, { className: `is-${line.direction}` });
      put(row.children[0], { text: stamp(line.at) });
      put(row.children[1], { text: { in: "◀", out: "▶", here: "•" }[line.direction] });
      put(row.children[2], { text: line.type + (line.count > 1 ? ` ×${line.count}` : "") });
      put(row.children[3], { text: line.detail });
    });
    if (follows) list.scrollTop = list.scrollHeight;
  }
  return { element, update };
}

function fold(desk, name, summary, ...children) {
  const element = h("details", { class: "clc-fold", open: desk.kept.open[name] }, summary, ...children);
  element.addEventListener("toggle", () => {
    if (element.open !== desk.kept.open[name]) desk.keep({ open: { ...desk.kept.open, [name]: element.open } });
  });
  return element;
}
