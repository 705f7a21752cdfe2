// The page beside the call: what the assistant puts on the customer's screen.

import { h, put } from "../dom.js";
import { icon } from "../icons.js";
import { brokenView, updateBroken } from "./broken.js";
import { renderMarkdown } from "./markdown.js";

export function pageView(desk) {
  const state = h("span", { class: "cl-small cl-quiet cl-end" });
  const run = h("div", { class: "cl-progress" }, h("i"));
  const body = h("div", { class: "clc-page" });
  const broken = brokenView();
  const empty = h("div", { class: "cl-empty" }, "Ask to see something. What the assistant recommends appears here, with pictures.");
  const ask = h("button", { class: "cl-btn is-small", type: "button", onclick: () => desk.beside.tell((pages) => pages.press()) }, icon("screen"), "Write it now");
  const problem = h("p", { class: "cl-small cl-bad" });
  const element = h("section", { class: "clc-screen", "aria-label": "On the customer's screen" }, h("header", { class: "cl-row" }, h("h3", {}, "On the screen"), state, ask), run, problem, body, broken, empty);
  const pictures = new Map();
  let shown = null;

  function picture(path, alt) {
    const [, name] = path.match(/\/images\/([^/?#]+)\.\w+$/) ?? [];
    const skuOf = () => desk.beside.pages?.page?.skus.find((sku) => sku === name) ?? "";
    const image = h("img", { alt: alt || name || "", loading: "lazy" });
    const missing = h("span", { class: "clc-missing cl-small" }, alt || "picture");
    const holder = h("button", { class: "clc-picture", type: "button", title: alt, onclick: () => holder.classList.toggle("is-large") | desk.beside.clicked(skuOf()) }, missing);
    if (!name || !desk.beside.pages) return missing;
    // Once for each picture: a page is drawn anew with every word that comes.
    if (!pictures.has(path)) pictures.set(path, desk.beside.pages.door.picture(path));
    pictures.get(path).then((url) => {
      if (!url) return;
      image.src = url;
      holder.replaceChildren(image);
    });
    return holder;
  }

  function update() {
    const { pages } = desk.beside;
    const page = pages?.page ?? null;
    const writing = pages?.state === "writing";
    put(state, { text: writing ? "is being written" : pages?.state === "asking" ? "…" : page?.skus.length ? `${page.skus.length} ${page.skus.length === 1 ? "product" : "products"}` : "" });
    run.hidden = !writing;
    ask.hidden = !desk.talk.length || writing;
    put(ask, { disabled: !desk.thread || (pages?.state ?? "idle") !== "idle" });
    put(problem, { text: pages?.problem ?? "" });
    problem.hidden = !pages?.problem;
    empty.hidden = Boolean(page) || writing;
    body.hidden = !page;
    const key = page ? `${page.id} ${page.text.length} ${page.done}` : "";
    if (key === shown) return;
    shown = key;
    body.replaceChildren(...(page ? [renderMarkdown(page.text, picture)] : []));
    updateBroken(broken, page?.broken ?? []);
  }
  return { element, update };
}
