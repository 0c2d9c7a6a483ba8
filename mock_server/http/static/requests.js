// Requests as they come, and why each one was answered so.

import { api, inOrder, Refused } from "./api.js";
import { clock, copy, dialog, h, json, patch, plural, show, shown, statusChip, toast, walk } from "./dom.js";
import { judged } from "./why.js";

const SHOWN = 19_990; // bytes from which an entry shows a body in part

export function requests(app, main, start) {
  const list = h("div", { className: "list", tabIndex: -1 });
  const detail = h("section", { className: "detail", "aria-label": "Request" });
  const search = h("input", { type: "search", placeholder: "Search path, body, answer", "aria-label": "Search requests", oninput: soon, onsearch: soon });
  const filter = h("select", { "aria-label": "Status", onchange: soon }, [["", "All"], ["2xx", "2xx"], ["4xx", "4xx"], ["5xx", "5xx"]].map(([value, text]) => h("option", { value }, text)));
  const split = h("div", { className: "split" }, h("section", { className: "side", "aria-label": "Requests" }, h("div", { className: "bar" }, search, filter), list), detail);
  show(main, h("h1", { className: "unseen" }, "Requests"), split);
  let entries = [], chosen = Number(start[0]) || start[0] || null, waiting = null, loading = 0;
  const newest = inOrder();

  function soon() { clearTimeout(waiting); waiting = setTimeout(() => app.guarded(load), 200); }

  function filters() {
    const query = new URLSearchParams({ limit: "200" });
    if (search.value) query.set("text", search.value);
    if (filter.value) query.set("status", filter.value);
    return query;
  }

  async function load() {
    loading += 1;
    try {
      const found = await newest(() => api.get(`/requests?${filters()}`));
      if (!found) return;
      entries = found;
      drawList();
    } finally { loading -= 1; }
  }

  function drawList(fresh) {
    if (entries.length) { patch(list, entries.map(row), (entry) => entry.id, (entry) => item(entry, entry.id === fresh)); return; }
    show(list, h("div", { className: "empty" }, h("p", {}, search.value || filter.value ? "Nothing matches." : "No request yet."), h("p", { className: "small" }, "They show here as they come.")));
  }

  // What the list tells of a request.
  function row(entry) {
    const broken = [...new Set(entry.violations.flatMap((one) => one.rules.map((rule) => rule.id)))];
    return { id: entry.id, status: entry.status, method: entry.method, operation: entry.operation, path: entry.path, at: entry.at, steered: entry.steered, broken, ignored: entry.ignored.map((one) => one.pointer.replace(/^\/(body|query)\//, "")), current: entry.id === chosen };
  }

  function item(entry, fresh) {
    const { broken } = entry;
    const told = entry.steered ?? (broken.join(", ") || (entry.ignored.length ? `ignored: ${entry.ignored.join(", ")}` : ""));
    return h("button", { className: `item ${fresh ? "fresh" : ""}`, type: "button", "aria-current": entry.current ? "true" : null, onclick: () => app.go("requests", entry.id) },
      h("span", { className: "row between" }, h("span", { className: "row grow" }, statusChip(entry.status), h("strong", {}, entry.method), h("span", { className: "cut" }, entry.operation ?? entry.path)), h("span", { className: "muted small nowrap" }, clock(entry.at))),
      told ? h("span", { className: "muted small cut" }, told) : h("span", { className: "muted small cut mono" }, entry.path));
  }

  async function openOne() {
    split.classList.toggle("open", Boolean(chosen));
    if (!chosen) { show(detail, h("div", { className: "empty" }, "Choose a request.")); return; }
    const asked = chosen;
    await app.guarded(async () => {
      const entry = entries.find((one) => one.id === chosen) ?? (await found(chosen));
      if (asked !== chosen) return;
      if (entry) draw(entry);
      else show(detail, h("div", { className: "empty" }, h("p", {}, `There is no request ${asked}.`), h("p", { className: "small" }, "Only the latest of a tenant are kept."), h("a", { href: "#/requests" }, "Those that are kept")));
    });
  }

  async function found(id) {
    try { return await api.get(`/requests/${encodeURIComponent(id)}`); }
    catch (error) { if (error instanceof Refused && error.status !== 401) return null; throw error; }
  }

  // Once more as it was: the server has every byte of it.
  const wish = (entry) => ({ request: entry.id });
  const cut = (value) => typeof value === "string" && new Blob([value]).size >= SHOWN;

  async function again(asked) {
    await app.guarded(async () => { const sent = await api.post("/requests", asked); toast(`Sent again: ${sent.status}`, sent.status < 400 ? "good" : "bad"); await load(); app.go("requests", sent.id); });
  }

  async function texts(entry, what) {
    await app.guarded(async () => {
      const found = await api.get(`/requests/${entry.id}/test`);
      if (what === "curl") await copy(found.curl, "curl line");
      else dialog("A test of this request", h("pre", { tabIndex: 0 }, found.pytest), h("div", { className: "row" }, h("button", { className: "primary", type: "button", onclick: () => copy(found.pytest, "Test") }, "Copy")));
    });
  }

  async function why(entry) {
    await app.guarded(async () => { const found = await api.post("/explain", wish(entry)); dialog("What would become of it now", judged(found, app, again)); });
  }

  function draw(entry) {
    show(detail, h("div", { className: "page" },
      h("div", { className: "stack tight" },
        h("div", { className: "row wrap" }, h("button", { className: "back", type: "button", onclick: () => app.go("requests") }, "Back"), statusChip(entry.status), h("h2", { className: "mono" }, `${entry.method} ${entry.path}`)),
        h("div", { className: "row wrap" },
          h("button", { type: "button", onclick: () => texts(entry, "curl") }, "Copy as curl"), h("button", { type: "button", onclick: () => again(wish(entry)) }, "Send again"),
          h("button", { type: "button", onclick: () => texts(entry, "test") }, "Make this a test"), h("button", { type: "button", onclick: () => why(entry) }, "Judge now"))),
      h("p", { className: "muted small" }, `Request ${entry.id}, ${entry.operation ?? "no operation"}, ${entry.at}`),
      entry.steered ? h("p", { className: "notice" }, `Not the API's own answer: ${entry.steered}`) : null,
      entry.violations.length ? h("section", { className: "stack", "aria-label": "Why" }, h("h3", {}, entry.status >= 400 ? "Why it was refused" : "What was let through"), entry.violations.map((one) => violation(one))) : null,
      ignored(entry.ignored),
      h("div", { className: "two" },
        h("section", { className: "card", "aria-label": "Request sent" }, h("h3", {}, "Request"), entry.query ? h("code", {}, `?${entry.query}`) : null, json(entry.request), cut(entry.request) ? h("p", { className: "muted small" }, "It goes on; what is sent again or judged is the whole of it.") : null, headed(entry.request_headers)),
        h("section", { className: "card", "aria-label": "Answer" }, h("h3", {}, "Answer"), json(entry.response), cut(entry.response) ? h("p", { className: "muted small" }, "It goes on.") : null, headed(entry.headers))),
      entry.met.length ? h("section", { className: "card", "aria-label": "Rules kept" }, h("h3", {}, `Keeps ${plural(entry.met.length, "rule")}`), h("div", { className: "row wrap" }, entry.met.map((id) => h("a", { className: "chip good", href: `#/rules/${encodeURIComponent(id)}` }, id)))) : null));
  }

  return {
    load: async () => { await load(); if (!chosen && window.innerWidth > 760 && entries.length) chosen = entries[0].id; drawList(); },
    opened(rest) { if (rest[0]) chosen = Number(rest[0]) || rest[0]; else if (window.innerWidth <= 760) chosen = null; drawList(); openOne(); },
    async heard(entry) {
      if (search.value || filter.value || loading) await app.guarded(load);
      else { entries = [entry, ...entries.filter((one) => one.id !== entry.id)].slice(0, 200); drawList(entry.id); }
      if (!chosen && window.innerWidth > 760) { chosen = entry.id; openOne(); }
    },
    key(event) {
      const entry = entries.find((one) => one.id === chosen);
      if (event.key === "x" && entry) again(wish(entry));
      else if (event.key === "t" && entry) texts(entry, "test");
      else walk(list, event);
    },
  };
}

export function violation(one) {
  return h("div", { className: "card" },
    h("div", { className: "row wrap" }, one.rules.map((rule) => h("a", { className: `chip ${one.outcome === "broken" ? "bad" : "warn"}`, href: `#/rules/${encodeURIComponent(rule.id)}` }, rule.id)), h("code", {}, one.pointer), one.rules.map((rule) => h("span", { className: "chip" }, rule.certainty))),
    one.rules.map((rule) => h("p", {}, rule.says)), one.rules.length ? null : h("p", {}, one.message),
    h("dl", { className: "keys small" }, h("dt", { className: "muted" }, "found"), h("dd", {}, h("code", {}, shown(one.found))), h("dt", { className: "muted" }, "accepted"), h("dd", {}, one.accepted),
      Object.entries(one.facts).flatMap(([name, value]) => [h("dt", { className: "muted" }, name), h("dd", {}, h("code", {}, shown(value)))])));
}

function headed(headers) {
  const rows = Object.entries(headers);
  return rows.length ? h("details", {}, h("summary", {}, "Headers"), h("pre", { tabIndex: 0 }, rows.map((pair) => pair.join(": ")).join("\n"))) : null;
}

export function ignored(rows) {
  return rows.length ? h("div", { className: "card" }, h("h3", {}, "Ignored"), h("dl", { className: "keys small" }, rows.flatMap((one) => [h("dt", {}, h("code", {}, one.pointer)), h("dd", {}, one.reason)]))) : null;
}
