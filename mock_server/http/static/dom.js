// Elements, texts and small parts that every panel uses.

export function h(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && name !== "list" && name !== "form" && !name.includes("-")) node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const SVG = "http://www.w3.org/2000/svg";
export function s(tag, props = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(props)) if (value !== undefined && value !== false) node.setAttribute(name, value);
  node.append(...children.flat(2).filter(Boolean));
  return node;
}

export const show = (node, ...children) => { node.replaceChildren(...children.flat(3).filter(Boolean)); return node; };

export function statusChip(status) {
  const kind = status < 300 ? "good" : status < 400 ? "accent" : status < 500 ? "warn" : "bad";
  return h("span", { className: `chip ${kind}` }, String(status));
}

export function when(text, now) {
  if (!text) return "";
  const then = new Date(text);
  const today = new Date(now ?? Date.now());
  const time = then.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  if (then.toDateString() === today.toDateString()) return time;
  const year = then.getFullYear() === today.getFullYear() ? undefined : "numeric";
  return `${then.toLocaleDateString([], { day: "numeric", month: "short", year })}, ${time}`;
}

export const clock = (text) => new Date(text).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" });

export function json(value) {
  // Colours by kind; built from nodes, so that nothing a client sent becomes markup.
  if (value === null || value === undefined) return h("p", { className: "muted small" }, "no body");
  if (typeof value === "string") return h("pre", { tabIndex: 0 }, value);
  const pre = h("pre", { tabIndex: 0 });
  const text = JSON.stringify(value, null, 2);
  const parts = /("(?:\\.|[^"\\])*")(\s*:)?|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)/g;
  let last = 0;
  for (const match of text.matchAll(parts)) {
    pre.append(text.slice(last, match.index));
    const kind = match[1] ? (match[2] ? "json-key" : "json-text") : "json-number";
    pre.append(h("span", { className: kind }, match[1] ?? match[3]), match[2] ?? "");
    last = match.index + match[0].length;
  }
  pre.append(text.slice(last));
  return pre;
}

export function toast(text, kind = "") {
  const node = h("div", { className: `toast ${kind}` }, text);
  document.getElementById("toasts").append(node);
  setTimeout(() => node.remove(), kind === "bad" ? 9000 : 3500);
}

// Work that cannot be undone is done when it is asked for twice; who turns to something else has not asked.
export function twice(label, work) {
  const node = h("button", { type: "button", className: "danger", onclick: (event) => {
    if (node.asked) { calm(); work(event); return; }
    node.asked = true; node.textContent = "Really?";
    node.focus(); // a click alone does not do so in every browser, and what was not focused is never left
  }, onblur: () => calm() }, label);
  const calm = () => { node.asked = false; node.textContent = label; };
  return node;
}

export async function copy(text, what) {
  try { await navigator.clipboard.writeText(text); toast(`${what} copied`, "good"); }
  catch { dialog(what, h("pre", { tabIndex: 0 }, text)); }
}

export function dialog(title, ...children) {
  const box = document.getElementById("dialog");
  const close = h("button", { className: "quiet", type: "button", onclick: () => box.close() }, "Close");
  show(box, h("div", { className: "stack" }, h("div", { className: "row between" }, h("h2", { id: "dialog-title" }, title), close), ...children));
  if (!box.open) box.showModal();
  return box;
}

// Prose of a document: paragraphs, lists, and code between backticks; no other mark-up.
export function prose(text) {
  const inline = (words) => words.split("`").map((part, position) => (position % 2 ? h("code", {}, part) : part));
  return text.trim().split(/\n\s*\n/).map((part) => {
    const lines = part.split("\n");
    if (lines.every((line) => line.startsWith("- "))) return h("ul", {}, lines.map((line) => h("li", {}, inline(line.slice(2)))));
    return h("p", {}, inline(part.replaceAll("\n", " ")));
  });
}

export const field = (label, input) => h("label", { className: "field" }, label, input);

export const plural = (count, one) => `${count} ${count === 1 ? one : `${one}s`}`;

// A value as it stands in JSON; a text that JSON would make unreadable, as it is. Of a long one its beginning.
export function shown(value) {
  const text = typeof value === "string" && /["\\\n]/.test(value) ? value : JSON.stringify(value ?? null);
  return text.length > 400 ? `${text.slice(0, 400)}…` : text;
}

// Draws rows into a box. A node whose row says the same stays the very node: with its focus, its scroll
// position, and what was opened in it.
export function patch(box, rows, key, make) {
  const wanted = new Map(rows.map((row) => [String(key(row)), row]));
  for (const node of [...box.childNodes]) if (!wanted.has(node.dataset?.key)) node.remove();
  const known = new Map([...box.children].map((node) => [node.dataset.key, node]));
  let at = box.firstChild;
  for (const [id, row] of wanted) {
    const said = JSON.stringify(row), old = known.get(id);
    let node = old;
    if (old?.said !== said) {
      node = make(row);
      node.dataset.key = id; node.said = said;
      if (old) { const focused = focusIn(old); if (at === old) at = node; old.replaceWith(node); if (focused >= 0) (focusable(node)[focused] ?? focusable(node)[0])?.focus({ preventScroll: true }); }
    }
    if (node === at) at = at.nextSibling; else box.insertBefore(node, at);
  }
}
const focusable = (node) => [node, ...node.querySelectorAll("*")].filter((one) => one.matches("button, a[href], input, select, textarea, summary"));
const focusIn = (node) => focusable(node).indexOf(document.activeElement);

// A list in which the arrow keys and j and k walk.
export function walk(list, event) {
  const step = { ArrowDown: 1, j: 1, ArrowUp: -1, k: -1 }[event.key];
  if (!step) return false;
  const items = [...list.querySelectorAll(".item")];
  const at = items.indexOf(document.activeElement);
  const current = at >= 0 ? at : items.findIndex((item) => item.hasAttribute("aria-current"));
  const next = items[Math.min(Math.max(current + step, 0), items.length - 1)];
  next?.focus();
  if (next) next.click();
  event.preventDefault();
  return true;
}
