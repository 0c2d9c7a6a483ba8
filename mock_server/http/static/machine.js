// A lifecycle, drawn: states in ranks from where records begin, transitions with live counts.
// Ranks go from left to right, or downwards where there is no room for that. All is placed as if
// they went to the right, with x along the ranks and y across them, and turned when it is drawn.

import { s } from "./dom.js";

const ALONG = [0.5, 0.42, 0.58, 0.34, 0.66, 0.27, 0.73, 0.2, 0.8, 0.14, 0.86];
const RIGHT = { w: 118, h: 40, gapX: 96, gapY: 44, x: 20, y: 28, turn: (x, y) => [x, y], angle: (degrees) => degrees };
const DOWN = { w: 40, h: 92, gapX: 72, gapY: 14, x: 12, y: 8, turn: (x, y) => [y, x], angle: (degrees) => 90 - degrees };
const LEAST = 0.75; // a drawing is made smaller down to this; what is larger still, one scrolls through

// `room` is how wide it may be, in pixels.
export function machine(lifecycle, counts, room) {
  const across = drawn(lifecycle, counts, RIGHT);
  if (across.width.baseVal.value <= room) return across;
  const down = drawn(lifecycle, counts, DOWN);
  return down.width.baseVal.value < across.width.baseVal.value ? down : across;
}

function drawn(lifecycle, counts, way) {
  const at = place(lifecycle, way), places = Object.values(at);
  const size = (axis, side) => Math.max(...places.map((p) => p[axis])) + side + way[axis];
  const [width, height] = way.turn(size("x", way.w), size("y", way.h));
  const [wide, high] = way.turn(way.w, way.h);
  const pairs = new Map();
  for (const row of counts) {
    const key = `${row.from}\n${row.to}`;
    const known = pairs.get(key);
    if (known) { known.count += row.count; known.by = row.by === "request" ? known.by : row.by; } else pairs.set(key, { ...row });
  }
  const edges = [...pairs.values()].map((row) => edge(row, at, pairs.has(`${row.to}\n${row.from}`), way));
  apart(edges.filter((one) => one.count), places.map((p) => way.turn(p.x + way.w / 2, p.y + way.h / 2)), wide, high);
  const states = lifecycle.states.map((name) => [name, way.turn(at[name].x, at[name].y)]).map(([name, [x, y]]) => s("g", {},
    s("rect", { x, y, width: wide, height: high, rx: 12, class: `state ${lifecycle.initial.includes(name) ? "start" : ""} ${lifecycle.final.includes(name) ? "end" : ""}` }),
    text(name, x + wide / 2, y + high / 2 + 5)));
  const words = counts.map((row) => `${row.from} to ${row.to} by ${row.event ?? row.by}: ${row.count}`).join("; ");
  const picture = s("svg", { width, height, viewBox: `0 0 ${width} ${height}`, class: "machine", role: "img", "aria-label": `States: ${lifecycle.states.join(", ")}. Transitions: ${words}` }, edges.map((one) => one.line), states, edges.map((one) => one.count));
  picture.style.minWidth = `${LEAST * width}px`;
  return picture;
}

// Each count at the middle of its line, or as near to it as it neither lies on another nor on a state.
function apart(edges, states, wide, high) {
  const taken = states.map(([x, y]) => ({ x, y, w: wide / 2 + 15, h: high / 2 + 11 }));
  for (const one of edges) {
    const free = ALONG.map(one.point).find((p) => taken.every((other) => Math.abs(p.x - other.x) >= other.w || Math.abs(p.y - other.y) >= other.h)) ?? one.point(0.5);
    taken.push({ ...free, w: 30, h: 21 });
    one.count.setAttribute("transform", `translate(${free.x} ${free.y})`);
  }
}

function text(words, x, y) { const node = s("text", { x, y, "text-anchor": "middle" }); node.textContent = words; return node; }

function place(lifecycle, way) {
  // A state's rank: how many transitions away it is from where records begin.
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
    at[name] = { x: way.x + column * (way.w + way.gapX), y: way.y + (row + (rows - total) / 2) * (way.h + way.gapY), column };
  }
  return at;
}

function edge(row, at, both, { w: W, h: H, turn, angle }) {
  const a = at[row.from], b = at[row.to];
  let line, tip;
  if (a.column === b.column) {
    const x = a.x + W / 2, down = b.y > a.y;
    const [y1, y2] = down ? [a.y + H, b.y] : [a.y, b.y + H];
    const bend = both ? (down ? 26 : -26) : 0;
    line = [[x, y1], [x + bend, (y1 + 2 * (y1 + y2) / 2) / 3], [x + bend, (y2 + 2 * (y1 + y2) / 2) / 3], [x, y2]]; tip = down ? 90 : -90;
  } else {
    const right = b.column > a.column;
    const [x1, x2] = right ? [a.x + W, b.x] : [a.x, b.x + W];
    const off = both ? (right ? -9 : 9) : 0;
    const y1 = a.y + H / 2 + off, y2 = b.y + H / 2 + off, half = (x2 - x1) / 2;
    line = [[x1, y1], [x1 + half, y1], [x2 - half, y2], [x2, y2]]; tip = right ? 0 : 180;
  }
  line = line.map((point) => turn(...point));
  const [start, ...rest] = line, d = `M ${start.join(" ")} C ${rest.flat().join(" ")}`;
  const met = row.count ? "met" : "";
  const [x, y] = line[3];
  // Where a point of the curve lies, from 0 at its beginning to 1 at its end.
  const along = (t, axis) => (1 - t) ** 3 * line[0][axis] + 3 * (1 - t) ** 2 * t * line[1][axis] + 3 * (1 - t) * t ** 2 * line[2][axis] + t ** 3 * line[3][axis];
  return {
    point: (t) => ({ x: along(t, 0), y: along(t, 1) }),
    line: s("g", {}, s("path", { d, class: `edge ${row.by} ${met}` }), s("path", { d: "M 0 0 L -8 -4 L -8 4 Z", class: `arrow ${met}`, transform: `translate(${x} ${y}) rotate(${angle(tip)})` })),
    count: row.count ? s("g", { class: "count" }, s("rect", { x: -13, y: -9, width: 26, height: 18, rx: 9 }), text(String(row.count), 0, 4)) : null,
  };
}
