// The Markdown of a page beside the call, as elements. Nothing of it is ever taken for HTML: a model wrote it.
// Headings, lists, quotes, tables, bold, emphasis, code, links and pictures; what is not known stays text.

const INLINE = /!\[([^\]]*)\]\(([^)\s]+)[^)]*\)|\[([^\]]+)\]\(([^)\s]+)[^)]*\)|\*\*(.+?)\*\*|__(.+?)__|`([^`]+)`|\*([^*\s][^*]*)\*|(?<!\w)_([^_\s][^_]*)_(?!\w)/gu;

// picture(path, alt) gives the element for a picture.
export function renderMarkdown(text, picture) {
  const root = document.createDocumentFragment();
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  let at = 0;
  while (at < lines.length) {
    const line = lines[at];
    const heading = line.match(/^(#{1,6})\s+(.*?)\s*#*$/);
    if (!line.trim()) at += 1;
    else if (heading) {
      root.append(block(heading[1].length < 3 ? "h3" : "h4", heading[2], picture));
      at += 1;
    } else if (/^\s*([-*_])(\s*\1){2,}\s*$/.test(line)) {
      root.append(document.createElement("hr"));
      at += 1;
    } else if (isItem(line)) at = list(root, lines, at, picture);
    else if (line.startsWith(">")) at = quote(root, lines, at, picture);
    else if (line.includes("|") && /^\s*\|?[\s:|-]+\|[\s:|-]*$/.test(lines[at + 1] ?? "")) at = table(root, lines, at, picture);
    else at = paragraph(root, lines, at, picture);
  }
  return root;
}

const isItem = (line) => /^\s*(?:[-*+]|\d{1,3}[.)])\s+\S/.test(line);

function block(tag, text, picture) {
  const element = document.createElement(tag);
  inline(element, text, picture);
  return element;
}

function paragraph(root, lines, from, picture) {
  let at = from;
  const words = [];
  while (at < lines.length && lines[at].trim() && !isItem(lines[at]) && !/^(#{1,6}\s|>)/.test(lines[at])) words.push(lines[at++].trim());
  if (at === from) words.push(lines[at++].trim());
  root.append(block("p", words.join(" "), picture));
  return at;
}

function list(root, lines, from, picture) {
  const indent = lines[from].match(/^\s*/)[0].length;
  const element = document.createElement(/^\s*\d/.test(lines[from]) ? "ol" : "ul");
  let at = from;
  while (at < lines.length && isItem(lines[at])) {
    const deep = lines[at].match(/^\s*/)[0].length;
    if (deep < indent) break;
    if (deep > indent && element.lastChild) at = list(element.lastChild, lines, at, picture);
    else element.append(block("li", lines[at++].replace(/^\s*(?:[-*+]|\d{1,3}[.)])\s+/, ""), picture));
  }
  root.append(element);
  return at;
}

function quote(root, lines, from, picture) {
  let at = from;
  const inner = [];
  while (at < lines.length && lines[at].startsWith(">")) inner.push(lines[at++].replace(/^>\s?/, ""));
  const element = document.createElement("blockquote");
  element.append(renderMarkdown(inner.join("\n"), picture));
  root.append(element);
  return at;
}

function table(root, lines, from, picture) {
  const cells = (line) => line.trim().replace(/^\||\|$/g, "").split("|").map((cell) => cell.trim());
  const element = document.createElement("table");
  element.className = "cl-table";
  const row = (tag, line) => {
    const made = element.insertRow();
    for (const cell of cells(line)) made.append(block(tag, cell, picture));
  };
  row("th", lines[from]);
  let at = from + 2;
  while (at < lines.length && lines[at].includes("|") && lines[at].trim()) row("td", lines[at++]);
  root.append(element);
  return at;
}

function inline(element, text, picture) {
  let from = 0;
  for (const found of text.matchAll(INLINE)) {
    element.append(text.slice(from, found.index));
    from = found.index + found[0].length;
    const [whole, alt, path, label, href, bold, bold2, code, soft, soft2] = found;
    if (path !== undefined) element.append(picture(path, alt) ?? whole);
    else if (href !== undefined) element.append(link(label, href, picture));
    else if (code !== undefined) element.append(Object.assign(document.createElement("code"), { textContent: code }));
    else element.append(block(bold ?? bold2 ? "strong" : "em", bold ?? bold2 ?? soft ?? soft2, picture));
  }
  element.append(text.slice(from));
}

// Only addresses that can do nothing but open a page.
function link(label, href, picture) {
  if (!/^https?:\/\//i.test(href)) return block("span", label, picture);
  const element = block("a", label, picture);
  Object.assign(element, { href, target: "_blank", rel: "noopener noreferrer" });
  return element;
}
