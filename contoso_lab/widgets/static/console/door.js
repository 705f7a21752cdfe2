// Where the relay is, and what is asked there over HTTP. Either an address was given, or the Jupyter server of this page
// has it under its own address, behind its own login; then it can also be started from here.

import { Failed, noExtension, noRelay, notStarted, ofAnswer } from "./failures.js";

const POLL_MS = 400;
const PATIENCE_MS = 180000;

// JupyterLab and Voila both tell the page where the server is.
export function jupyterBase(page = document) {
  const config = page.getElementById("jupyter-config-data");
  try {
    const { baseUrl } = JSON.parse(config.textContent);
    return typeof baseUrl === "string" ? new URL(baseUrl, location.href).href : null;
  } catch {
    return null;
  }
}

export class Door {
  // `given`: the relay's address, or empty for the Jupyter server's.
  constructor(given, base = jupyterBase()) {
    this.own = !given && base !== null;
    const place = given || (base ? new URL("contoso-lab/", base).href : location.origin);
    this.base = place.endsWith("/") ? place : `${place}/`;
  }

  url(path) {
    return new URL(path, this.base).href;
  }

  socketUrl(path) {
    return this.url(path).replace(/^http/, "ws");
  }

  // What the server says of the relay; null where there is nobody to ask.
  async status() {
    if (!this.own) return null;
    const answer = await this.#fetch("status");
    if (answer.status === 404) throw new Failed(noExtension(this.url("status")));
    return this.#json(answer, "status");
  }

  // Wait until the relay is ready; start it if need be. progress(sentence)
  async ready(progress, signal) {
    if (!this.own) return null;
    let told = await this.status();
    const until = Date.now() + PATIENCE_MS;
    let asked = false;
    while (told.state !== "ready") {
      if (told.state === "failed" && asked) throw new Failed(notStarted(told.message));
      if (!asked && told.state !== "starting") {
        progress("Starting the relay");
        await this.#json(await this.#post("start"), "start");
        asked = true;
      } else if (told.message) progress(told.message);
      if (told.state === "starting") asked = true; // somebody else did
      if (Date.now() > until) throw new Failed(notStarted(`it is not ready after ${PATIENCE_MS / 60000} minutes`));
      await pause(POLL_MS, signal);
      told = await this.status();
    }
    return told;
  }

  // { token, expiresAt, thread }
  async token(asked) {
    const query = new URLSearchParams(Object.entries(asked).filter(([, value]) => value));
    return this.#json(await this.#fetch(`api/token?${query}`), "the request for a token");
  }

  // With a thread, where the relay keeps them: then chat, call and page know of each other. One that is not there any
  // more gives way to a new one (`anew`).
  async callToken(who, thread) {
    const ask = async (asked) => ({ thread: "", anew: false, ...(await this.token({ ...who, ...asked })) });
    try {
      return await ask({ thread: thread || "new" });
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      if (/keeps no memory/.test(error.message)) return ask({});
      if (thread && /no such thread|thread is closed/.test(error.message)) return { ...(await ask({ thread: "new" })), anew: true };
      throw error;
    }
  }

  async post(path, body, token, signal) {
    const headers = { "Content-Type": "application/json", Authorization: `Bearer ${token}` };
    return this.#post(path, { headers, body: JSON.stringify(body), signal });
  }

  // A picture of the catalogue as an address that this page may show; null when there is none.
  async picture(path) {
    try {
      const answer = await this.#fetch(path.replace(/^\//, ""));
      if (!answer.ok || !(answer.headers.get("content-type") ?? "").startsWith("image/")) return null;
      return URL.createObjectURL(await answer.blob());
    } catch (error) {
      if (error instanceof Failed) return null;
      throw error;
    }
  }

  async failure(answer, what) {
    const told = await answer.json().catch(() => null);
    return ofAnswer(answer.status, told?.error?.message ?? told?.message, what);
  }

  async #json(answer, what) {
    if (!answer.ok) throw new Failed(await this.failure(answer, what));
    return answer.json();
  }

  #post(path, options = {}) {
    const xsrf = this.own ? { "X-XSRFToken": cookie("_xsrf") } : {};
    return this.#fetch(path, { method: "POST", ...options, headers: { ...xsrf, ...options.headers } });
  }

  async #fetch(path, options = {}) {
    try {
      return await fetch(this.url(path), { credentials: this.own ? "same-origin" : "omit", cache: "no-store", ...options });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Failed(noRelay(new URL(this.base).host));
    }
  }
}

export function cookie(name, from = document.cookie) {
  const found = from.split("; ").find((each) => each.startsWith(`${name}=`));
  return found ? decodeURIComponent(found.slice(name.length + 1)) : "";
}

export function pause(ms, signal) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms);
    signal?.addEventListener("abort", () => {
      clearTimeout(timer);
      reject(signal.reason);
    });
  });
}
