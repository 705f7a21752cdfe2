// The order of a conversation's items, as the server declares it. Transcripts come when they are ready, often after the
// answer to them, so only `previous_item_id` can be trusted. The same rules as contoso_lab/wire/order.py.

export class ItemOrder {
  #after = new Map(); // in the order of arrival
  #stated = []; // in the order of their latest statement
  #front = [];

  note(id) {
    if (!this.#after.has(id)) this.#after.set(id, null);
  }

  // Put an item directly behind another, or in front of all ("root"); null means at the end, or where it is.
  place(id, after) {
    this.note(id);
    if (after === null || after === undefined || after === this.#after.get(id) || this.#leadsTo(after, id)) return;
    let behind = after;
    if (behind === "root") {
      this.#front.unshift(id);
      behind = null;
    }
    this.#stated = [...this.#stated.filter((each) => each !== id), id];
    this.#after.set(id, behind);
  }

  get ids() {
    const behind = new Map();
    for (const id of this.#stated) {
      const after = this.#after.get(id);
      if (this.#after.has(after)) behind.set(after, [...(behind.get(after) ?? []), id]);
    }
    const known = [...this.#after.keys()];
    const heads = known.filter((id) => !this.#after.has(this.#after.get(id)) && !this.#front.includes(id));
    const waiting = [...heads.reverse(), ...[...this.#front].reverse()];
    const found = [];
    while (waiting.length) {
      const id = waiting.pop();
      found.push(id);
      waiting.push(...(behind.get(id) ?? [])); // the latest was put nearest, and is taken first
    }
    return found;
  }

  #leadsTo(start, id) {
    let at = start;
    while (at !== null && at !== undefined && at !== id) at = this.#after.get(at);
    return at === id;
  }
}
