// One button: the kernel makes the page of a call, and the browser keeps it as a file.

import { h } from "./dom.js";
import { makeLife } from "./frame.js";

const render = ({ model, el }) => {
  const life = makeLife();
  const button = h("button", { class: "cl-btn", type: "button", text: "Share this call", onclick: () => model.send({ do: "make" }) });
  const says = h("span", { class: "cl-small cl-quiet", role: "status" });
  const root = h("div", { class: "cl cl-row cl-share" }, button, says);
  el.append(root);

  const update = () => {
    button.disabled = model.get("busy");
    says.textContent = model.get("busy") ? "Making the page …" : model.get("says");
  };
  const take = (message, buffers) => {
    if (!message?.page || !buffers?.length) return;
    const address = URL.createObjectURL(new Blob(buffers, { type: "text/html;charset=utf-8" }));
    h("a", { href: address, download: message.page }).click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  };
  life.model(model, "change:busy", update);
  life.model(model, "change:says", update);
  life.model(model, "msg:custom", take);
  life.add(() => root.remove());
  update();
  return () => life.end();
};

export default { render };
