// What goes wrong on purpose.

import { api, inOrder } from "./api.js";
import { field, h, show, toast } from "./dom.js";

const KINDS = { latency: "The answer takes a while", status: "Another status", drop: "The connection is dropped", half: "Half an answer", garbage: "Noise for a body", limit: "Too many requests" };

export function faults(app, main) {
  const list = h("div", { className: "stack" });
  const does = h("select", { onchange: more }, Object.entries(KINDS).map(([value, text]) => h("option", { value }, text)));
  const operation = h("select", {}, h("option", { value: "" }, "every operation"), app.model.operations.map((one) => h("option", { value: one.id }, one.id)));
  const times = h("input", { type: "number", min: 1, placeholder: "always" });
  const chance = h("input", { type: "number", min: 0, max: 100, step: "any", value: 100 });
  const match = h("textarea", { className: "mono", rows: 3, spellcheck: false, placeholder: '{"body": {"required": ["text"]}}' });
  const extra = h("div", { className: "fields" });
  let inputs = {};

  function more() {
    const number = (value, props = {}) => h("input", { type: "number", step: "any", min: 0, value, required: true, ...props });
    inputs = { latency: { seconds: number(1) }, status: { status: number(503, { min: 200, max: 599 }) }, limit: { requests: number(5), per: number(60) } }[does.value] ?? {};
    show(extra, Object.entries(inputs).map(([name, input]) => field(name, input)));
  }

  async function add(event) {
    event.preventDefault();
    let said = {};
    if (match.value.trim()) { try { said = JSON.parse(match.value); } catch (error) { toast(`Match is no valid JSON: ${error.message}`, "bad"); return; } }
    const wish = { does: does.value, ...Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, Number(input.value)])) };
    if (operation.value) said.operation = operation.value;
    if (Object.keys(said).length) wish.match = said;
    if (times.value) wish.times = Number(times.value);
    if (Number(chance.value) < 100) wish.probability = Number(chance.value) / 100;
    await app.guarded(async () => { await api.post("/faults", wish); toast("It will go wrong", "good"); await load(); });
  }

  const newest = inOrder();

  async function load() {
    const rows = await newest(() => api.get("/faults"));
    if (!rows) return;
    show(list, rows.length ? rows.map((row) => h("div", { className: "card" }, h("div", { className: "row between wrap" },
      h("div", { className: "row wrap" }, h("span", { className: `chip ${row.left === 0 ? "" : "warn"}` }, KINDS[row.does]), what(row), h("span", { className: "muted small" }, row.match ? JSON.stringify(row.match) : "every request")),
      h("div", { className: "row" }, h("span", { className: "muted small nowrap" }, `${row.happened} of ${row.matched} happened${row.left === null ? "" : `, ${row.left} left`}`), h("button", { className: "tiny danger", type: "button", onclick: () => app.guarded(async () => { await api.drop(`/faults/${row.id}`); await load(); }) }, "Remove"))))) : h("div", { className: "empty" }, h("p", {}, "Nothing goes wrong on purpose."), h("p", { className: "small" }, "Add a fault to see what a client does about it.")));
  }

  function what(row) {
    if (row.between) return h("strong", {}, `${row.between.join(" to ")} s`);
    if (row.median) return h("strong", {}, `about ${row.median} s`);
    const said = { seconds: `${row.seconds} s`, status: String(row.status), requests: `${row.requests} in ${row.per ?? 60} s` };
    return h("strong", {}, Object.keys(said).filter((name) => row[name] !== undefined).map((name) => said[name]).join(", "));
  }

  show(main, h("div", { className: "page" }, h("div", { className: "row between" }, h("h1", {}, "Faults"), h("button", { className: "danger", type: "button", onclick: () => app.guarded(async () => { await api.drop("/faults"); await load(); }) }, "Remove all")),
    h("form", { className: "card", onsubmit: add }, h("h2", {}, "Let something go wrong"), h("div", { className: "fields" }, field("What", does), field("Where", operation), field("How often", times), field("Probability, %", chance)), extra,
      h("details", {}, h("summary", {}, "Match headers, query or body (JSON Schemas)"), field("Match", match)), h("div", { className: "row" }, h("button", { className: "primary" }, "Add"))), list));
  more();
  return { load, heard: () => app.guarded(load) };
}
