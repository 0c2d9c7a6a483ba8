// A lifecycle, drawn: states in ranks from where records begin, transitions with live counts.

import { s } from "./dom.js";

const ALONG = [0.5, 0.42, 0.58, 0.34, 0.66, 0.27, 0.73, 0.2, 0.8, 0.14, 0.86];
const W = 118, H = 40, GAP_X = 96, GAP_Y = 44;

export function machine(lifecycle, counts) {
  const at = place(lifecycle);
  const width = Math.max(...Object.values(at).map((p) => p.x)) + W + 40;
  const height = Math.max(...Object.values(at).map((p) => p.y)) + H + 56;
  const pairs = new Map();
  for (const row of counts) {
    const key = `${row.from}\n${row.to}`;
    const known = pairs.get(key);
    if (known) { known.count += row.count; known.by = row.by === "request" ? known.by : row.by; } else pairs.set(key, { ...row });
  }
  const edges = [...pairs.values()].map((row) => edge(row, at, pairs.has(`${row.to}\n${row.from}`)));
  apart(edges.filter((one) => one.count), Object.values(at));
  const states = lifecycle.states.map((name) => s("g", {},
    s("rect", { x: at[name].x, y: at[name].y, width: W, height: H, rx: 12, class: `state ${lifecycle.initial.includes(name) ? "start" : ""} ${lifecycle.final.includes(name) ? "end" : ""}` }),
    text(name, at[name].x + W / 2, at[name].y + H / 2 + 5)));
  const words = counts.map((row) => `${row.from} to ${row.to} by ${row.event ?? row.by}: ${row.count}`).join("; ");
  return s("svg", { width, height, viewBox: `0 0 ${width} ${height}`, class: "machine", role: "img", "aria-label": `States: ${lifecycle.states.join(", ")}. Transitions: ${words}` }, edges.map((one) => one.line), states, edges.map((one) => one.count));
}

// Each count at the middle of its line, or as near to it as it neither lies on another nor on a state.
function apart(edges, states) {
  const taken = states.map((p) => ({ x: p.x + W / 2, y: p.y + H / 2, w: W / 2 + 15, h: H / 2 + 11 }));
  for (const one of edges) {
    const free = ALONG.map(one.point).find((p) => taken.every((other) => Math.abs(p.x - other.x) >= other.w || Math.abs(p.y - other.y) >= other.h)) ?? one.point(0.5);
    taken.push({ ...free, w: 30, h: 21 });
    one.count.setAttribute("transform", `translate(${free.x} ${free.y})`);
  }
}

function text(words, x, y) { const node = s("text", { x, y, "text-anchor": "middle" }); node.textContent = words; return node; }

function place(lifecycle) {
  // A state's rank: how many transitions away it is from where records begin.
  const into = new Map(lifecycle.states.map((name) => [name, 0]));
  for (const one of lifecycle.transitions) into.set(one.to, (into.get(one.to) ?? 0) + 1);
  const first = lifecycle.states.filter((name) => lifecycle.initial.includes(name) && lifecycle.editable.includes(name));
  const begin = first.length ? first : lifecycle.initial.slice(0, 1);
  const rank = new Map(begin.map((name) => [name, 0]));
  const queue = [...begin];
  while (queue.length) {
    const name = queue.shift();
    for (const one of lifecycle.transitions) if (one.from === name && !rank.has(one.to)) { rank.set(one.to, rank.get(name) + 1); queue.push(one.to); }
  }
  const far = Math.max(0, ...rank.values());
  for (const name of lifecycle.states) if (!rank.has(name)) rank.set(name, lifecycle.final.includes(name) && far ? far : 0);
  const used = new Map(), at = {};
  const rows = Math.max(...[...rank.values()].map((value) => [...rank.values()].filter((other) => other === value).length));
  for (const name of lifecycle.states) {
    const column = rank.get(name), row = used.get(column) ?? 0, total = [...rank.values()].filter((value) => value === column).length;
    used.set(column, row + 1);
    at[name] = { x: 20 + column * (W + GAP_X), y: 28 + (row + (rows - total) / 2) * (H + GAP_Y), column };
  }
  return at;
}

function edge(row, at, both) {
  const a = at[row.from], b = at[row.to];
  let line, tip;
  if (a.column === b.column) {
    const x = a.x + W / 2, down = b.y > a.y;
    const [y1, y2] = down ? [a.y + H, b.y] : [a.y, b.y + H];
    const bend = both ? (down ? 26 : -26) : 0;
    line = [[x, y1], [x + bend, (y1 + 2 * (y1 + y2) / 2) / 3], [x + bend, (y2 + 2 * (y1 + y2) / 2) / 3], [x, y2]]; tip = [x, y2, down ? 90 : -90];
  } else {
    const right = b.column > a.column;
    const [x1, x2] = right ? [a.x + W, b.x] : [a.x, b.x + W];
    const off = both ? (right ? -9 : 9) : 0;
    const y1 = a.y + H / 2 + off, y2 = b.y + H / 2 + off, half = (x2 - x1) / 2;
    line = [[x1, y1], [x1 + half, y1], [x2 - half, y2], [x2, y2]]; tip = [x2, y2, right ? 0 : 180];
  }
  const [start, ...rest] = line, d = `M ${start.join(" ")} C ${rest.flat().join(" ")}`;
  const met = row.count ? "met" : "";
  const [x, y, turn] = tip;
  // Where a point of the curve lies, from 0 at its beginning to 1 at its end.
  const along = (t, axis) => (1 - t) ** 3 * line[0][axis] + 3 * (1 - t) ** 2 * t * line[1][axis] + 3 * (1 - t) * t ** 2 * line[2][axis] + t ** 3 * line[3][axis];
  return {
    point: (t) => ({ x: along(t, 0), y: along(t, 1) }),
    line: s("g", {}, s("path", { d, class: `edge ${row.by} ${met}` }), s("path", { d: "M 0 0 L -8 -4 L -8 4 Z", class: `arrow ${met}`, transform: `translate(${x} ${y}) rotate(${turn})` })),
    count: row.count ? s("g", { class: "count" }, s("rect", { x: -13, y: -9, width: 26, height: 18, rx: 9 }), text(String(row.count), 0, 4)) : null,
  };
}
