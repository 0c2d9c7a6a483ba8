// Requests as they come, and why each one was answered so.

import { api } from "./api.js";
import { clock, copy, dialog, h, json, show, statusChip, toast, walk } from "./dom.js";
import { judged } from "./why.js";

export function requests(app, main, start) {
  const list = h("div", { className: "list", tabIndex: -1 });
  const detail = h("section", { className: "detail", "aria-label": "Request" });
  const search = h("input", { type: "search", placeholder: "Search path, body, answer", "aria-label": "Search requests", oninput: soon });
  const filter = h("select", { "aria-label": "Status", onchange: load }, [["", "All"], ["2xx", "2xx"], ["4xx", "4xx"], ["5xx", "5xx"]].map(([value, text]) => h("option", { value }, text)));
  const split = h("div", { className: "split" }, h("section", { className: "side", "aria-label": "Requests" }, h("div", { className: "bar" }, search, filter), list), detail);
  show(main, h("h1", { className: "unseen" }, "Requests"), split);
  let entries = [], chosen = Number(start[0]) || null, waiting = null;

  function soon() { clearTimeout(waiting); waiting = setTimeout(() => app.guarded(load), 200); }

  function filters() {
    const query = new URLSearchParams({ limit: "200" });
    if (search.value) query.set("text", search.value);
    if (filter.value) query.set("status", filter.value);
    return query;
  }

  async function load() { entries = await api.get(`/requests?${filters()}`); drawList(); }

  function drawList(fresh) {
    show(list, entries.length ? entries.map((entry) => item(entry, entry.id === fresh)) : h("div", { className: "empty" }, h("p", {}, search.value || filter.value ? "Nothing matches." : "No request yet."), h("p", { className: "small" }, "They show here as they come.")));
  }

  function item(entry, fresh) {
    const broken = [...new Set(entry.violations.flatMap((one) => one.rules.map((rule) => rule.id)))];
    return h("button", { className: `item ${fresh ? "fresh" : ""}`, type: "button", "aria-current": entry.id === chosen ? "true" : null, onclick: () => app.go("requests", entry.id) },
      h("span", { className: "row between" }, h("span", { className: "row grow" }, statusChip(entry.status), h("strong", {}, entry.method), h("span", { className: "cut" }, entry.operation ?? entry.path)), h("span", { className: "muted small nowrap" }, clock(entry.at))),
      broken.length || entry.steered ? h("span", { className: "muted small cut" }, entry.steered ?? broken.join(", ")) : h("span", { className: "muted small cut mono" }, entry.path));
  }

  async function openOne() {
    split.classList.toggle("open", Boolean(chosen));
    if (!chosen) { show(detail, h("div", { className: "empty" }, "Choose a request.")); return; }
    const entry = entries.find((one) => one.id === chosen) ?? (await app.guarded(() => api.get(`/requests/${chosen}`)));
    if (entry) draw(entry);
  }

  const wish = (entry) => ({ method: entry.method, path: entry.path, query: entry.query, ...(entry.request === null ? {} : { body: entry.request }) });

  async function again(entry) {
    await app.guarded(async () => { const sent = await api.post("/requests", wish(entry)); toast(`Sent again: ${sent.status}`, sent.status < 400 ? "good" : "bad"); await load(); app.go("requests", sent.id); });
  }

  async function texts(entry, what) {
    await app.guarded(async () => {
      const found = await api.get(`/requests/${entry.id}/test`);
      if (what === "curl") await copy(found.curl, "curl line");
      else dialog("A test of this request", h("pre", { tabIndex: 0 }, found.pytest), h("div", { className: "row" }, h("button", { className: "primary", type: "button", onclick: () => copy(found.pytest, "Test") }, "Copy")));
    });
  }

  async function why(entry) {
    await app.guarded(async () => { const found = await api.post("/explain", wish(entry)); dialog("What would become of it now", judged(found, app, (better) => again({ ...better, query: better.query ?? {}, request: better.body ?? null }))); });
  }

  function draw(entry) {
    const headers = Object.entries(entry.headers);
    show(detail, h("div", { className: "page" },
      h("div", { className: "stack tight" },
        h("div", { className: "row wrap" }, h("button", { className: "back", type: "button", onclick: () => app.go("requests") }, "Back"), statusChip(entry.status), h("h2", { className: "mono" }, `${entry.method} ${entry.path}`)),
        h("div", { className: "row wrap" },
          h("button", { type: "button", onclick: () => texts(entry, "curl") }, "Copy as curl"), h("button", { type: "button", onclick: () => again(entry) }, "Send again"),
          h("button", { type: "button", onclick: () => texts(entry, "test") }, "Make this a test"), h("button", { type: "button", onclick: () => why(entry) }, "Judge now"))),
      h("p", { className: "muted small" }, `Request ${entry.id}, ${entry.operation ?? "no operation"}, ${entry.at}`),
      entry.steered ? h("p", { className: "notice" }, `Not the API's own answer: ${entry.steered}`) : null,
      entry.violations.length ? h("section", { className: "stack", "aria-label": "Why" }, h("h3", {}, entry.status >= 400 ? "Why it was refused" : "What was let through"), entry.violations.map((one) => violation(one))) : null,
      h("div", { className: "two" },
        h("section", { className: "card", "aria-label": "Request sent" }, h("h3", {}, "Request"), entry.query ? h("code", {}, `?${entry.query}`) : null, json(entry.request)),
        h("section", { className: "card", "aria-label": "Answer" }, h("h3", {}, "Answer"), json(entry.response), headers.length ? h("details", {}, h("summary", {}, "Headers"), h("pre", { tabIndex: 0 }, headers.map((pair) => pair.join(": ")).join("\n"))) : null)),
      entry.met.length ? h("section", { className: "card", "aria-label": "Rules kept" }, h("h3", {}, `Keeps ${entry.met.length} ${entry.met.length === 1 ? "rule" : "rules"}`), h("div", { className: "row wrap" }, entry.met.map((id) => h("a", { className: "chip good", href: `#/rules/${encodeURIComponent(id)}` }, id)))) : null));
  }

  return {
    load: async () => { await load(); if (!chosen && window.innerWidth > 760 && entries.length) chosen = entries[0].id; drawList(); },
    opened(rest) { if (rest[0]) chosen = Number(rest[0]); else if (window.innerWidth <= 760) chosen = null; drawList(); openOne(); },
    async heard(entry) {
      if (search.value || filter.value) await app.guarded(load);
      else { entries = [entry, ...entries.filter((one) => one.id !== entry.id)].slice(0, 200); drawList(entry.id); }
      if (!chosen && window.innerWidth > 760) { chosen = entry.id; openOne(); }
    },
    key(event) {
      const entry = entries.find((one) => one.id === chosen);
      if (event.key === "x" && entry) again(entry);
      else if (event.key === "t" && entry) texts(entry, "test");
      else walk(list, event);
    },
  };
}

export function violation(one) {
  return h("div", { className: "card" },
    h("div", { className: "row wrap" }, one.rules.map((rule) => h("a", { className: `chip ${one.outcome === "broken" ? "bad" : "warn"}`, href: `#/rules/${encodeURIComponent(rule.id)}` }, rule.id)), h("code", {}, one.pointer), one.rules.map((rule) => h("span", { className: "chip" }, rule.certainty))),
    one.rules.map((rule) => h("p", {}, rule.says)), one.rules.length ? null : h("p", {}, one.message),
    h("dl", { className: "keys small" }, h("dt", { className: "muted" }, "found"), h("dd", {}, h("code", {}, JSON.stringify(one.found))), h("dt", { className: "muted" }, "accepted"), h("dd", {}, one.accepted),
      Object.entries(one.facts).flatMap(([name, value]) => [h("dt", { className: "muted" }, name), h("dd", {}, h("code", {}, JSON.stringify(value)))])));
}
