import { clock, h } from "./dom.js";
import { empty, makeFrame, makeLife } from "./frame.js";
import { icon } from "./icons.js";
import { makeSound } from "./sound.js";
import { bytesOf, drawWave } from "./wave.js";

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];
const SIDES = [["both", "both sides"], ["left", "customer only"], ["right", "assistant only"]];

const render = ({ model, el }) => {
  const life = makeLife();
  const frame = makeFrame(model, el, life, "clip-player");
  let length = 0;
  let place = 0;
  let side = "both";
  let anchor = null; // where a selection was begun

  const button = h("button", { class: "cl-btn is-primary cl-round", type: "button", "aria-label": "Play" }, icon("play"));
  const times = h("span", { class: "cl-num cl-times" });
  const speed = h("select", { class: "cl-select", "aria-label": "speed" }, SPEEDS.map((value) => h("option", { value: String(value), text: `${value} ×` })));
  const sides = h("select", { class: "cl-select", "aria-label": "which side to hear" }, SIDES.map(([value, text]) => h("option", { value, text })));
  const chosen = h("span", { class: "cl-chip is-mark cl-num", hidden: true });
  const hear = h("button", { class: "cl-btn is-small", type: "button", text: "Play selection", hidden: true });
  const clear = h("button", { class: "cl-btn is-small is-ghost", type: "button", text: "Clear", hidden: true });
  const waves = h("div", { class: "cl-waves" });
  const zone = h("div", { class: "cl-zone", hidden: true });
  const head = h("div", { class: "cl-head" });
  const axis = h("div", { class: "cl-axis cl-num", "aria-hidden": "true" });
  const rules = h("div", { "aria-hidden": "true" });
  const track = h("div", { class: "cl-track", tabindex: "0", role: "slider", "aria-label": "place in the sound", title: "Click to seek, drag to select; arrows move, Shift and arrows select, space plays" },
    zone, waves, rules, head, axis);
  const title = h("span", { class: "cl-title" });
  const marks = h("div", { class: "cl-bar cl-marks" });
  const none = empty("There is no sound to play yet.");
  const body = h("div", { class: "cl-stack" }, track,
    h("div", { class: "cl-bar" }, button, times, speed, sides, h("span", { class: "cl-bar cl-end" }, chosen, hear, clear)), marks);
  frame.body.append(title, none, body);

  const show = () => {
    head.style.left = `${length ? Math.min(100, (100 * place) / length) : 0}%`;
    times.textContent = `${clock(place, true)} / ${clock(length, true)}`;
    track.setAttribute("aria-valuenow", (place / 1000).toFixed(1));
    track.setAttribute("aria-valuetext", `${clock(place, true)} of ${clock(length, true)}`);
  };
  const sound = makeSound(model, life, {
    fault: frame.fault,
    work: frame.work,
    time(ms) { place = Math.min(ms, length); show(); },
    state(playing) {
      button.setAttribute("aria-label", playing ? "Pause" : "Play");
      button.replaceChildren(icon(playing ? "pause" : "play"));
      model.set("playing", playing);
      if (!playing) model.set("position_ms", place);
      model.save_changes();
    },
  });
  const play = (from, until = null) => sound.play(side, { at_ms: from, until_ms: until, rate: model.get("speed") });
  const toggle = () => {
    if (sound.playing) sound.pause();
    else play(place >= length - 20 ? 0 : place);
  };
  const seek = (ms) => {
    place = Math.max(0, Math.min(length, ms));
    sound.until(null);
    sound.seek(place);
    show();
    if (!sound.playing) {
      model.set("position_ms", place);
      model.save_changes();
    }
  };
  const select = (one, other) => {
    const ends = [one, other].map((ms) => Math.max(0, Math.min(length, ms))).sort((a, b) => a - b);
    model.set("selection_ms", ends[1] - ends[0] >= 1 ? ends : null);
    model.save_changes();
  };
  const showSelection = () => {
    const ends = model.get("selection_ms");
    zone.hidden = chosen.hidden = hear.hidden = clear.hidden = !ends;
    if (!ends) return;
    zone.style.left = `${(100 * ends[0]) / length}%`;
    zone.style.width = `${(100 * (ends[1] - ends[0])) / length}%`;
    chosen.textContent = `${(ends[0] / 1000).toFixed(2)}–${(ends[1] / 1000).toFixed(2)} s · ${Math.round(ends[1] - ends[0])} ms`;
  };
  const showMarks = () => {
    const own = model.get("markers");
    rules.replaceChildren(...own.map((mark) => h("i", { class: `cl-rule is-${mark.kind}`, style: `left: ${length ? (100 * mark.at_ms) / length : 0}%` })));
    marks.replaceChildren(...own.map((mark) => {
      const go = h("button", { class: `cl-btn is-small is-ghost cl-go is-${mark.kind}`, type: "button", text: `${clock(mark.at_ms)} ${mark.label}` });
      go.addEventListener("click", () => { place = Math.max(0, mark.at_ms - 500); play(place); });
      return go;
    }));
    marks.hidden = !own.length;
  };
  const showSound = () => {
    length = model.get("duration_ms");
    place = Math.min(model.get("position_ms"), length);
    none.hidden = length > 0;
    body.hidden = !length;
    title.textContent = model.get("title");
    title.hidden = !title.textContent;
    track.setAttribute("aria-valuemin", "0");
    track.setAttribute("aria-valuemax", (length / 1000).toFixed(1));
    const lanes = model.get("lanes");
    sides.hidden = lanes.length < 2;
    const peaks = bytesOf(model.get("peaks"));
    const size = Math.floor(peaks.length / Math.max(1, lanes.length));
    waves.replaceChildren(...(size ? lanes : []).map((name, lane) => h("div", { class: `cl-lane ${["cl-customer", "cl-assistant"][lane]}` },
      name ? h("span", { class: "cl-lane-name", text: name }) : null, drawWave(peaks.subarray(lane * size, (lane + 1) * size)))));
    axis.replaceChildren(...model.get("ticks").map(([at, text]) => h("i", { style: `left: ${100 * at}%`, text })));
    showMarks();
    showSelection();
    show();
  };

  life.on(button, "click", toggle);
  life.on(speed, "change", () => { model.set("speed", Number(speed.value)); model.save_changes(); });
  life.on(sides, "change", () => { side = sides.value; if (sound.playing) play(place); });
  life.on(hear, "click", () => { const [from, to] = model.get("selection_ms"); play(from, to); });
  life.on(clear, "click", () => { select(0, 0); track.focus(); });
  let from = null;
  let dragged = false;
  const at = (event) => {
    const box = track.getBoundingClientRect();
    return Math.max(0, Math.min(length, (length * (event.clientX - box.left)) / box.width));
  };
  life.on(track, "pointerdown", (event) => {
    if (event.button) return;
    from = { x: event.clientX, ms: at(event) };
    dragged = false;
    track.setPointerCapture(event.pointerId);
  });
  life.on(track, "pointermove", (event) => {
    if (from === null) return;
    dragged ||= Math.abs(event.clientX - from.x) > 3;
    if (dragged) select(from.ms, at(event));
  });
  life.on(track, "pointerup", (event) => {
    if (from !== null && !dragged) seek(at(event));
    from = null;
  });
  life.on(track, "pointercancel", () => { from = null; });
  life.on(track, "keydown", (event) => {
    const step = Math.max(50, Math.min(5000, length / 40));
    const places = { ArrowRight: place + step, ArrowUp: place + step, ArrowLeft: place - step, ArrowDown: place - step, Home: 0, End: length, PageUp: place + length / 10, PageDown: place - length / 10 };
    if (event.key === " ") toggle();
    else if (event.key === "Escape") select(0, 0);
    else if (event.key in places) {
      if (event.shiftKey) anchor ??= place;
      else anchor = null;
      seek(places[event.key]);
      if (anchor !== null) select(anchor, place);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  life.model(model, "change:duration_ms", showSound);
  life.model(model, "change:markers", showMarks);
  life.model(model, "change:selection_ms", showSelection);
  life.model(model, "change:title", showSound);
  life.model(model, "change:speed", () => { speed.value = String(model.get("speed")); sound.rate(model.get("speed")); });
  life.model(model, "change:playing", () => {
    if (model.get("playing") === sound.playing) return;
    if (model.get("playing")) play(model.get("position_ms"));
    else sound.pause();
  });
  speed.value = String(model.get("speed"));
  showSound();
  return () => life.end();
};

export default { render };
