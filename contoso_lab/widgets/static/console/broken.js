// What in the assistant's words, or on its page, breaks a rule of the shop.

import { h, keyed } from "../dom.js";
import { brokenWhy } from "./notices.js";

export const brokenView = () => h("ul", { class: "clc-broken cl-small", hidden: true });

export function updateBroken(list, findings) {
  list.hidden = findings.length === 0;
  const entries = findings.map((each, place) => [`${place} ${each.words}`, each]);
  keyed(list, entries, (each) => h("li", {}, h("b", {}, each.words), ` \u2014 ${brokenWhy(each)}`), () => {});
}
