// What a client has to remember so that a broken connection loses nothing; as contoso_lab/session/returning.py.
// From the relay everything counts but `lab.*`; to it everything but `lab.ack`.

const ACK_EVERY = 64;
const MOST_KEPT_CHARS = 8 * 2 ** 20;

export class Books {
  token = null; // opens the way back
  windowMs = 0; // how long the relay waits for us
  received = 0; // messages of the target that came
  #kept = [];
  #said = 0;
  #chars = 0;
  #told = 0;

  constructor(most = MOST_KEPT_CHARS) {
    this.most = most;
  }

  // We have sent a message that counts, or would have. False when so much waits that the relay must be gone for good.
  say(text) {
    this.#said += 1;
    this.#kept.push(text);
    this.#chars += text.length;
    if (this.#chars <= this.most) return true;
    if (this.token !== null) return false;
    this.arrived(this.#said); // nobody acknowledges anything here, and there is no way back
    return true;
  }

  arrived(count) {
    while (this.#kept.length && this.#said - this.#kept.length < count) this.#chars -= this.#kept.shift().length;
  }

  // What a relay that has `count` of our messages has to hear again; null when that is gone.
  unheard(count) {
    const first = this.#said - this.#kept.length;
    if (!(first <= count && count <= this.#said)) return null;
    this.arrived(count);
    return [...this.#kept];
  }

  // One more message of the target came; the number to tell the relay when it is time to, else null.
  heard() {
    this.received += 1;
    if (this.token === null || this.received - this.#told < ACK_EVERY) return null;
    this.#told = this.received;
    return this.received;
  }
}
