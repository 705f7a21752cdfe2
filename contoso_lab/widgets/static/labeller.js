import { clock, h } from "./dom.js";
import { empty, makeFrame, makeLife } from "./frame.js";
import { icon } from "./icons.js";
import { makeSound } from "./sound.js";

const render = ({ model, el }) => {
  const life = makeLife();
  const frame = makeFrame(model, el, life, "labeller");
  let heard = 0;     // ms of sound that were played of this item
  let before = null; // where the sound stood a moment ago
  let shown = -1;

  const key = (name) => h("kbd", { class: "cl-kbd", text: name });
  const asked = h("h3", {});
  const rules = h("details", { class: "cl-small" });
  const progress = h("progress", { class: "cl-done", "aria-label": "answered" });
  const place = h("span", { class: "cl-small cl-quiet cl-num", role: "status" });
  const play = h("button", { class: "cl-btn is-small", type: "button" });
  const talk = h("div", { class: "cl-talk cl-scroll cl-well", tabindex: "0", "aria-label": "the conversation" });
  const thing = h("div", { class: "cl-thing" });
  const answers = h("div", { class: "cl-answers", role: "radiogroup" });
  const back = h("button", { class: "cl-btn is-small", type: "button", "aria-label": "the item before" }, key("←"), "Back");
  const next = h("button", { class: "cl-btn is-small", type: "button", "aria-label": "the next item" }, key("→"), "Next");
  const undo = h("button", { class: "cl-btn is-small", type: "button" }, key("U"), "Take back the last answer");
  const none = empty("There is nothing to rate: no recording was given in which something was shown.");
  const body = h("div", { class: "cl-stack", tabindex: "-1" },
    h("div", { class: "cl-row" }, progress, place),
    h("div", {}, asked, rules),
    h("div", { class: "cl-sides" }, h("div", { class: "cl-stack" }, h("div", { class: "cl-row" }, h("b", { text: "What was said" }), h("span", { class: "cl-end" }), play), talk), thing),
    answers, h("div", { class: "cl-row" }, back, next, h("span", { class: "cl-end" }), undo));
  frame.body.append(none, body);

  const sound = makeSound(model, life, {
    fault: frame.fault,
    work: frame.work,
    state(playing) {
      play.replaceChildren(key("space"), icon(playing ? "pause" : "play"), playing ? "Pause" : "Hear the call");
      before = null;
    },
    time(ms) {
      if (sound?.playing && before !== null && ms > before && ms - before < 1000) heard += ms - before;
      before = ms;
      for (const line of talk.children) {
        line.classList.toggle("cl-on", Boolean(sound?.playing) && ms >= Number(line.dataset.from) && ms < Number(line.dataset.to));
      }
    },
  });
  const listen = (from = null) => {
    const item = model.get("item");
    if (!item.has_sound) return;
    sound.play(String(item.at), { at_ms: from ?? sound.at(), until_ms: item.until_ms });
  };
  const rate = (rating) => {
    if (!model.get("question").anchors.some(([value]) => value === rating)) return;
    model.send({ kind: "rate", rating, heard_ms: heard });
  };
  const showItem = () => {
    const item = model.get("item");
    const total = model.get("total");
    none.hidden = total > 0;
    body.hidden = !total;
    if (!total) return;
    if (shown !== item.at) {
      sound.pause();
      sound.seek(0);
      heard = 0;
      shown = item.at;
      talk.replaceChildren(...item.rows.map((row) => h(item.has_sound ? "button" : "div", { class: "cl-said", type: item.has_sound ? "button" : null, "data-from": row.from_ms, "data-to": row.to_ms },
        h("span", { class: "cl-small cl-quiet cl-num", text: clock(row.start_ms) }),
        h("span", { class: "cl-words" }, h("b", { class: `cl-small ${{ user: "cl-customer", assistant: "cl-assistant" }[row.role] ?? "cl-quiet"}`, text: row.who }), h("br"), row.heard, row.unheard ? [" ", h("s", { text: row.unheard })] : null))));
      if (!item.rows.length) talk.replaceChildren(h("p", { class: "cl-quiet", text: "Nothing was said yet." }));
      const card = item.card;
      const page = h("div", { class: "cl-written" });
      page.innerHTML = item.page; // rendered by Python from Markdown, with every tag of the text escaped
      thing.replaceChildren(...[
        card && h("div", { class: "cl-panel cl-stack" }, card.picture ? h("img", { src: card.picture, alt: "", class: "cl-picture" }) : null,
          h("div", { class: "cl-row" }, h("b", { text: card.name }), h("span", { class: "cl-num", text: card.price })),
          h("p", { class: "cl-small cl-quiet", text: `${card.sku} · ${card.category}` }), h("p", { text: card.description }), h("p", { class: "cl-small cl-quiet", text: card.facts })),
        item.page && h("div", { class: "cl-panel cl-scroll" }, page),
        item.facts.length && h("div", { class: "cl-panel cl-small" }, h("b", { text: "True of the products" }), h("ul", {}, item.facts.map((fact) => h("li", { text: fact })))),
      ].filter(Boolean));
      thing.hidden = !thing.children.length;
      body.querySelector(".cl-sides").classList.toggle("is-one", thing.hidden);
    }
    play.hidden = !item.has_sound;
    const done = model.get("rated");
    progress.max = total;
    progress.value = done;
    place.textContent = done >= total ? `All ${total} are rated. You can go back and change any.` : `${item.at + 1} of ${total} · ${done} rated`;
    for (const one of answers.children) {
      const on = Number(one.dataset.value) === model.get("given");
      one.setAttribute("aria-checked", String(on));
    }
    const checked = [...answers.children].find((one) => one.getAttribute("aria-checked") === "true") ?? answers.children[0];
    for (const one of answers.children) one.tabIndex = one === checked ? 0 : -1;
    back.disabled = item.at === 0;
    next.disabled = item.at >= total - 1;
    undo.disabled = done === 0;
  };
  const showQuestion = () => {
    const question = model.get("question");
    asked.textContent = question.asked;
    rules.replaceChildren(h("summary", { text: "Rules" }), h("ul", {}, question.rules.map((rule) => h("li", { text: rule }))));
    rules.hidden = !question.rules.length;
    answers.setAttribute("aria-label", question.asked);
    answers.replaceChildren(...question.anchors.map(([value, meaning]) =>
      h("button", { class: "cl-btn cl-answer", type: "button", role: "radio", "aria-checked": "false", "data-value": value }, key(String(value)), h("span", { text: meaning }))));
    answers.classList.toggle("is-long", question.anchors.some(([, meaning]) => meaning.length > 40));
  };
  life.on(answers, "click", (event) => {
    const one = event.target.closest(".cl-answer");
    if (one) rate(Number(one.dataset.value));
  });
  life.on(talk, "click", (event) => {
    const line = event.target.closest("button");
    if (line) listen(Number(line.dataset.from));
  });
  life.on(play, "click", () => (sound.playing ? sound.pause() : listen()));
  life.on(back, "click", () => model.send({ kind: "go", step: -1 }));
  life.on(next, "click", () => model.send({ kind: "go", step: 1 }));
  life.on(undo, "click", () => model.send({ kind: "undo" }));
  life.on(frame.root, "keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) {
      if (event.key.toLowerCase() !== "z") return;
      model.send({ kind: "undo" });
    } else if (/^[0-9]$/.test(event.key)) rate(Number(event.key));
    else if (event.key === "ArrowRight") model.send({ kind: "go", step: 1 });
    else if (event.key === "ArrowLeft") model.send({ kind: "go", step: -1 });
    else if (event.key.toLowerCase() === "u") model.send({ kind: "undo" });
    else if (event.key === " " && !event.target.closest("summary")) {
      if (sound.playing) sound.pause();
      else listen();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  frame.root.tabIndex = 0;
  frame.root.setAttribute("role", "group");
  life.model(model, "change:question", showQuestion);
  for (const name of ["item", "given", "rated", "total"]) life.model(model, `change:${name}`, showItem);
  play.append(key("space"), icon("play"), "Hear the call");
  showQuestion();
  showItem();
  return () => life.end();
};

export default { render };
