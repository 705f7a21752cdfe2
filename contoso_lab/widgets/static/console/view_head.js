// The top: the lamp and its word, how long and how dear the call is, who calls whom.

import { money } from "./cost.js";
import { clock, h, options, put, secondsOf } from "../dom.js";
import { icon } from "../icons.js";
import { PHASES } from "./phase.js";

export function headView(desk) {
  const lamp = h("span", { class: "cl-lamp" });
  const word = h("strong", { class: "clc-word" });
  const aside = h("span", { class: "cl-quiet cl-small clc-aside" });
  const timer = h("span", { class: "cl-chip cl-num", title: "How long the call has lasted" });
  const wait = h("span", { class: "cl-chip cl-num", title: "From the end of your words to the first sound of the answer: the median of this call" });
  const cost = h("span", { class: "cl-chip cl-num" });
  const persona = h("select", { class: "cl-select clc-pick", "aria-label": "Persona", onchange: () => desk.choose("persona", persona.value) });
  const customer = h("select", { class: "cl-select clc-pick", "aria-label": "Customer", onchange: () => desk.choose("customer", customer.value) });
  const gear = h(
    "button",
    { class: "cl-btn is-ghost is-small", type: "button", "aria-label": "Settings", title: "Settings", onclick: () => desk.keep({ open: { ...desk.kept.open, settings: !desk.kept.open.settings } }) },
    icon("gear"),
  );
  const state = h("div", { class: "clc-state", role: "status" }, lamp, word, aside);
  const element = h("header", { class: "clc-head" }, state, h("div", { class: "cl-row clc-facts" }, timer, wait, cost), h("div", { class: "cl-row cl-end" }, persona, customer, gear));

  function update() {
    const { phase, hearing } = desk.state;
    const { call } = desk;
    element.closest(".clc")?.setAttribute("data-phase", phase);
    put(lamp, { "data-phase": phase });
    put(word, { text: PHASES[phase].word });
    put(aside, { text: desk.progress ? `${desk.progress} …` : desk.said && desk.live ? `${desk.customerName} speaks for you: line ${desk.said.place} of ${desk.said.of}` : phase === "listening" && hearing ? "hears you" : "" });
    const begun = call !== null && call.startedMs !== null;
    timer.hidden = wait.hidden = cost.hidden = !begun;
    if (begun) {
      put(timer, { text: clock((call.endedMs ?? Date.now()) - call.startedMs) });
      const median = call.waits.medianMs;
      wait.hidden = median === null;
      if (median !== null) put(wait, { text: `answers in ${secondsOf(median)}` });
      const price = desk.price;
      const free = price && Object.values(price).every((usd) => usd === 0);
      cost.hidden = !price;
      put(cost, { text: free ? "free" : money(call.usd), title: free ? "This target costs nothing" : "What the answers of this call have cost, by the tokens that were counted" });
    }
    options(persona, desk.personas.map((name) => [name, name]), desk.persona);
    options(customer, desk.customers.map(({ id, name }) => [id, name]), desk.customer);
    persona.disabled = customer.disabled = desk.busy;
    persona.hidden = desk.personas.length === 0;
    customer.hidden = desk.customers.length === 0;
    put(gear, { "aria-expanded": desk.kept.open.settings });
  }
  return { element, update };
}
