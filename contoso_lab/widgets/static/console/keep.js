// What is remembered from one visit to the next: choices only, never words, sound or tokens.

const PLACE = "contoso-lab.console";

export const DEFAULTS = {
  persona: "",
  customer: "",
  microphone: "",
  speaker: "",
  echo: true,
  talk: "open", // or "push"
  greet: true,
  vad: {}, // what was moved: threshold, silence_duration_ms, prefix_padding_ms
  open: { settings: false, waits: false, log: false, chat: true },
};

export function loadKept(storage = window.localStorage) {
  try {
    const kept = JSON.parse(storage.getItem(PLACE) ?? "{}");
    const known = Object.fromEntries(Object.entries(kept).filter(([key, value]) => typeof value === typeof DEFAULTS[key]));
    return { ...DEFAULTS, ...known, vad: { ...known.vad }, open: { ...DEFAULTS.open, ...known.open } };
  } catch {
    return structuredClone(DEFAULTS); // no storage in this page, or not ours: begin anew
  }
}

export function saveKept(kept, storage = window.localStorage) {
  try {
    storage.setItem(PLACE, JSON.stringify(kept));
  } catch {
    // Private windows have none; then nothing is remembered.
  }
}
