import { h, rove } from "./dom.js";
import { empty, makeFrame, makeLife } from "./frame.js";

const render = ({ model, el }) => {
  const life = makeLife();
  const frame = makeFrame(model, el, life, "suggestion-cards");
  const list = h("ul", { class: "cl-cards", "aria-label": model.get("label") });
  const none = empty(model.get("nothing"));
  frame.body.append(none, list);
  let buttons = [];

  const draw = (card, place) => {
    const button = h("button", { class: "cl-card", type: "button", tabindex: place ? "-1" : "0", "data-sku": card.sku, "aria-pressed": "false" },
      card.picture ? h("img", { src: card.picture, alt: "", width: "132", height: "110" }) : h("span", { class: "cl-no-picture cl-small cl-quiet", text: "no picture" }),
      h("span", { class: "cl-card-head" }, h("b", { text: card.name }), h("span", { class: "cl-num", text: card.price })),
      h("span", { class: "cl-small cl-quiet", text: `${card.sku} · ${card.category}` }),
      card.reason || card.description ? h("span", { class: "cl-card-why", text: card.reason || card.description }) : null,
      card.grade === null ? null : h("span", { class: `cl-chip ${["is-bad", "is-warn", "is-good", "is-good"][card.grade]}`, text: `${card.grade} · ${card.means}` }));
    return h("li", {}, button);
  };
  const showClicked = () => {
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.sku === model.get("clicked")));
  };
  const show = () => {
    const cards = model.get("cards");
    const focused = buttons.indexOf(document.activeElement);
    list.replaceChildren(...cards.map(draw));
    buttons = [...list.querySelectorAll("button")];
    list.hidden = !cards.length;
    none.hidden = cards.length > 0;
    none.textContent = model.get("nothing");
    showClicked();
    if (focused >= 0) rove(buttons, Math.min(focused, buttons.length - 1), 0);
  };
  life.on(list, "click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    rove(buttons, buttons.indexOf(button), 0);
    model.send({ kind: "click", sku: button.dataset.sku });
  });
  life.on(list, "keydown", (event) => {
    const steps = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1, Home: -buttons.length, End: buttons.length };
    const at = buttons.indexOf(event.target);
    if (at < 0 || !(event.key in steps)) return;
    rove(buttons, at, steps[event.key]);
    event.preventDefault();
    event.stopPropagation();
  });
  life.model(model, "change:cards", show);
  life.model(model, "change:nothing", show);
  life.model(model, "change:clicked", showClicked);
  show();
  return () => life.end();
};

export default { render };
