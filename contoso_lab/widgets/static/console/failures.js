// One sentence for everything that can go wrong, and one for what to do about it.

// { kind, says, remedy, typing } - `typing`: the call can go on without a microphone.
const made = (kind, says, remedy, typing = false) => ({ kind, says, remedy, typing });

export class Failed extends Error {
  constructor(failure) {
    super(`${failure.says} ${failure.remedy}`.trim());
    this.failure = failure;
  }
}

export function notSecure(place = location) {
  const port = place.port || (place.protocol === "https:" ? "443" : "80");
  return made(
    "not_secure",
    `This page was opened as ${place.origin}, which the browser does not hold for secure, so it gives no microphone and plays no sound.`,
    `Open it as http://localhost:${port} through ssh -L ${port}:localhost:${port} ${place.hostname}, or over https.`,
  );
}

export function ofMicrophone(error) {
  switch (error.name) {
    case "NotAllowedError":
    case "SecurityError":
      return made(
        "no_permission",
        "The browser does not let this page use the microphone.",
        "Click the sign beside the address, allow the microphone, and press Connect again.",
        true,
      );
    case "NotFoundError":
    case "OverconstrainedError":
      return made(
        "no_microphone",
        "No microphone was found.",
        "Plug one in and press Connect again, or go on without one and type.",
        true,
      );
    case "NotReadableError":
    case "AbortError":
      return made(
        "microphone_busy",
        "The microphone is there but gives no sound: another program may hold it.",
        "Close that program, or choose another microphone under Settings.",
        true,
      );
  }
  return made("microphone", `The microphone cannot be opened: ${error.message || error.name}.`, "Choose another one under Settings.", true);
}

export function noSound(error) {
  return made(
    "no_sound",
    `This browser cannot play sound here: ${error.message || error.name}.`,
    "Use a current Chrome, Edge, Firefox or Safari, and look whether a loudspeaker or headset is there.",
  );
}

export function noExtension(place) {
  return made(
    "no_extension",
    `This Jupyter server knows nothing of contoso-lab: ${place} is not there.`,
    "Start JupyterLab with make lab, or start contoso-lab relay and give the console its relay_url.",
  );
}

export function noRelay(place) {
  return made(
    "relay_gone",
    `The relay does not answer at ${place}.`,
    "Look whether it runs (contoso-lab relay prints READY and its address), then press Connect again.",
  );
}

export function notStarted(message) {
  return made("not_started", `The relay could not be started: ${message || "it gave no reason"}.`, "Put that right and press Connect again.");
}

export function ofAnswer(status, message, what) {
  const says = message ? `The relay says: ${sentence(message)}` : `The relay answered ${what} with ${status}.`;
  if (status === 401 || status === 403) return made("refused", says, "Ask whoever runs the relay for access, or sign in again.");
  if (status === 429) return made("busy", says, "Wait a moment and press Connect again.");
  if (status === 503) return made("busy", says, "Press Connect again in a moment.");
  if (status === 422 || status === 404) return made("cannot_prepare", says, "Choose another persona or customer.");
  return made("relay_error", says, "The relay's log says more.");
}

const CLOSES = {
  1001: ["relay_closing", "The relay is shutting down.", "Press Connect again when it is back."],
  1009: ["too_large", "The relay refused a message as too large.", "Press Connect to call again."],
  1011: ["target_lost", "The other side of the relay was lost and did not come back.", "Press Connect to call again."],
  4401: ["refused", "The relay did not accept the token.", "Press Connect again: each token opens one call and lives five minutes."],
  4403: ["refused", "This page may not use the relay.", "Start the relay with --allow-origin and this page's address."],
  4404: ["no_thread", "The conversation is not there any more.", "Begin a new one: press New conversation under Settings."],
  4408: ["ceiling", "The call reached a ceiling.", "Press Connect to begin another one."],
  4410: ["not_resumed", "The call was lost and could not be taken up again.", "Press Connect to call again."],
  4429: ["busy", "You hold too many calls.", "End one, then press Connect again."],
  4502: ["no_target", "The relay cannot reach its target.", "Start the engine or check the key where the relay runs, then press Connect again."],
  4503: ["busy", "All lines are taken.", "Press Connect again in a moment."],
};

// A close of the socket. `told`: the connection had been made, or even the call had begun.
export function ofClose({ code, reason }, { began, place }) {
  const known = CLOSES[code];
  if (known) return made(known[0], reason ? `The relay says: ${sentence(reason)}` : known[1], known[2]);
  if (code === 1006 && !began) return noRelay(place);
  if (code === 1006) {
    return made("relay_gone", "The connection to the relay broke and could not be made again.", "Look whether the relay runs, then press Connect to call again.");
  }
  const why = reason ? `: ${reason}` : "";
  return made("closed", `The other side ended the call with ${code}${why}.`, "Press Connect to call again.");
}

export function unplugged() {
  return made("unplugged", "The microphone was unplugged, so nobody hears you.", "Plug it in again, or choose another one under Settings.");
}

export function noClip(name) {
  return made(
    "no_clip",
    `The recording of ${name} did not come from the notebook's kernel.`,
    "Wait until the kernel is idle, or start it again, then press the button again.",
  );
}

export function noStream(error) {
  return made("no_stream", `The stream widget gives no sound: ${error.message || error.name}.`, "Check its source, or take stream= away to use the microphone.");
}

export function unexpected(error) {
  return made("unexpected", `Something failed in this page: ${error.message || error}.`, "Press Connect again; the activity log says more.");
}

function sentence(text) {
  const trimmed = String(text).trim().replace(/\.?$/, ".");
  return trimmed;
}
