// Where a call stands, as the lamp shows it. Pure: what happened goes in, the next state comes out.
//
//   idle ──▶ connecting ──▶ listening ◀──▶ thinking ──▶ speaking ──▶ listening …
//     ▲  ╲▶ ringing ─╯          └────────── reconnecting ──────────┘ (from any of the three, and back)
//     └──────────────── ended, failed ◀── any

export const PHASES = {
  idle: { word: "Ready", live: false },
  ringing: { word: "Ringing", live: false },
  connecting: { word: "Connecting", live: false },
  listening: { word: "Listening", live: true },
  thinking: { word: "Thinking", live: true },
  speaking: { word: "Speaking", live: true },
  reconnecting: { word: "Reconnecting", live: true },
  ended: { word: "Call ended", live: false },
  failed: { word: "Not connected", live: false },
};

export const START = { phase: "idle", hearing: false, owed: false, sounding: false, away: false };

const RESTING = new Set(["idle", "ended", "failed"]);

// `happened`: what the page, the line or the server did.
export function next(state, happened) {
  switch (happened) {
    case "ring":
      return RESTING.has(state.phase) ? { ...START, phase: "ringing" } : state;
    case "stop_ringing":
      return state.phase === "ringing" ? { ...START } : state;
    case "connect":
      return PHASES[state.phase].live ? state : { ...START, phase: "connecting" };
    case "connected":
      return state.phase === "connecting" ? { ...START, phase: "listening" } : state;
    case "ended":
      return { ...START, phase: RESTING.has(state.phase) ? state.phase : "ended" };
    case "failed":
      return { ...START, phase: "failed" };
    case "reset":
      return { ...START };
  }
  if (!PHASES[state.phase].live) return state;
  const after = { ...state };
  switch (happened) {
    case "speech_started":
      Object.assign(after, { hearing: true, owed: false });
      break;
    case "speech_stopped":
      Object.assign(after, { hearing: false, owed: true });
      break;
    case "speech_cleared":
      Object.assign(after, { hearing: false, owed: false });
      break;
    case "asked":
    case "response_created":
      after.owed = true;
      break;
    case "response_done":
      after.owed = false;
      break;
    case "sounds":
      after.sounding = true;
      break;
    case "silent":
      after.sounding = false;
      break;
    case "down":
      after.away = true;
      break;
    case "back":
      after.away = false;
      break;
    default:
      throw new Error(`nothing is known of '${happened}'`);
  }
  return { ...after, phase: lampOf(after) };
}

function lampOf({ away, sounding, hearing, owed }) {
  if (away) return "reconnecting";
  if (sounding) return "speaking";
  if (hearing) return "listening";
  return owed ? "thinking" : "listening";
}
