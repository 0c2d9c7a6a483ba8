// Records as tables, changed through the rules of the API or, where one insists, of seeds.

import { api, inOrder } from "./api.js";
import { violation } from "./requests.js";
import { dialog, field, h, json, show, toast, twice, walk } from "./dom.js";

const PAGE = 50;

export function state(app, main, start) {
  const list = h("div", { className: "list", tabIndex: -1 });
  const detail = h("section", { className: "detail", "aria-label": "Records" });
  const split = h("div", { className: "split" }, h("section", { className: "side", "aria-label": "Collections" }, h("div", { className: "bar between" }, h("h2", {}, "State"), twice("Reset", reset)), list, snapshotsBox()), detail);
  show(main, h("h1", { className: "unseen" }, "State"), split);
  let held = {}, chosen = start[0] ?? "", wanted = start[1] ?? "", page = { total: 0, records: [] }, skip = 0, words = "", snapshots = [];
  const newestCounts = inOrder(), newestPage = inOrder();

  async function count() { const found = await newestCounts(() => api.get("/state")); if (found) held = found.collections; }

  async function load() { await count(); snapshots = await api.get("/snapshots"); if (!chosen && window.innerWidth > 760) chosen = app.model.resources[0]?.collection ?? ""; drawList(); drawSnapshots(); }

  function drawList() {
    show(list, app.model.resources.map((one) => h("button", { className: "item", type: "button", "aria-current": one.collection === chosen ? "true" : null, onclick: () => { skip = 0; words = ""; app.go("state", one.collection); } },
      h("span", { className: "row between" }, h("strong", {}, one.title), h("span", { className: "chip" }, String(held[one.collection] ?? 0))), h("span", { className: "muted small mono" }, one.collection))));
  }

  function snapshotsBox() { return h("div", { className: "snapshots stack tight", id: "snapshots" }); }

  function drawSnapshots() {
    const box = split.querySelector("#snapshots");
    show(box, h("div", { className: "row between" }, h("h2", {}, "Snapshots"), h("button", { className: "tiny", type: "button", onclick: () => app.guarded(async () => { await api.post("/snapshots"); await load(); }) }, "Take one")),
      snapshots.map((one) => h("div", { className: "row between small" }, h("span", { className: "cut" }, one.name), h("span", { className: "row" },
        h("button", { className: "tiny", type: "button", onclick: () => app.guarded(() => compare(one)) }, "Diff"),
        h("button", { className: "tiny", type: "button", onclick: () => app.guarded(async () => { await api.call("POST", `/snapshots/${one.name}/restore`); toast(`${one.name} is back`, "good"); await load(); await table(); app.refreshTools(); }) }, "Restore"),
        h("button", { className: "tiny danger", type: "button", "aria-label": `Forget ${one.name}`, onclick: () => app.guarded(async () => { await api.drop(`/snapshots/${one.name}`); await load(); }) }, "×")))));
  }

  async function compare(one) {
    const diff = await api.get(`/snapshots/${one.name}/diff`);
    const rows = [...diff.created.map((row) => ["created", "good", row]), ...diff.changed.map((row) => ["changed", "accent", row]), ...diff.deleted.map((row) => ["deleted", "bad", row])];
    dialog(`${one.name} and now`, rows.length ? rows.map(([word, kind, row]) => h("details", {}, h("summary", {}, h("span", { className: `chip ${kind}` }, word), ` ${row.collection} `, h("code", {}, row.id)), json(row.fields ?? row.record))) : h("p", {}, "Nothing differs."));
  }

  async function reset() {
    await app.guarded(async () => { await api.call("POST", "/reset"); toast("As it was at first", "good"); await load(); await table(); app.refreshTools(); });
  }

  const resource = () => app.model.resources.find((one) => one.collection === chosen);

  async function table() {
    split.classList.toggle("open", Boolean(chosen));
    if (!chosen || !resource()) { show(detail, h("div", { className: "empty" }, "Choose a collection.")); return; }
    const query = new URLSearchParams({ limit: PAGE, skip });
    if (words) query.set("text", words);
    const asked = chosen, found = await newestPage(() => api.get(`/state/${asked}?${query}`));
    if (!found || asked !== chosen) return; // another is on its way
    page = found;
    const focused = document.activeElement?.type === "search";
    draw();
    if (focused) { const input = detail.querySelector("input[type=search]"); input.focus(); input.setSelectionRange(words.length, words.length); }
    if (wanted) { const id = wanted; wanted = ""; await app.guarded(async () => edit(await api.get(`/state/${chosen}/${encodeURIComponent(id)}`))); }
  }

  function columns() {
    const names = resource().fields.map((one) => one.name);
    const filled = names.filter((name) => name !== "id" && page.records.some((row) => row.record[name] !== null && row.record[name] !== undefined && row.record[name] !== ""));
    // What its view shows tells most of a record: its text, its side, its thread, its time.
    const told = app.model.views.filter((one) => one.collection === chosen).flatMap((one) => [one.text, one.side, ...one.thread, ...one.time, ...one.carries]);
    const first = [resource().lifecycle?.field, ...told, "name", "title"].filter((name) => filled.includes(name));
    return ["id", ...new Set([...first, ...filled])].slice(0, 8);
  }

  function draw() {
    const names = columns();
    const search = h("input", { type: "search", placeholder: "Search records", "aria-label": "Search records", value: words, oninput: () => { words = search.value; skip = 0; app.guarded(table); } });
    show(detail, h("div", { className: "page" },
      h("div", { className: "row wrap between" }, h("div", { className: "row" }, h("a", { className: "button back", href: "#/state" }, "Back"), h("h2", {}, resource().title)), h("div", { className: "row wrap" }, search, h("button", { className: "primary", type: "button", onclick: () => edit(null) }, "New"))),
      page.records.length ? h("div", { className: "card scroll", tabIndex: 0, role: "group", "aria-label": `Table of ${resource().title}` }, h("table", {}, h("thead", {}, h("tr", {}, names.map((name) => h("th", { scope: "col" }, name)))),
        h("tbody", {}, page.records.map((row) => h("tr", { onclick: (event) => { if (!event.target.closest("button") && !window.getSelection().toString()) edit(row); } }, names.map((name, position) => h("td", { className: "cell" }, position ? cell(row.record[name]) : h("button", { className: "tiny mono", type: "button", onclick: () => edit(row) }, short(row.id))))))))) : h("div", { className: "empty" }, words ? "Nothing matches." : "No record."),
      page.total > PAGE ? h("div", { className: "row" }, h("button", { type: "button", disabled: skip === 0, onclick: () => { skip = Math.max(0, skip - PAGE); app.guarded(table); } }, "Before"), h("span", { className: "muted" }, `${skip + 1} to ${Math.min(skip + PAGE, page.total)} of ${page.total}`), h("button", { type: "button", disabled: skip + PAGE >= page.total, onclick: () => { skip += PAGE; app.guarded(table); } }, "After")) : null));
  }

  const short = (id) => (id.length > 18 ? `${id.slice(0, 17)}…` : id);
  const cell = (value) => (value === null || value === undefined ? h("span", { className: "muted" }, "–") : typeof value === "object" ? h("code", {}, JSON.stringify(value)) : String(value));

  function edit(row) {
    const text = h("textarea", { className: "mono", rows: 16, spellcheck: false, value: JSON.stringify(row ? row.record : {}, null, 2) });
    const by = h("select", {}, h("option", { value: "operation" }, "the API's operations"), h("option", { value: "record" }, "seeds (anything that fits)"));
    const wrong = h("div", { className: "stack tight", role: "alert" });
    async function save(event) {
      event.preventDefault();
      let value;
      try { value = JSON.parse(text.value); } catch (error) { show(wrong, h("p", { className: "notice bad" }, `No valid JSON: ${error.message}`)); return; }
      // What was taken out of the text is to have no value.
      const gone = row ? Object.keys(row.record).filter((name) => !(name in value) && row.record[name] !== null) : [];
      const changed = row ? { ...Object.fromEntries(Object.entries(value).filter(([name, now]) => JSON.stringify(now) !== JSON.stringify(row.record[name]))), ...Object.fromEntries(gone.map((name) => [name, null])) } : value;
      if (row && !Object.keys(changed).length) { show(wrong, h("p", { className: "notice" }, "Nothing is changed.")); return; }
      try {
        if (row) await api.put(`/state/${chosen}/${encodeURIComponent(row.id)}?by=${by.value}`, changed); else await api.post(`/state/${chosen}?by=${by.value}`, value);
        document.getElementById("dialog").close(); toast("Stored", "good"); await load(); await table();
      } catch (error) {
        const faults = error.body?.faults ?? [], broken = error.body?.violations ?? [];
        show(wrong, broken.length ? broken.map(violation) : faults.length ? faults.map((one) => h("p", { className: "notice bad" }, h("code", {}, one.where), ` found ${JSON.stringify(one.found)}; expected ${one.expected}`)) : h("p", { className: "notice bad" }, error.message));
      }
    }
    async function remove() { await app.guarded(async () => { await api.drop(`/state/${chosen}/${encodeURIComponent(row.id)}`); document.getElementById("dialog").close(); await load(); await table(); }); }
    dialog(row ? row.id : `New ${resource().title}`, h("form", { className: "stack", onsubmit: save }, row?.due ? h("p", { className: "notice" }, `Its timed transition fires at ${row.due}.`) : null, field("Record", text), row ? null : h("p", { className: "muted small" }, "Fields: ", h("code", {}, resource().fields.map((one) => one.name).join(", "))), field("By the rules of", by), wrong,
      h("div", { className: "row between" }, row ? h("button", { className: "danger", type: "button", onclick: remove }, "Delete") : h("span", {}), h("button", { className: "primary" }, "Store"))));
  }

  return {
    load,
    opened(rest) { if (rest[0]) { chosen = rest[0]; wanted = rest[1] ?? ""; } else if (window.innerWidth <= 760) chosen = ""; drawList(); app.guarded(table); },
    moved() { app.guarded(async () => { await count(); drawList(); await table(); }); },
    key(event) { walk(list, event); },
  };
}
