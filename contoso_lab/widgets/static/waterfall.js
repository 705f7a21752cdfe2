import { h, rove } from "./dom.js";
import { empty, makeFrame, makeLife } from "./frame.js";
import { makeSound } from "./sound.js";

const render = ({ model, el }) => {
  const life = makeLife();
  const frame = makeFrame(model, el, life, "waterfall");
  const legend = h("div", { class: "cl-bar cl-small cl-quiet" }, model.get("parts").map((part) => h("span", {}, h("i", { class: `cl-key is-${part.kind}` }), part.label)));
  const place = h("div", { class: "cl-stack" });
  const scale = h("div", { class: "cl-fall cl-scale cl-small cl-quiet cl-num", "aria-hidden": "true" }, h("span"), h("span", { class: "cl-rail" },
    model.get("scale").map(([at, text]) => h("i", { style: `left: ${at}%`, text }))), h("span", { text: "ms" }));
  const none = empty("Nothing was waited for yet.");
  const said = h("p", { class: "cl-small cl-quiet", role: "status", text: "Click a bar, or press Enter on it, to hear that moment." });
  frame.body.append(legend, none, place, scale, said);
  let bars = [];

  const sound = makeSound(model, life, {
    fault: frame.fault,
    work: frame.work,
    state(playing) { for (const bar of bars) bar.classList.toggle("is-sounding", playing && bar.getAttribute("aria-pressed") === "true"); },
  });
  const showPicked = () => {
    const [call, wait] = model.get("picked_at");
    for (const bar of bars) bar.setAttribute("aria-pressed", String(bar.dataset.at === `${call}-${wait}`));
    if (wait !== undefined) said.textContent = model.get("calls")[call].waits[wait].sentence;
  };
  const draw = (wait, call, number) => {
    const rail = h("span", { class: "cl-rail", "aria-hidden": "true" },
      h("i", { class: "cl-zero", style: `left: ${model.get("zero")}%` }),
      wait.segments.map((one) => h("i", { class: `cl-part is-${one.kind} ${one.back ? "is-back" : ""}`, style: `left: ${one.left}%; width: ${one.width}%` })),
      wait.whole === null ? null : h("i", { class: "cl-whole", style: `left: ${wait.whole}%` }));
    return h("button", { class: "cl-fall cl-bar-line", type: "button", "aria-label": wait.sentence, "aria-pressed": "false", title: wait.sentence, tabindex: number || call ? "-1" : "0", "data-at": `${call}-${number}` },
      h("span", { class: "cl-asked" }, h("b", { text: wait.number ?? "–" }), ` ${wait.asked}`), rail,
      h("span", { class: `cl-total cl-num ${wait.unanswered || !wait.consistent ? "cl-bad" : ""}`, text: wait.total }));
  };
  const show = () => {
    const calls = model.get("calls");
    place.replaceChildren(...calls.map((call, number) => h("div", { role: "group", "aria-label": call.name },
      h("h3", { text: call.median ? `${call.name} · median ${call.median}` : call.name }),
      call.waits.length ? call.waits.map((wait, at) => draw(wait, number, at)) : h("p", { class: "cl-quiet", text: "No turn of the customer was heard, so nothing was waited for." }))));
    bars = [...place.querySelectorAll(".cl-bar-line")];
    none.hidden = calls.length > 0;
    legend.hidden = scale.hidden = said.hidden = !bars.length;
    showPicked();
  };
  const pick = (bar) => {
    const [call, wait] = bar.dataset.at.split("-").map(Number);
    const again = sound.playing && bar.getAttribute("aria-pressed") === "true";
    model.set("picked_at", [call, wait]);
    model.save_changes();
    const found = model.get("calls")[call].waits[wait];
    if (again) sound.pause();
    else if (found.from_ms === null) frame.fault("The sound does not tell when the customer fell silent, so there is no place to hear.");
    else sound.play(String(call), { from_ms: found.from_ms, to_ms: found.to_ms });
  };
  life.on(place, "click", (event) => {
    const bar = event.target.closest(".cl-bar-line");
    if (!bar) return;
    rove(bars, bars.indexOf(bar), 0);
    pick(bar);
  });
  life.on(place, "keydown", (event) => {
    const at = bars.indexOf(event.target.closest(".cl-bar-line"));
    const steps = { ArrowDown: 1, ArrowUp: -1, Home: -bars.length, End: bars.length };
    if (at < 0 || !(event.key in steps)) return;
    rove(bars, at, steps[event.key]);
    event.preventDefault();
    event.stopPropagation();
  });
  life.model(model, "change:calls", show);
  life.model(model, "change:picked_at", showPicked);
  show();
  return () => life.end();
};

export default { render };
