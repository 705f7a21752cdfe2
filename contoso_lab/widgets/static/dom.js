// Small things that every widget of results needs: elements, lifetimes, times as people read them.

// An element: attributes by name, handlers as functions, children as elements or text.
export const h = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") made.className = value;
    else if (name === "text") made.textContent = value;
    else if (name === "style") made.style.cssText = value;
    else if (name in made && typeof value !== "string") made[name] = value;
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return made;
};

const SVG = "http://www.w3.org/2000/svg";
export const svg = (tag, attributes = {}, ...children) => {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
};

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

export const clock = (ms, tenths = false) => {
  const whole = Math.max(0, ms) / 1000;
  const seconds = tenths ? Math.floor((whole % 60) * 10) / 10 : Math.floor(whole % 60);
  const shown = tenths ? seconds.toFixed(1).padStart(4, "0") : String(seconds).padStart(2, "0");
  return `${Math.floor(whole / 60)}:${shown}`;
};

export const waitText = (ms) => {
  const size = Math.abs(ms);
  const sign = Math.round(ms) < 0 ? "\u2212" : "";
  return size >= 10000 ? `${sign}${(size / 1000).toFixed(1)} s` : `${sign}${size.toFixed(0)} ms`;
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

// Move the focus along a list of elements of which one at a time is in the order of Tab.
export const rove = (items, now, step) => {
  const next = items[Math.max(0, Math.min(items.length - 1, now + step))];
  for (const item of items) item.tabIndex = item === next ? 0 : -1;
  next?.focus();
  return next;
};

export const PLAY = "M4 2.5v11l9-5.5z";
export const PAUSE = "M4 2.5h3v11H4zM9 2.5h3v11H9z";
export const icon = (path) => svg("svg", { viewBox: "0 0 16 16", fill: "currentColor", "aria-hidden": "true" }, svg("path", { d: path }));
