// The catalogue with what was met of it, and the state machines.

import { api, inOrder } from "./api.js";
import { h, json, patch, show, walk } from "./dom.js";
import { machine } from "./machine.js";

const MET = { never: ["", "never met"], kept: ["good", "kept"], broke: ["bad", "broken only"], both: ["good", "kept and broken"] };

export function rules(app, main, start) {
  const list = h("div", { className: "list", tabIndex: -1 });
  const detail = h("section", { className: "detail", "aria-label": "Rule" });
  const search = h("input", { type: "search", placeholder: "Search rules", "aria-label": "Search rules", oninput: drawList, onsearch: drawList });
  const filter = h("select", { "aria-label": "Coverage", onchange: drawList }, [["", "All"], ["never", "Never met"], ["kept", "Kept"], ["broke", "Broken"]].map(([value, text]) => h("option", { value }, text)));
  const split = h("div", { className: "split" }, h("section", { className: "side", "aria-label": "Rules" }, h("div", { className: "bar" }, search, filter), list), detail);
  show(main, h("h1", { className: "unseen" }, "Rules"), split);
  let catalogue = [], coverage = { rules: [], transitions: [], operations: [] }, chosen = start[0] ?? "", waiting = null;
  const newestRule = inOrder(), newestCoverage = inOrder();

  async function load() { [catalogue, coverage] = await Promise.all([api.get("/rules"), api.get("/coverage")]); drawList(); }
  const counts = (id) => coverage.rules.find((row) => row.id === id) ?? { met: "never", kept: 0, broke: 0, warned: 0 };

  function drawList() {
    const words = search.value.toLowerCase();
    const found = catalogue.filter((rule) => `${rule.id} ${rule.says}`.toLowerCase().includes(words)).filter((rule) => {
      const row = counts(rule.id);
      return !filter.value || (filter.value === "never" ? row.met === "never" : filter.value === "kept" ? row.kept : row.broke + row.warned);
    });
    const overview = h("button", { className: "item", type: "button", "aria-current": chosen ? null : "true", onclick: () => app.go("rules", "overview") }, h("strong", {}, "Overview"), h("span", { className: "muted small" }, summary()));
    if (!found.length) { show(list, overview, h("div", { className: "empty" }, "Nothing matches.")); return; }
    const rows = found.map((rule) => ({ ...rule, row: counts(rule.id), current: rule.id === chosen }));
    patch(list, [{ id: "", summary: summary(), current: !chosen }, ...rows], (rule) => rule.id, (rule) => (rule.id ? item(rule) : overview));
  }

  // A rule that was come to by a link is not where the list begins.
  const reveal = () => list.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });

  const summary = () => `${coverage.rules.filter((row) => row.met !== "never").length} of ${catalogue.length} rules met`;

  function item(rule) {
    const row = counts(rule.id);
    return h("button", { className: "item", type: "button", "aria-current": rule.id === chosen ? "true" : null, onclick: () => app.go("rules", rule.id) },
      h("span", { className: "row between" }, h("strong", { className: "cut" }, rule.id), chip(row)), h("span", { className: "muted small" }, rule.says));
  }

  function chip(row) {
    if (row.met === "never") return h("span", { className: "chip" }, "–");
    return h("span", { className: "row" }, row.kept ? h("span", { className: "chip good", title: "kept" }, `✓ ${row.kept}`) : null, row.broke ? h("span", { className: "chip bad", title: "broken" }, `✗ ${row.broke}`) : null, row.warned ? h("span", { className: "chip warn", title: "broken with a warning" }, `! ${row.warned}`) : null);
  }

  function meter(row) {
    const bar = h("div", { className: "meter", "aria-hidden": "true" }), total = row.kept + row.broke + row.warned;
    for (const [name, value] of [["k", row.kept], ["b", row.broke], ["w", row.warned]]) { const part = h("i", { className: name }); part.style.width = `${total ? (100 * value) / total : 0}%`; bar.append(part); }
    return bar;
  }

  function machines(only) {
    return app.model.resources.filter((one) => one.lifecycle).map((one) => ({ one, rows: coverage.transitions.filter((row) => row.resource === one.name) }))
      .filter(({ rows }) => !only || rows.some((row) => row.rules.includes(only)))
      .map(({ one, rows }) => h("section", { className: "card", "aria-label": `Lifecycle of ${one.title}` }, h("div", { className: "row between wrap" }, h("h3", {}, `${one.title}: ${one.lifecycle.field}`), h("span", { className: "muted small" }, "solid: asked for · dashed: by time · dotted: by an event")), h("div", { className: "scroll", tabIndex: 0, role: "group", "aria-label": "Drawing" }, machine(one.lifecycle, rows, detail.clientWidth - 82))));
  }

  function overview() {
    const tally = Object.fromEntries(Object.keys(MET).map((name) => [name, coverage.rules.filter((row) => row.met === name).length]));
    show(detail, h("div", { className: "page" },
      h("div", { className: "row between wrap" }, h("a", { className: "button back", href: "#/rules" }, "Back"), h("h2", {}, "Rules and what met them"), h("button", { type: "button", onclick: () => app.guarded(async () => { await api.drop("/coverage"); await again(); }) }, "Count from nothing")),
      h("div", { className: "row wrap" }, Object.entries(MET).map(([name, [kind, words]]) => h("span", { className: `chip ${kind}` }, `${tally[name]} ${words}`))),
      machines(), h("section", { className: "card", "aria-label": "Operations" }, h("h3", {}, "Operations"), h("div", { className: "scroll", tabIndex: 0 }, h("table", {}, h("thead", {}, h("tr", {}, ["Operation", "Method", "Path", "Passed", "Refused"].map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", {}, coverage.operations.map((row) => h("tr", {}, h("td", {}, row.id), h("td", {}, row.method), h("td", { className: "mono" }, row.path), h("td", {}, String(row.passed)), h("td", {}, String(row.refused))))))))));
  }

  async function one() {
    const asked = chosen, rule = await app.guarded(() => newestRule(() => api.get(`/rules/${encodeURIComponent(asked)}`)));
    if (!rule || asked !== chosen) return;
    const row = counts(rule.id), [kind, words] = MET[row.met];
    show(detail, h("div", { className: "page" },
      h("div", { className: "row wrap" }, h("a", { className: "button back", href: "#/rules" }, "Back"), h("h2", {}, rule.id), h("span", { className: `chip ${kind}` }, words)),
      h("p", {}, h("strong", {}, rule.says)), meter(row),
      h("p", { className: "small" }, `Kept ${row.kept}, broken ${row.broke}, let through with a warning ${row.warned}.`),
      h("dl", { className: "keys small" }, [["source", rule.source], ["certainty", rule.certainty], ["policy", rule.policy], ["note", rule.note]].filter(([, value]) => value).flatMap(([name, value]) => [h("dt", { className: "muted" }, name), h("dd", {}, value)]), h("dt", { className: "muted" }, "stated at"), h("dd", {}, [...new Set(rule.stated_at)].map((place) => h("div", {}, h("code", {}, place))))),
      machines(rule.id), examples("Accepts", rule.accepts, "good"), examples("Rejects", rule.rejects, "bad")));
  }

  function examples(title, sequences, kind) {
    if (!sequences.length) return null;
    return h("section", { className: "stack", "aria-label": title }, h("h3", {}, title), sequences.map((steps) => h("div", { className: "card" }, steps.map((step, position) => h("div", { className: "stack tight" },
      h("div", { className: "row wrap" }, h("span", { className: `chip ${position === steps.length - 1 ? kind : ""}` }, step.operation), h("code", {}, `${step.method} ${step.path}`), step.wait ? h("span", { className: "muted small" }, `after ${step.wait} s`) : null),
      step.credentials ? h("span", { className: "muted small" }, "credentials: ", h("code", {}, step.credentials)) : null,
      step.query && Object.keys(step.query).length ? h("code", {}, `?${new URLSearchParams(step.query)}`) : null, "body" in step ? json(step.body) : null)))));
  }

  async function again() { coverage = (await newestCoverage(() => api.get("/coverage"))) ?? coverage; drawList(); if (!chosen) overview(); }

  return {
    load,
    opened(rest) { chosen = rest[0] === "overview" ? "" : rest[0] ?? ""; drawList(); split.classList.toggle("open", Boolean(rest[0])); reveal(); if (chosen) one(); else overview(); },
    heard() { clearTimeout(waiting); waiting = setTimeout(() => app.guarded(async () => { await again(); if (chosen) await one(); }), 300); },
    key(event) { walk(list, event); },
  };
}
