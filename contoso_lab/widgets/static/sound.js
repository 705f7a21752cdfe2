// Sound on demand: asked of the kernel when somebody wants to hear it, kept as a Blob, let go with the view.
const MOST_KEPT = 24;
const LATE_MS = 6000;

// `told` may have: state(playing), time(ms), fault(sentence), work(sentence).
export const makeSound = (model, life, told = {}) => {
  const audio = new Audio();
  audio.preload = "auto";
  audio.preservesPitch = true;
  const kept = new Map();   // what was asked → { url, from_ms }
  const open = new Map();   // number of a request → how it ends
  const mine = Math.random().toString(36).slice(2);
  let count = 0;
  let now = null;           // { name, from_ms, until_ms }
  let frame = 0;
  let wanted = 0;           // the newest wish: an older one that arrives late must not begin to sound
  let gone = false;

  const fault = (sentence) => told.fault?.(sentence);
  const forget = (name) => {
    URL.revokeObjectURL(kept.get(name).url);
    kept.delete(name);
  };

  life.model(model, "msg:custom", (message, buffers) => {
    const end = message?.kind === "sound" ? open.get(message.id) : undefined;
    if (!end) return;
    open.delete(message.id);
    end(message, buffers);
  });

  const load = (key, from_ms = null, to_ms = null) => {
    const name = `${key} ${from_ms} ${to_ms}`;
    if (kept.has(name)) return Promise.resolve(kept.get(name));
    return new Promise((resolve, reject) => {
      const id = `${mine}-${(count += 1)}`;
      const late = setTimeout(() => { if (!gone) told.work?.("Waiting for the kernel: it computes, or this notebook was opened without one."); }, LATE_MS);
      open.set(id, (message, buffers) => {
        clearTimeout(late);
        told.work?.("");
        if (message.failed || gone) return reject(new Error(message.failed || "the widget is gone"));
        while (kept.size >= MOST_KEPT) forget(kept.keys().next().value);
        const url = URL.createObjectURL(new Blob([buffers[0]], { type: message.type }));
        kept.set(name, { url, from_ms: from_ms ?? 0 });
        resolve(kept.get(name));
      });
      told.work?.("Fetching the sound …");
      model.send({ kind: "sound", id, key, from_ms, to_ms });
    });
  };

  const at = () => (now ? now.from_ms + 1000 * audio.currentTime : 0);
  const follow = () => {
    cancelAnimationFrame(frame);
    told.time?.(at());
    if (now && now.until_ms !== null && at() >= now.until_ms) audio.pause();
    if (!audio.paused) frame = requestAnimationFrame(follow);
  };
  life.on(audio, "play", () => { told.state?.(true); follow(); });
  life.on(audio, "pause", () => { told.state?.(false); follow(); });
  life.on(audio, "seeked", () => told.time?.(at()));
  life.on(audio, "error", () => { if (audio.src && !gone) fault("This browser cannot play the sound; try Firefox or Chrome."); });

  const ready = () => audio.readyState >= 1 ? Promise.resolve() : new Promise((resolve) => audio.addEventListener("loadedmetadata", resolve, { once: true }));

  const sound = {
    audio,
    at,
    get playing() { return !audio.paused; },
    // Play a sound of the kernel. `at_ms` is where to begin, `until_ms` where to stop; both as the kernel counts.
    async play(key, { from_ms = null, to_ms = null, at_ms = null, until_ms = null, rate = audio.playbackRate } = {}) {
      const wish = (wanted += 1);
      try {
        fault("");
        const found = await load(key, from_ms, to_ms);
        if (gone || wish !== wanted) return;
        const name = found.url;
        if (now?.name !== name) {
          audio.src = name;
          now = { name, from_ms: found.from_ms, until_ms };
          await ready();
        }
        now.until_ms = until_ms;
        audio.playbackRate = rate;
        const start = at_ms ?? found.from_ms;
        audio.currentTime = Math.max(0, (start - found.from_ms) / 1000);
        await audio.play();
      } catch (error) {
        told.work?.("");
        if (error.name === "NotAllowedError") fault("The browser wants a click before it plays sound; press play again.");
        else if (error.name !== "AbortError" && !gone) fault(error.message);
      }
    },
    load,
    pause() { wanted += 1; audio.pause(); },
    seek(ms) { if (now) audio.currentTime = Math.max(0, (ms - now.from_ms) / 1000); },
    until(ms) { if (now) now.until_ms = ms; },
    rate(value) { audio.playbackRate = value; audio.defaultPlaybackRate = value; },
  };
  life.add(() => {
    gone = true;
    cancelAnimationFrame(frame);
    audio.pause();
    audio.removeAttribute("src");
    audio.load();
    for (const name of [...kept.keys()]) forget(name);
    open.clear();
  });
  return sound;
};
