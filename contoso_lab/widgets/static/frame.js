// What every widget of results stands in, and what it lets go of when it goes.

import { h } from "./dom.js";

// Everything that has to be let go when a view goes: called in turn, each once.
export const makeLife = () => {
  const ends = [];
  return {
    on(target, type, handler, options) {
      target.addEventListener(type, handler, options);
      ends.push(() => target.removeEventListener(type, handler, options));
    },
    model(model, type, handler) {
      model.on(type, handler);
      ends.push(() => model.off(type, handler));
    },
    add(end) { ends.push(end); },
    end() { while (ends.length) ends.pop()(); },
    get size() { return ends.length; },
  };
};

// The frame of a widget: its name for a screen reader, what went wrong, what is going on, and the body.
// Inside it our keys are ours: JupyterLab would else take "1" for "make this cell a heading".
export const makeFrame = (model, el, life, name) => {
  const alert = h("div", { class: "cl-error", role: "alert", hidden: true });
  const doing = h("div", { class: "cl-stack cl-doing", role: "status", hidden: true },
    h("span", { class: "cl-quiet cl-small" }), h("div", { class: "cl-progress" }, h("i")));
  const body = h("div", { class: "cl-stack" });
  const root = h("section", { class: `cl cl-panel cl-stack cl-${name}`, "aria-label": model.get("label") || name, "data-lm-suppress-shortcuts": "true" }, alert, doing, body);
  const own = { fault: "", work: "" };
  const show = () => {
    const fault = own.fault || model.get("error");
    const work = own.work || model.get("busy");
    alert.textContent = fault;
    alert.hidden = !fault;
    doing.firstChild.textContent = work;
    doing.hidden = !work;
    root.setAttribute("aria-busy", String(Boolean(work)));
  };
  life.model(model, "change:error", show);
  life.model(model, "change:busy", show);
  el.append(root);
  life.add(() => root.remove());
  show();
  return {
    root,
    body,
    fault(sentence) { own.fault = sentence; show(); },
    work(sentence) { own.work = sentence; show(); },
  };
};

export const empty = (sentence) => h("p", { class: "cl-empty", text: sentence });
