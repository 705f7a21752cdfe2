import { h, rove } from "./dom.js";
import { makeFrame, makeLife } from "./frame.js";
import { icon } from "./icons.js";
import { makeSound } from "./sound.js";

const TYPED_MS = 250;

const render = ({ model, el }) => {
  const life = makeLife();
  const frame = makeFrame(model, el, life, "persona-editor");
  let timer = 0;

  const option = (value) => h("option", { value, text: value });
  const name = h("select", { class: "cl-select", "aria-label": "persona" });
  const customer = h("select", { class: "cl-select", "aria-label": "customer for whom the prompt is shown" }, model.get("customers").map(option));
  const changed = h("span", { class: "cl-chip is-warn", text: "not saved" });
  const revert = h("button", { class: "cl-btn is-small is-ghost", type: "button", text: "Back to the file" });
  const gutter = h("div", { class: "cl-gutter cl-mono cl-num", "aria-hidden": "true" });
  const text = h("textarea", { class: "cl-yaml cl-mono", spellcheck: "false", wrap: "off", "aria-label": "the persona as YAML", rows: "24" });
  const findings = h("ul", { class: "cl-findings", "aria-label": "findings", "aria-live": "polite" });
  const tabs = ["The prompt", "What changes"].map((label, at) => h("button", { type: "button", role: "tab", "aria-selected": String(!at), tabindex: at ? "-1" : "0", text: label }));
  const prompt = h("pre", { class: "cl-mono cl-pre cl-scroll", tabindex: "0", role: "tabpanel", "aria-label": "the prompt" });
  const diff = h("div", { class: "cl-mono cl-pre cl-scroll", tabindex: "0", role: "tabpanel", "aria-label": "what changes", hidden: true });
  const line = h("input", { class: "cl-input cl-grow", type: "text", "aria-label": "sample line" });
  const hear = h("button", { class: "cl-btn", type: "button" }, icon("play"), "Hear it");
  const copy = h("input", { class: "cl-input cl-copy", type: "text", placeholder: "name of the copy", "aria-label": "name of the copy", spellcheck: "false" });
  const replace = h("input", { class: "cl-check", type: "checkbox" });
  const taken = h("label", { class: "cl-small", hidden: true }, replace, " replace the persona of that name");
  const save = h("button", { class: "cl-btn is-primary", type: "button", text: "Save a copy" });
  const told = h("span", { class: "cl-small cl-good", role: "status" });
  frame.body.append(
    h("div", { class: "cl-bar" }, name, h("span", { class: "cl-small cl-quiet", text: "as told about" }), customer, changed, revert),
    h("div", { class: "cl-editor" },
      h("div", { class: "cl-stack" }, h("div", { class: "cl-code" }, gutter, text), findings),
      h("div", { class: "cl-stack" }, h("div", { class: "cl-tabs", role: "tablist", "aria-label": "prompt or difference" }, tabs), prompt, diff)),
    h("div", { class: "cl-bar" }, line, hear),
    h("div", { class: "cl-bar" }, copy, save, taken, told));

  const sound = makeSound(model, life, { fault: frame.fault, work: frame.work });

  const showLines = () => {
    const marks = new Map(model.get("findings").filter((one) => one.line).map((one) => [one.line, one]));
    const count = text.value.split("\n").length;
    gutter.replaceChildren(...Array.from({ length: count }, (_, at) => h("div", { class: marks.has(at + 1) ? `is-${marks.get(at + 1).kind}` : "", title: marks.get(at + 1)?.text ?? "", text: String(at + 1) })));
    gutter.scrollTop = text.scrollTop;
  };
  const showText = () => {
    if (text.value !== model.get("text") && !timer) text.value = model.get("text");
    showLines();
  };
  const showFindings = () => {
    const found = model.get("findings");
    findings.replaceChildren(...(found.length ? found.map((one) => h("li", { class: one.kind === "fault" ? "cl-bad" : "cl-warn" },
      one.line ? h("button", { class: "cl-btn is-small is-ghost cl-goto", type: "button", "data-line": one.line, text: `line ${one.line}` }) : null, h("span", { text: one.text })))
      : [h("li", { class: "cl-quiet", text: "No findings: it reads as a persona, and nothing in it looks wrong." })]));
    showLines();
  };
  const showPrompt = () => {
    prompt.textContent = model.get("rendered") || "There is no prompt until the faults on the left are gone.";
    prompt.classList.toggle("cl-quiet", !model.get("rendered"));
  };
  const showDiff = () => {
    const lines = model.get("difference");
    const kinds = { "+": "is-plus", "-": "is-minus", "@": "is-place" };
    diff.replaceChildren(...(lines.length ? lines.map((one) => h("div", { class: kinds[one[0]] ?? "", text: one || " " }))
      : [h("p", { class: "cl-quiet", text: model.get("changed") ? "Nothing changes for the model." : "The editor holds what the file says." })]));
  };
  const showState = () => {
    changed.hidden = revert.hidden = !model.get("changed");
    told.textContent = model.get("told");
    line.placeholder = model.get("greeting") || "a line to hear";
    hear.disabled = !model.get("can_speak") || Boolean(model.get("busy"));
    hear.title = model.get("can_speak") ? "" : "Nothing here can speak: PersonaEditor(…, here=await lab.start())";
  };
  const showNames = () => {
    name.replaceChildren(...model.get("names").map(option));
    name.value = model.get("name");
    taken.hidden = !model.get("names").includes(copy.value.trim());
    if (taken.hidden) replace.checked = false;
  };
  const choose = (at) => {
    tabs.forEach((tab, place) => { tab.setAttribute("aria-selected", String(place === at)); tab.tabIndex = place === at ? 0 : -1; });
    prompt.hidden = at !== 0;
    diff.hidden = at !== 1;
  };
  const send = () => {
    clearTimeout(timer);
    timer = 0;
    model.set("text", text.value);
    model.save_changes();
  };

  life.on(text, "input", () => {
    showLines();
    clearTimeout(timer);
    timer = setTimeout(send, TYPED_MS);
  });
  life.on(text, "scroll", () => { gutter.scrollTop = text.scrollTop; });
  life.on(text, "keydown", (event) => event.stopPropagation());
  life.add(() => { if (timer) send(); });
  life.on(name, "change", () => { if (timer) send(); model.set("name", name.value); model.save_changes(); });
  life.on(customer, "change", () => { model.set("customer", customer.value); model.save_changes(); });
  life.on(revert, "click", () => model.send({ kind: "revert" }));
  life.on(findings, "click", (event) => {
    const go = event.target.closest("button");
    if (!go) return;
    const lines = text.value.split("\n");
    const start = lines.slice(0, Number(go.dataset.line) - 1).join("\n").length + (go.dataset.line > 1 ? 1 : 0);
    text.focus();
    text.setSelectionRange(start, start + (lines[Number(go.dataset.line) - 1] ?? "").length);
    text.scrollTop = Math.max(0, (Number(go.dataset.line) - 6) * (text.scrollHeight / lines.length));
  });
  for (const [at, tab] of tabs.entries()) {
    life.on(tab, "click", () => choose(at));
    life.on(tab, "keydown", (event) => {
      if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
      choose(1 - at);
      rove(tabs, 1 - at, 0);
      event.preventDefault();
    });
  }
  life.on(line, "change", () => { model.set("line", line.value); model.save_changes(); });
  life.on(hear, "click", () => {
    if (timer) send();
    model.set("line", line.value);
    model.save_changes();
    model.send({ kind: "hear" });
  });
  life.on(copy, "input", showNames);
  life.on(save, "click", () => { if (timer) send(); model.send({ kind: "save", name: copy.value, replace: replace.checked }); });
  life.model(model, "change:text", showText);
  life.model(model, "change:findings", showFindings);
  life.model(model, "change:rendered", showPrompt);
  life.model(model, "change:difference", showDiff);
  for (const each of ["changed", "told", "greeting", "busy"]) life.model(model, `change:${each}`, () => { showState(); showDiff(); });
  for (const each of ["name", "names"]) life.model(model, `change:${each}`, showNames);
  life.model(model, "change:customer", () => { customer.value = model.get("customer"); });
  life.model(model, "change:told", () => { copy.value = ""; showNames(); });
  life.model(model, "change:spoken", () => sound.play(`sample-${model.get("spoken")}`));
  customer.value = model.get("customer");
  line.value = model.get("line");
  showNames();
  showText();
  showFindings();
  showPrompt();
  showDiff();
  showState();
  return () => life.end();
};

export default { render };
