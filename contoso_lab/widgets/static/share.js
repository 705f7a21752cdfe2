// One button: the kernel makes the page of a call, and the browser keeps it as a file.

const render = ({ model, el }) => {
  const root = document.createElement("div");
  root.className = "cl cl-row cl-share";
  const button = document.createElement("button");
  button.type = "button";
  button.className = "cl-btn";
  button.textContent = "Share this call";
  const says = document.createElement("span");
  says.className = "cl-small cl-quiet";
  says.setAttribute("role", "status");
  root.append(button, says);
  el.append(root);

  const update = () => {
    const busy = model.get("busy");
    button.disabled = busy;
    says.textContent = busy ? "Making the page …" : model.get("says");
  };
  const take = (message, buffers) => {
    if (!message?.page || !buffers?.length) return;
    const address = URL.createObjectURL(new Blob(buffers, { type: "text/html;charset=utf-8" }));
    const link = document.createElement("a");
    link.href = address;
    link.download = message.page;
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 10000);
  };
  button.addEventListener("click", () => model.send({ do: "make" }));
  model.on("change:busy", update);
  model.on("change:says", update);
  model.on("msg:custom", take);
  update();
  return () => {
    model.off("change:busy", update);
    model.off("change:says", update);
    model.off("msg:custom", take);
    root.remove();
  };
};

export default { render };
