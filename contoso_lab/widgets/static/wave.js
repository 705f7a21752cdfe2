// Waveforms: heights that Python measured, 0 to 255, drawn in a box of `steps` by 100.
import { svg } from "./dom.js";

const outline = (heights) => {
  let path = "";
  for (let start = 0; start < heights.length;) {
    if (!heights[start]) { start += 1; continue; }
    let stop = start;
    while (stop < heights.length && heights[stop]) stop += 1;
    const size = (x) => (47 * heights[x]) / 255;
    let top = "", bottom = "";
    for (let x = start; x < stop; x += 1) top += `${x} ${(50 - size(x)).toFixed(1)} `;
    for (let x = stop - 1; x >= start; x -= 1) bottom += `${x} ${(50 + size(x)).toFixed(1)} `;
    path += `M${top}${bottom}Z`;
    start = stop;
  }
  return path;
};

// One lane: `bytes` holds the peaks, then the means.
export const drawWave = (bytes) => {
  const steps = bytes.length / 2;
  const line = svg("path", { d: `M0 50H${steps}`, class: "middle", fill: "none" });
  const peak = svg("path", { d: outline(bytes.subarray(0, steps)), class: "peak" });
  const mean = svg("path", { d: outline(bytes.subarray(steps)), class: "mean" });
  return svg("svg", { viewBox: `0 0 ${steps} 100`, preserveAspectRatio: "none", "aria-hidden": "true", class: "cl-wave" }, line, peak, mean);
};

// A binary trait as it arrives: a DataView, or bytes.
export const bytesOf = (value) =>
  value instanceof Uint8Array ? value : new Uint8Array(value.buffer ?? value, value.byteOffset ?? 0, value.byteLength ?? value.length);
