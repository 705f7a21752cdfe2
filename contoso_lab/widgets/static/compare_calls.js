import { clock, h } from "./dom.js";
import { empty, makeFrame, makeLife } from "./frame.js";
import { icon } from "./icons.js";
import { makeSound } from "./sound.js";

const SIDES = ["a", "b"];

const render = ({ model, el }) => {
  const life = makeLife();
  const frame = makeFrame(model, el, life, "compare-calls");
  let cells = [];   // { side, row, element }
  let here = { pair: 0, ms: 0 };

  const key = (name) => h("kbd", { class: "cl-kbd", text: name });
  const play = h("button", { class: "cl-btn is-primary cl-round", type: "button", "aria-label": "Play" }, icon("play"));
  const sides = SIDES.map((side) => h("button", { class: "cl-btn is-small cl-side", type: "button", "aria-pressed": "false", "data-side": side }));
  const toggle = h("span", { class: "cl-row cl-ab", role: "group", "aria-label": "which call is heard" }, sides);
  const sync = h("select", { class: "cl-select", "aria-label": "what A and B have in common when you switch" },
    h("option", { value: "turn", text: "in step by turn" }), h("option", { value: "time", text: "in step by time" }));
  const time = h("span", { class: "cl-num cl-small cl-quiet" });
  const jump = h("button", { class: "cl-btn is-small cl-end", type: "button" });
  const head = h("div", { class: "cl-two cl-two-head" });
  const list = h("div", { class: "cl-scroll cl-pairs", tabindex: "0", "aria-label": "both conversations" });
  const none = empty("Two recordings are needed; give CompareCalls(a, b).");
  const hint = h("p", { class: "cl-small cl-quiet" }, key("space"), " play  ", key("X"), " other call  ", key("↑↓"), " exchange");
  const bar = h("div", { class: "cl-bar" }, play, toggle, sync, time, jump);
  frame.body.append(none, bar, head, list, hint);

  const at = (side, place) => model.get("pairs")[place]?.[side] ?? null;
  const placeOf = (side, ms) => {
    const pairs = model.get("pairs");
    for (let place = pairs.length - 1; place >= 0; place -= 1) if (pairs[place][side] && ms >= pairs[place][side].from_ms - 1) return place;
    return 0;
  };
  const show = (ms) => {
    const side = model.get("side");
    here = { pair: placeOf(side, ms), ms };
    const call = model.get("calls")[side === "a" ? 0 : 1];
    time.textContent = call ? `${clock(ms)} / ${clock(call.duration_ms)}` : "";
    for (const cell of cells) cell.element.classList.toggle("cl-on", cell.side === side && ms >= cell.row.from_ms && ms < cell.row.to_ms);
    for (const [place, line] of [...list.children].entries()) line.classList.toggle("is-here", place === here.pair);
  };
  const sound = makeSound(model, life, {
    fault: frame.fault,
    work: frame.work,
    time: show,
    state(playing) {
      play.replaceChildren(icon(playing ? "pause" : "play"));
      play.setAttribute("aria-label", playing ? "Pause" : "Play");
    },
  });
  const listen = (ms = here.ms) => {
    const call = model.get("calls")[model.get("side") === "a" ? 0 : 1];
    if (!call?.has_sound) return frame.fault("This recording holds no sound; what was said can be read below.");
    return sound.play(model.get("side"), { at_ms: ms >= call.duration_ms - 50 ? 0 : ms });
  };
  // The same place in the other call: as far into the same exchange, or at the same moment.
  const across = (from, to, ms) => {
    if (model.get("synchronised") === "time") return ms;
    const [mine, theirs] = [at(from, here.pair), at(to, here.pair)];
    if (!mine || !theirs) return theirs?.from_ms ?? ms;
    return Math.min(theirs.from_ms + Math.max(0, ms - mine.from_ms), Math.max(theirs.from_ms, theirs.to_ms - 200));
  };
  const turn = (side) => {
    const before = model.get("side");
    if (side === before) return;
    const ms = across(before, side, sound.playing ? sound.at() : here.ms);
    const playing = sound.playing;
    sound.pause();
    model.set("side", side);
    model.save_changes();
    show(ms);
    if (playing) listen(ms);
  };
  const goTo = (place, side = model.get("side")) => {
    const pairs = model.get("pairs");
    const next = Math.max(0, Math.min(pairs.length - 1, place));
    const found = at(side, next);
    if (!found) return;
    const playing = sound.playing;
    if (playing) listen(found.from_ms);
    else show(found.from_ms);
    list.children[next]?.scrollIntoView({ block: "nearest" });
  };
  const showSide = () => {
    for (const one of sides) one.setAttribute("aria-pressed", String(one.dataset.side === model.get("side")));
    for (const [number, one] of [...head.children].entries()) one.classList.toggle("is-heard", SIDES[number] === model.get("side"));
  };
  const drawSide = (pair, side, number) => {
    const found = pair[side];
    if (!found) return h("div", { class: "cl-cell cl-quiet", text: "–" });
    return h("div", { class: "cl-cell" }, found.rows.length ? found.rows.map((row) => {
      const element = h("button", { class: "cl-line", type: "button", tabindex: "-1", "data-side": side, "data-from": row.from_ms, "data-pair": number },
        h("span", { class: "cl-small" }, h("b", { class: { user: "cl-customer", assistant: "cl-assistant" }[row.role] ?? "cl-quiet", text: row.who }),
          h("span", { class: "cl-quiet cl-num", text: ` ${clock(row.start_ms)}${row.wait ? ` · waited ${row.wait}` : ""}` })),
        h("span", { class: "cl-words" }, row.heard, row.unheard ? [" ", h("s", { text: row.unheard })] : null, row.state ? [" ", h("span", { class: "cl-chip", text: row.state })] : null));
      cells.push({ side, row, element });
      return element;
    }) : h("span", { class: "cl-quiet cl-small", text: "nothing was said" }));
  };
  const showCalls = () => {
    const calls = model.get("calls");
    const pairs = model.get("pairs");
    none.hidden = calls.length === 2;
    for (const part of [bar, head, list, hint]) part.hidden = calls.length !== 2;
    if (calls.length !== 2) return;
    cells = [];
    sides.forEach((one, number) => { one.replaceChildren(h("b", { text: SIDES[number].toUpperCase() }), ` ${calls[number].name}`); });
    head.replaceChildren(...calls.map((call, number) => h("div", {}, h("h3", { text: `${SIDES[number].toUpperCase()} · ${call.name}` }),
      h("span", { class: "cl-small cl-quiet cl-num", text: `${clock(call.duration_ms)}${call.wait ? ` · median wait ${call.wait}` : ""}` }))));
    const parted = model.get("diverged");
    list.replaceChildren(...pairs.map((pair, number) => h("div", { class: `cl-pair${number === parted ? " is-parted" : ""}` },
      number === parted ? h("span", { class: "cl-chip is-mark cl-parted", text: "Here they part" }) : null,
      h("div", { class: "cl-two" }, SIDES.map((side) => drawSide(pair, side, number))))));
    if (!pairs.length) list.replaceChildren(h("p", { class: "cl-empty", text: "Nothing was said yet." }));
    jump.textContent = parted === null ? "They say the same" : `First difference: exchange ${parted + 1}`;
    jump.disabled = parted === null;
    showSide();
    show(0);
  };

  life.on(play, "click", () => (sound.playing ? sound.pause() : listen()));
  life.on(toggle, "click", (event) => { const one = event.target.closest("button"); if (one) turn(one.dataset.side); });
  life.on(sync, "change", () => { model.set("synchronised", sync.value); model.save_changes(); });
  life.on(jump, "click", () => goTo(model.get("diverged")));
  life.on(list, "click", (event) => {
    const line = event.target.closest(".cl-line");
    if (!line) return;
    sound.pause();
    if (line.dataset.side !== model.get("side")) { model.set("side", line.dataset.side); model.save_changes(); }
    listen(Number(line.dataset.from));
    list.focus({ preventScroll: true });
  });
  life.on(frame.root, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("select")) return;
    if (event.key === " " && !event.target.closest("button")) { if (sound.playing) sound.pause(); else listen(); }
    else if (event.key.toLowerCase() === "x") turn(model.get("side") === "a" ? "b" : "a");
    else if (event.key === "ArrowDown") goTo(here.pair + 1);
    else if (event.key === "ArrowUp") goTo(here.pair - 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  life.model(model, "change:calls", showCalls);
  life.model(model, "change:side", showSide);
  life.model(model, "change:synchronised", () => { sync.value = model.get("synchronised"); });
  sync.value = model.get("synchronised");
  showCalls();
  return () => life.end();
};

export default { render };
