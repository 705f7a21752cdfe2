// Every text that is seen in the console with too little contrast to what is behind it, and everything that sticks out.
() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (colour) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], [R, G, B]) => [r * a + R * (1 - a), g * a + G * (1 - a), b * a + B * (1 - a), 1];
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((each) => (each / 255 <= 0.04045 ? each / 255 / 12.92 : ((each / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(rgba(getComputedStyle(at).backgroundColor));
    return layers.reverse().reduce((under, layer) => over(layer, under), [255, 255, 255, 1]);
  };
  const opacity = (element) => {
    let all = 1;
    for (let at = element; at; at = at.parentElement) all *= Number(getComputedStyle(at).opacity);
    return all;
  };
  const root = document.querySelector(".clc");
  const pale = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { parentElement: element, data } = walker.currentNode;
    if (!data.trim() || !element.checkVisibility() || element.closest(".cl-sr, option, :disabled")) continue;
    const ground = behind(element);
    const [r, g, b, a] = rgba(getComputedStyle(element).color);
    const ink = over([r, g, b, a * opacity(element)], ground);
    const [more, less] = [light(ink), light(ground)].sort((x, y) => y - x);
    const contrast = (more + 0.05) / (less + 0.05);
    if (contrast < 4.5) pale.push(`${data.trim().slice(0, 40)}: ${contrast.toFixed(2)}`);
  }
  const edge = root.getBoundingClientRect();
  const out = [...root.querySelectorAll("*")].filter((each) => {
    const box = each.getBoundingClientRect();
    return each.checkVisibility() && !each.closest(".cl-sr") && box.width && (box.right > edge.right + 1 || box.left < edge.left - 1);
  });
  return { pale: [...new Set(pale)], out: out.map((each) => each.outerHTML.slice(0, 80)) };
};
