// The buttons of a call, the two meters, and the line to write in.

import { h, put } from "../dom.js";
import { icon } from "../icons.js";

const QUIETEST_DB = -60;
const LOUD = 0.02; // a voice, as the meter sees it
const SILENT_MS = 10000;

export function controlsView(desk) {
  const connect = h("button", { class: "cl-btn is-primary", type: "button", onclick: () => desk.connect() }, icon("phone"), "Connect");
  const mute = h("button", { class: "cl-btn", type: "button", onclick: () => desk.call?.mute(!desk.call.muted) & desk.touch() }, icon("microphone"), h("span", {}, "Mute"));
  const hold = h("button", { class: "cl-btn clc-hold", type: "button" }, icon("microphone"), h("span", {}, "Hold to talk"));
  const hangUp = h("button", { class: "cl-btn is-danger", type: "button", onclick: () => desk.hangUp() }, icon("hangup"), h("span", {}, "Hang up"));
  const talk = ["open", "push"].map((mode) =>
    h("button", { class: "cl-btn is-small", type: "button", onclick: () => desk.setTalk(mode) }, mode === "open" ? "Open microphone" : "Push to talk"),
  );
  const modes = h("div", { class: "clc-modes", role: "group", "aria-label": "How you talk" }, ...talk);
  const hint = h("span", { class: "cl-small cl-warn", role: "status" });
  const meters = [["customer", "You"], ["assistant", "Assistant"]].map(([side, name]) => {
    const bar = h("i");
    const meter = h("div", { class: `cl-meter cl-${side}`, role: "meter", "aria-label": `${name}: level`, "aria-valuemin": 0, "aria-valuemax": 100 }, bar);
    return { side, bar, meter, element: h("div", { class: "clc-meter" }, h("span", { class: "cl-small cl-quiet" }, name), meter) };
  });
  const both = h("div", { class: "clc-meters" }, ...meters.map((each) => each.element));
  const element = h("div", { class: "clc-controls" }, connect, hold, mute, hangUp, modes, hint, both);
  holdable(hold, desk);
  let lastSoundMs = 0;

  function update() {
    const { live, busy, call, state } = desk;
    const push = desk.kept.talk === "push" && desk.source !== "recorded";
    connect.hidden = busy || state.phase === "ringing" || desk.talk.length === 0;
    put(connect.lastChild, { textContent: desk.past.length || call ? "Call again" : "Connect" });
    hold.hidden = !live || !push;
    put(hold, { "aria-pressed": call?.pressed !== null && live });
    put(hold.lastChild, { text: call?.pressed === null || !live ? "Hold to talk" : "Let go to send" });
    mute.hidden = !live || !isSpoken();
    put(mute, { "aria-pressed": Boolean(call?.muted) });
    put(mute.lastChild, { text: call?.muted ? "Unmute" : "Mute" });
    hangUp.hidden = !busy;
    put(hangUp.lastChild, { text: live ? "Hang up" : "Cancel" });
    modes.hidden = busy && !isSpoken();
    talk.forEach((button, place) => put(button, { "aria-pressed": (place === 1) === push }));
    both.hidden = !live;
    // A reader of the screen looks now and then; every change of it costs the page more than the bar does.
    for (const { side, meter } of meters) put(meter, { "aria-valuenow": Math.round(100 * share(side)) });
    levels();
  }

  function levels() {
    for (const { side, bar } of meters) put(bar.style, { transform: `scaleX(${share(side).toFixed(2)})` });
    put(hint, { text: hintOf(desk.live && isSpoken()) });
    hint.hidden = !hint.textContent;
  }

  // The sound comes from outside: no recorded customer speaks, and nobody types.
  const isSpoken = () => desk.source === "microphone" || desk.source === "stream";

  // Of the meter's length, from -60 dB of full scale to 0.
  function share(side) {
    const level = desk.live ? desk.levels[side] : 0;
    return level > 0 ? Math.max(0, Math.min(1, 1 - (20 * Math.log10(level)) / QUIETEST_DB)) : 0;
  }

  function hintOf(spoken) {
    const now = performance.now();
    const { customer } = desk.levels;
    if (!spoken || customer > 1e-5) lastSoundMs = now;
    if (!spoken) return "";
    if (desk.call.muted && customer > LOUD) return "You are muted: nobody hears you.";
    if (now - lastSoundMs > SILENT_MS) return "No sound comes from the microphone. Is it switched off?";
    return "";
  }
  return { element, update, levels };
}

// Down is down for the mouse, a finger and the space bar; however it ends, the button comes up.
function holdable(button, desk) {
  const down = (event) => {
    event.preventDefault();
    button.focus({ preventScroll: true });
    desk.call?.press();
    desk.touch();
  };
  const up = () => {
    desk.call?.release();
    desk.touch();
  };
  button.addEventListener("pointerdown", (event) => {
    button.setPointerCapture(event.pointerId);
    down(event);
  });
  for (const name of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) button.addEventListener(name, up);
  button.addEventListener("keydown", (event) => {
    if ((event.key === " " || event.key === "Enter") && !event.repeat) down(event);
    else if (event.key === " " || event.key === "Enter") event.preventDefault();
  });
  button.addEventListener("keyup", (event) => (event.key === " " || event.key === "Enter") && up());
  button.addEventListener("contextmenu", (event) => event.preventDefault()); // a long press on a touch screen
}

export function writeView(desk) {
  const input = h("input", { class: "cl-input cl-grow", type: "text", maxLength: 4000, autocomplete: "off", "aria-label": "Write to the assistant" });
  const send = h("button", { class: "cl-btn", type: "submit", "aria-label": "Send" }, icon("send"));
  const toggle = h(
    "button",
    { class: "cl-btn is-ghost is-small", type: "button", title: "Show or hide the chat line", onclick: () => desk.keep({ open: { ...desk.kept.open, chat: !desk.kept.open.chat } }) },
    icon("chat"),
    "Chat",
  );
  const form = h("form", { class: "cl-row clc-write" }, input, send);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const text = input.value.trim();
    if (!text) return;
    input.value = "";
    desk.write(text);
  });
  form.addEventListener("keydown", (event) => event.key === " " && event.stopPropagation());
  // JupyterLab takes the line break away from what is in an output, and with it the browser's own sending of a form.
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.isComposing) return;
    event.preventDefault();
    if (!send.disabled) form.requestSubmit();
  });
  const element = h("div", { class: "clc-chat" }, toggle, form);

  function update() {
    const { open } = desk.kept;
    form.hidden = !open.chat;
    put(toggle, { "aria-expanded": open.chat });
    const placeholder = desk.live ? "Write instead of speaking" : "Write, or ask to be called";
    put(input, { placeholder, disabled: desk.state.phase === "connecting" });
    put(send, { disabled: desk.state.phase === "connecting" });
  }
  return { element, update };
}
