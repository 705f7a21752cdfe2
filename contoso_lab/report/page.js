// One call at a time: its sound, its tracks and its transcript move together.
const tabs = [...document.querySelectorAll("[role=tab]")];

const choose = (chosen) => {
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
    part.addEventListener("click", () => {
      seek(Number(part.dataset.seek));
      play();
    });
  }
}
