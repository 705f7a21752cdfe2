// The pictures on buttons: lines, but for what starts and stops a sound.

import { svg } from "./dom.js";

const ICONS = {
  play: "M7 5v14l12-7z",
  pause: "M6.500 5h4v14h-4zM13.500 5h4v14h-4z",
  microphone: "M12 15a3 3 0 0 0 3-3V6a3 3 0 1 0-6 0v6a3 3 0 0 0 3 3Zm6-3a6 6 0 0 1-12 0M12 18v3",
  muted: "M15 9V6a3 3 0 0 0-5.7-1.3M9 9v3a3 3 0 0 0 4.5 2.6M18 12a6 6 0 0 1-.8 3M6 12a6 6 0 0 0 8.5 5.5M12 18v3M4 4l16 16",
  hangup: "M3.5 14.5c0-1 .3-2 1-2.6C6.600 10 9.200 9 12 9s5.400 1 7.500 2.900c.7.6 1 1.600 1 2.600v.8c0 .6-.6 1-1.200.9l-2.700-.6a1 1 0 0 1-.8-1v-1.700a11.600 11.600 0 0 0-7.600 0v1.700c0 .5-.3.9-.8 1l-2.700.6c-.6.1-1.200-.3-1.200-.9Z",
  phone: "M6.6 3.5 9 4l1 4-2 1.500a13 13 0 0 0 6.500 6.500L16 14l4 1 .5 2.400a2 2 0 0 1-2 2.300A15 15 0 0 1 4.300 5.500a2 2 0 0 1 2.300-2Z",
  gear: "M12 15.200a3.200 3.200 0 1 0 0-6.400 3.200 3.200 0 0 0 0 6.400ZM19 12c0-.5 0-.9-.1-1.300l1.900-1.500-1.900-3.200-2.300.9a7 7 0 0 0-2.200-1.300L14 3.200h-4l-.4 2.400a7 7 0 0 0-2.200 1.300l-2.300-.9-1.900 3.200 1.900 1.500a7 7 0 0 0 0 2.600l-1.900 1.500 1.900 3.200 2.300-.9a7 7 0 0 0 2.200 1.300l.4 2.400h4l.4-2.400a7 7 0 0 0 2.200-1.300l2.300.9 1.900-3.200-1.900-1.500c.1-.4.1-.8.1-1.300Z",
  send: "M4 12 20 5l-5 15-3.500-6L4 12Zm7.500 2L20 5",
  chat: "M4 5.500h16v11H10l-4 3.500v-3.500H4Z",
  chevron: "m7 10 5 5 5-5",
  person: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm-7.500 8a7.500 7.500 0 0 1 15 0",
  copy: "M9 9h11v11H9ZM5 15H4V4h11v1",
  screen: "M3.500 5h17v11h-17ZM9 20h6M12 16v4",
};

const FILLED = new Set(["play", "pause"]);

export const icon = (name) => {
  const drawn = FILLED.has(name) ? { fill: "currentColor" } : { fill: "none", stroke: "currentColor", "stroke-width": "1.7", "stroke-linecap": "round", "stroke-linejoin": "round" };
  return svg("svg", { viewBox: "0 0 24 24", "aria-hidden": "true", ...drawn }, svg("path", { d: ICONS[name] }));
};
