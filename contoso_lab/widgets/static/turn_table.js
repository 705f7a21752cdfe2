import { clock, h, rove } from "./dom.js";
import { empty, makeFrame, makeLife } from "./frame.js";
import { icon } from "./icons.js";
import { makeSound } from "./sound.js";

const KINDS = [["all", "all turns"], ["customer", "customer"], ["assistant", "assistant"], ["cut", "cut off or failed"], ["slow", "slow or unanswered"], ["tools", "with tools"]];

const render = ({ model, el }) => {
  const life = makeLife();
  const frame = makeFrame(model, el, life, "turn-table");
  let lines = [];      // one element a row, in order
  let open = -1;       // which row sounds
  let last = 0;        // where a range of rows begins
  let timer = 0;

  const words = h("input", { class: "cl-input cl-grow", type: "search", placeholder: "Find words …", "aria-label": "find words in the turns" });
  const kind = h("select", { class: "cl-select", "aria-label": "which turns to show" }, KINDS.map(([value, text]) => h("option", { value, text })));
  const count = h("span", { class: "cl-small cl-quiet cl-num", role: "status" });
  const list = h("div", { class: "cl-rows cl-scroll", role: "grid", "aria-multiselectable": "true", "aria-label": model.get("label") });
  const none = empty("Nothing was said yet.");
  const miss = empty("No turn fits; clear the words or show all turns.");
  const hint = h("p", { class: "cl-small cl-quiet" }, h("kbd", { class: "cl-kbd", text: "↑↓" }), " move  ", h("kbd", { class: "cl-kbd", text: "Enter" }), " hear  ", h("kbd", { class: "cl-kbd", text: "Space" }), " select");
  const tools = h("div", { class: "cl-bar" }, words, kind, count);
  frame.body.append(tools, none, list, miss, hint);

  const sound = makeSound(model, life, {
    fault: frame.fault,
    work: frame.work,
    state(playing) {
      for (const [place, line] of lines.entries()) {
        const on = playing && place === open;
        line.classList.toggle("is-sounding", on);
        const button = line.querySelector("button");
        if (!button) continue;
        button.replaceChildren(icon(on ? "pause" : "play"));
        button.setAttribute("aria-label", `${on ? "Stop" : "Hear"} turn ${place + 1}`);
      }
    },
  });
  const hear = (place) => {
    if (!model.get("has_sound")) return;
    if (open === place && sound.playing) { sound.pause(); return; }
    open = place;
    const row = model.get("rows")[place];
    sound.play("call", { from_ms: row.from_ms, to_ms: row.to_ms });
  };
  const choose = (place, { range = false, more = false } = {}) => {
    const now = model.get("chosen");
    let next;
    if (range) {
      const [low, high] = [last, place].sort((a, b) => a - b);
      next = [...new Set([...now, ...Array.from({ length: high - low + 1 }, (_, step) => low + step).filter((at) => !lines[at].hidden)])];
    } else if (more) next = now.includes(place) ? now.filter((at) => at !== place) : [...now, place];
    else next = now.length === 1 && now[0] === place ? [] : [place];
    if (!range) last = place;
    model.set("chosen", next.sort((a, b) => a - b));
    model.save_changes();
  };
  const showChosen = () => {
    const now = new Set(model.get("chosen"));
    for (const [place, line] of lines.entries()) {
      const on = now.has(place);
      if ((line.getAttribute("aria-selected") === "true") !== on) line.setAttribute("aria-selected", String(on));
    }
    filter();
  };
  const fits = (row, asked, wanted) => {
    if (asked && !`${row.heard} ${row.unheard}`.toLowerCase().includes(asked)) return false;
    if (wanted === "customer") return row.role === "user";
    if (wanted === "assistant") return row.role === "assistant";
    if (wanted === "cut") return Boolean(row.unheard || row.state);
    if (wanted === "slow") return row.unanswered || (row.wait_ms !== null && row.wait_ms > model.get("slow_ms"));
    if (wanted === "tools") return row.tools.length > 0;
    return true;
  };
  const filter = () => {
    const rows = model.get("rows");
    const asked = model.get("query").trim().toLowerCase();
    let seen = 0;
    for (const [place, line] of lines.entries()) {
      const hidden = !fits(rows[place], asked, model.get("show"));
      if (line.hidden !== hidden) line.hidden = hidden;
      seen += !hidden;
    }
    const picked = model.get("chosen").length;
    count.textContent = `${seen === rows.length ? rows.length : `${seen} of ${rows.length}`} turns${picked ? ` · ${picked} selected` : ""}`;
    miss.hidden = !rows.length || seen > 0;
    const first = lines.find((line) => !line.hidden);
    if (first && !lines.some((line) => line.tabIndex === 0 && !line.hidden)) first.tabIndex = 0;
  };
  const draw = (row, place) => {
    const button = model.get("has_sound") ? h("button", { class: "cl-btn cl-round is-ghost", type: "button", tabindex: "-1", "aria-label": `Hear turn ${place + 1}` }, icon("play")) : "";
    return h("div", { class: `cl-turn is-${row.role}`, role: "row", tabindex: place ? "-1" : "0", "aria-rowindex": place + 1, "aria-selected": "false", "data-place": place },
      h("span", { role: "gridcell" }, button),
      h("span", { role: "gridcell", class: "cl-quiet cl-small cl-num", text: clock(row.start_ms) }),
      h("span", { role: "gridcell", class: "cl-words" }, h("b", { class: `cl-small ${{ user: "cl-customer", assistant: "cl-assistant" }[row.role] ?? "cl-quiet"}`, text: row.who }), h("br"), row.heard,
        row.unheard ? [" ", h("s", { title: "made, but never heard", text: row.unheard }), h("span", { class: "cl-sr", text: " (never heard)" })] : null,
        row.state ? [" ", h("span", { class: "cl-chip", text: row.state })] : null,
        row.tools.map((tool) => [" ", h("code", { class: "cl-mono cl-quiet", text: tool })])),
      h("span", { role: "gridcell", class: `cl-wait cl-num ${row.unanswered ? "cl-bad" : row.wait_ms > model.get("slow_ms") ? "cl-warn" : ""}`, title: row.sentence, text: row.wait }));
  };
  const showRows = () => {
    const rows = model.get("rows");
    lines = rows.map(draw);
    list.replaceChildren(...lines);
    list.setAttribute("aria-rowcount", String(rows.length));
    list.setAttribute("aria-label", model.get("label"));
    list.hidden = tools.hidden = hint.hidden = !rows.length;
    none.hidden = rows.length > 0;
    showChosen();
  };

  // One listener for all rows: a call may have thousands.
  life.on(list, "click", (event) => {
    const line = event.target.closest(".cl-turn");
    if (!line) return;
    const place = Number(line.dataset.place);
    if (event.target.closest("button")) hear(place);
    else choose(place, { range: event.shiftKey, more: event.ctrlKey || event.metaKey });
    rove(lines, place, 0);
  });
  life.on(list, "keydown", (event) => {
    const line = event.target.closest(".cl-turn");
    if (!line) return;
    const place = Number(line.dataset.place);
    const seen = lines.filter((one) => !one.hidden);
    const at = seen.indexOf(line);
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -seen.length, End: seen.length };
    if (event.key in steps) {
      for (const one of lines) if (one.tabIndex === 0 && one !== line) one.tabIndex = -1;
      const next = rove(seen, at, steps[event.key]);
      if (event.shiftKey && next) choose(Number(next.dataset.place), { range: true });
    } else if (event.key === "Enter") hear(place);
    else if (event.key === " ") choose(place, { more: true });
    else if (event.key === "Escape") { model.set("chosen", []); model.save_changes(); }
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  life.on(words, "input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => { model.set("query", words.value); model.save_changes(); }, 80);
  });
  life.add(() => clearTimeout(timer));
  life.on(kind, "change", () => { model.set("show", kind.value); model.save_changes(); });
  life.model(model, "change:rows", showRows);
  life.model(model, "change:chosen", showChosen);
  life.model(model, "change:query", () => { if (words.value !== model.get("query")) words.value = model.get("query"); filter(); });
  life.model(model, "change:show", () => { kind.value = model.get("show"); filter(); });
  words.value = model.get("query");
  kind.value = model.get("show");
  showRows();
  return () => life.end();
};

export default { render };
