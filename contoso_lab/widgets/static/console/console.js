// The voice console: press Connect and talk. One desk for each widget, any number of views of it.

import { Desk } from "./desk.js";
import { h } from "../dom.js";
import { controlsView, writeView } from "./view_controls.js";
import { headView } from "./view_head.js";
import { logView, settingsView, waitsView } from "./view_more.js";
import { pageView } from "./view_page.js";
import { talkView } from "./view_talk.js";

const TICK_MS = 1000;
const METER_MS = 80;

const desks = new WeakMap();

function deskOf(model) {
  if (!desks.has(model)) desks.set(model, new Desk(model));
  return desks.get(model);
}

function initialize({ model }) {
  const desk = deskOf(model);
  const heard = (message) => message?.do === "hang_up" && desk.live && desk.hangUp("the notebook hung up");
  model.on("msg:custom", heard);
  return () => {
    model.off("msg:custom", heard);
    desk.close();
    desks.delete(model);
  };
}

function render({ model, el }) {
  const desk = deskOf(model);
  const controls = controlsView(desk);
  const views = [headView(desk), settingsView(desk), talkView(desk), controls, writeView(desk), pageView(desk), waitsView(desk), logView(desk)];
  const [head, settings, talk, buttons, write, page, waits, log] = views.map((view) => view.element);
  const root = h(
    "div",
    // What is typed here is not for the shortcuts of the notebook around it.
    { class: "cl clc", role: "region", "aria-label": "Voice console", tabIndex: -1, "data-lm-suppress-shortcuts": "true" },
    h("div", { class: "clc-frame" }, head, settings, h("div", { class: "clc-main" }, h("div", { class: "clc-left" }, talk, buttons, write), page), waits, log),
  );
  root.addEventListener("keydown", (event) => keys(event, desk));
  root.addEventListener("keyup", (event) => event.key === " " && isFree(event.target) && desk.call?.release());
  el.append(root);

  let last = null;
  root.addEventListener("focusin", ({ target }) => {
    last = target;
  });
  const update = () => {
    for (const view of views) view.update();
    // A button that was pressed and is gone takes the focus with it; the keys shall go on working.
    const lost = last !== null && (!last.isConnected || last.offsetParent === null) && document.activeElement === document.body;
    if (lost) root.focus({ preventScroll: true });
  };
  const forget = desk.onChange(update);
  const timer = setInterval(() => desk.live && update(), TICK_MS);
  // The meters move often, and alone: what else is drawn with them is taken from the sound where processors are few.
  const meters = setInterval(() => desk.live && controls.levels(), METER_MS);
  desk.watched(1);
  update();
  return () => {
    forget();
    clearInterval(timer);
    clearInterval(meters);
    desk.watched(-1);
    root.remove();
  };
}

// Escape hangs up; the space bar talks wherever it means nothing else. What is done here is not for the notebook.
function keys(event, desk) {
  if (event.key === "Escape" && desk.bell.rings) desk.bell.decline();
  else if (event.key === "Escape" && desk.busy) desk.hangUp();
  else if (event.key === " " && isFree(event.target) && desk.live && desk.kept.talk === "push") {
    if (!event.repeat) desk.call.press();
  } else return;
  event.preventDefault();
  event.stopPropagation();
}

const isFree = (target) => !target.closest("button, input, select, textarea, summary, a");

export default { initialize, render };
