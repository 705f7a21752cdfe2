// Small things that every widget needs: elements, lists that change, times as people read them.

// An element: attributes by name, handlers as functions, children as elements or text.
export const h = (tag, attributes = {}, ...children) => {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "class") made.className = value;
    else if (name === "text") made.textContent = value;
    else if (name === "style") made.style.cssText = value;
    else if (name in made && typeof value !== "string") made[name] = value;
    else made.setAttribute(name, value === true ? "" : String(value));
  }
  made.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false && child !== ""));
  return made;
};

const SVG = "http://www.w3.org/2000/svg";
export const svg = (tag, attributes = {}, ...children) => {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  made.append(...children);
  return made;
};

// Write only what has changed: a reader of the screen hears changes.
export function put(element, changes) {
  for (const [name, value] of Object.entries(changes)) {
    if (name === "text") {
      if (element.textContent !== value) element.textContent = value;
    } else if (name.includes("-") || name === "role") {
      if (value === null) element.removeAttribute(name);
      else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, String(value));
    } else if (element[name] !== value) element[name] = value;
  }
}

export function options(select, entries, chosen) {
  const wanted = JSON.stringify(entries);
  if (select.dataset.entries !== wanted) {
    select.dataset.entries = wanted;
    select.replaceChildren(...entries.map(([value, label]) => h("option", { value }, label)));
  }
  if (select.value !== chosen) select.value = chosen;
}

// A list of elements by key: those that stay are not made anew, so focus and selection stay, too.
export function keyed(parent, entries, make, update) {
  const there = new Map([...parent.children].map((child) => [child.dataset.key, child]));
  let place = parent.firstElementChild;
  for (const [key, entry] of entries) {
    let child = there.get(key);
    if (!child) {
      child = make(entry);
      child.dataset.key = key;
    }
    there.delete(key);
    update(child, entry);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
  for (const child of there.values()) child.remove();
}

// Move the focus along a list of elements of which one at a time is in the order of Tab.
export const rove = (items, now, step) => {
  const next = items[Math.max(0, Math.min(items.length - 1, now + step))];
  for (const item of items) item.tabIndex = item === next ? 0 : -1;
  next?.focus();
  return next;
};

export const clock = (ms, tenths = false) => {
  const whole = Math.max(0, ms) / 1000;
  const seconds = tenths ? Math.floor((whole % 60) * 10) / 10 : Math.floor(whole % 60);
  const shown = tenths ? seconds.toFixed(1).padStart(4, "0") : String(seconds).padStart(2, "0");
  return `${Math.floor(whole / 60)}:${shown}`;
};

export const secondsOf = (ms) => (ms < 995 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`);
