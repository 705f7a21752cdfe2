// One call at a time: its sound, its tracks and its transcript move together.
const tabs = [...document.querySelectorAll("[role=tab]")];

const players = new Map(); // a call's id: how to go to a second of it, and where it is

const choose = (chosen) => {
  // A and B: whoever changes the call hears the same turn of the other one.
  const before = players.get(tabs.find((tab) => tab.getAttribute("aria-selected") === "true")?.getAttribute("aria-controls"));
  const after = players.get(chosen.getAttribute("aria-controls"));
  if (before && after && before !== after && before.playing()) {
    const turn = before.turn();
    queueMicrotask(() => after.go(after.start(turn)));
  }
  for (const tab of tabs) {
    const call = document.getElementById(tab.getAttribute("aria-controls"));
    tab.setAttribute("aria-selected", String(tab === chosen));
    tab.tabIndex = tab === chosen ? 0 : -1;
    call.hidden = tab !== chosen;
    if (tab !== chosen) call.querySelector("audio")?.pause();
  }
};

for (const [place, tab] of tabs.entries()) {
  tab.addEventListener("click", () => choose(tab));
  tab.addEventListener("keydown", (event) => {
    const steps = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: tabs.length - 1 };
    if (!(event.key in steps)) return;
    event.preventDefault();
    const next = tabs[(steps[event.key] + tabs.length) % tabs.length];
    choose(next);
    next.focus();
  });
}

const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

for (const call of document.querySelectorAll(".call")) {
  const audio = call.querySelector("audio");
  const tracks = call.querySelector(".tracks");
  if (!audio || !tracks) continue;
  const head = call.querySelector(".playhead");
  const fault = call.querySelector(".fault");
  const turns = [...call.querySelectorAll(".turn[data-seek]")];
  const length = Number(tracks.dataset.seconds);
  let touched = false;

  const say = (sentence) => {
    fault.textContent = sentence;
    fault.hidden = false;
  };

  const show = () => {
    const at = audio.currentTime;
    head.style.left = `${Math.min(100, (100 * at) / length)}%`;
    tracks.setAttribute("aria-valuenow", at.toFixed(1));
    tracks.setAttribute("aria-valuetext", `${clock(at)} of ${clock(length)}`);
    let now = null;
    for (const turn of turns) {
      // A seek lands a hair before the place that was asked for.
      const start = Number(turn.dataset.seek);
      if (touched && start <= at + 0.05 && (!now || start >= Number(now.dataset.seek))) now = turn;
    }
    // While the call is heard, what was shown beside it appears when it did.
    for (const shown of call.querySelectorAll(".suggestion")) {
      shown.classList.toggle("later", touched && Number(shown.dataset.from) > at + 0.05);
    }
    for (const turn of turns) {
      turn.classList.toggle("now", turn === now);
      if (turn === now) turn.setAttribute("aria-current", "true");
      else turn.removeAttribute("aria-current");
    }
  };
  const follow = () => {
    show();
    if (!audio.paused) requestAnimationFrame(follow);
  };
  audio.addEventListener("play", () => {
    touched = true;
    follow();
  });
  for (const name of ["seeking", "seeked", "timeupdate", "pause"]) audio.addEventListener(name, show);
  audio.addEventListener("error", () => say("This browser cannot play the sound in this page; try Firefox or Chrome."));

  const play = () => audio.play().catch((error) => {
    if (error.name !== "AbortError") say(`The sound does not start: ${error.message}`);
  });
  const seek = (seconds) => {
    touched = true;
    audio.currentTime = Math.max(0, Math.min(seconds, length));
    show();
  };
  const go = (seconds) => {
    seek(seconds);
    play();
  };
  const starts = turns.map((turn) => Number(turn.dataset.seek));
  players.set(call.id, {
    go,
    playing: () => !audio.paused,
    turn: () => Math.max(0, starts.filter((start) => start <= audio.currentTime + 0.05).length - 1),
    start: (turn) => starts[Math.min(turn, starts.length - 1)] ?? 0,
  });

  const kept = call.querySelector(".bookmarks");
  const bookmark = (seconds) => {
    const link = document.createElement("a");
    link.href = `#${call.id}@${seconds.toFixed(1)}`;
    link.textContent = clock(seconds);
    link.title = "go there; copy this link to share the moment";
    kept.append(link);
    history.replaceState(null, "", link.href);
  };
  call.querySelector(".bookmark").addEventListener("click", () => bookmark(audio.currentTime));
  document.addEventListener("keydown", (event) => {
    const writing = event.target.closest?.("input, textarea") || event.ctrlKey || event.metaKey || event.altKey;
    if (event.key.toLowerCase() === "m" && !call.hidden && !writing) bookmark(audio.currentTime);
  });

  tracks.addEventListener("click", (event) => {
    const box = tracks.getBoundingClientRect();
    seek((length * (event.clientX - box.left)) / box.width);
  });
  tracks.addEventListener("keydown", (event) => {
    const step = event.shiftKey ? 1 : 5;
    const places = {
      ArrowRight: audio.currentTime + step, ArrowUp: audio.currentTime + step,
      ArrowLeft: audio.currentTime - step, ArrowDown: audio.currentTime - step,
      Home: 0, End: length,
    };
    if (event.key === " ") {
      if (audio.paused) play();
      else audio.pause();
    } else if (event.key in places) {
      seek(places[event.key]);
    } else {
      return;
    }
    event.preventDefault();
  });
  for (const part of call.querySelectorAll("[data-seek]")) {
    part.addEventListener("click", () => go(Number(part.dataset.seek)));
  }
}

const jump = (id, seconds) => {
  const call = document.getElementById(id);
  if (!call?.classList.contains("call")) return;
  const tab = tabs.find((each) => each.getAttribute("aria-controls") === id);
  if (tab) choose(tab);
  call.scrollIntoView({ block: "start" });
  if (seconds !== null) players.get(id)?.go(seconds);
};
for (const button of document.querySelectorAll("[data-jump]")) {
  button.addEventListener("click", () => jump(button.dataset.jump, button.dataset.at ? Number(button.dataset.at) : null));
}

// #call-2@12.5 is a moment that somebody shared.
const visit = () => {
  const shared = /^#(call-\d+)@(\d+(?:\.\d+)?)$/.exec(location.hash);
  if (shared) jump(shared[1], Number(shared[2]));
};
addEventListener("hashchange", visit);
visit();
