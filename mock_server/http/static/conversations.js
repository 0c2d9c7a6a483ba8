// Records as a messenger shows them. What a thread, a text and a side are, the document says.

import { api } from "./api.js";
import { field, h, show, toast, walk, when } from "./dom.js";

export function conversations(app, main, start) {
  const view = app.model.views[0];
  const resource = app.model.resources.find((one) => one.name === view.resource);
  const list = h("div", { className: "list", tabIndex: -1 });
  const detail = h("section", { className: "detail", "aria-label": "Conversation" });
  const search = h("input", { type: "search", placeholder: "Search", "aria-label": "Search conversations", oninput: drawList });
  const split = h("div", { className: "split" }, h("section", { className: "side", "aria-label": view.title }, h("div", { className: "bar" }, search), list), detail);
  show(main, h("h1", { className: "unseen" }, view.title), split);
  let threads = [], key = start[0], talk = null, kind = 0, typed = {}, words = "";

  async function load() { threads = await api.get(`/views/${view.resource}`); if (!key && window.innerWidth > 760) key = threads.find((one) => one.count)?.key ?? threads[0]?.key; drawList(); }

  function drawList() {
    const wanted = search.value.toLowerCase();
    const found = threads.filter((one) => `${one.label} ${one.text ?? ""}`.toLowerCase().includes(wanted));
    show(list, found.length ? found.map(item) : h("div", { className: "empty" }, threads.length ? "Nothing matches." : "No conversation yet."));
  }

  function item(one) {
    return h("button", { className: "item", type: "button", "aria-current": one.key === key ? "true" : null, onclick: () => app.go("conversations", one.key) },
      h("span", { className: "row between" }, h("strong", { className: "cut" }, one.label), h("span", { className: "muted small nowrap" }, when(one.time, api.now()))),
      h("span", { className: "muted small cut" }, one.text ?? (one.count ? "no text" : "no message yet")));
  }

  async function openThread() {
    split.classList.toggle("open", Boolean(key && location.hash.includes(encodeURIComponent(key))));
    if (!key) { show(detail, h("div", { className: "empty" }, "Choose a conversation.")); return; }
    await app.guarded(async () => { talk = await api.get(`/views/${view.resource}/${encodeURIComponent(key)}`); drawTalk(); });
  }

  function drawTalk() {
    const messages = h("div", { className: "messages", tabIndex: 0, role: "log", "aria-label": `Messages with ${talk.label}` },
      talk.records.length ? talk.records.map(message) : h("div", { className: "empty" }, h("p", {}, "Nothing was said yet."), h("p", { className: "small" }, "Write the first message below.")));
    const head = h("div", { className: "bar between" }, h("div", { className: "row grow" }, h("a", { className: "button back", href: "#/conversations" }, "Back"), h("h2", { className: "cut" }, talk.label)), h("span", { className: "muted small nowrap" }, `${talk.count} ${talk.count === 1 ? "message" : "messages"}`));
    const kept = detail.querySelector("textarea");
    const focused = kept && document.activeElement === kept;
    if (kept) words = kept.value;
    show(detail, h("div", { className: "talk" }, head, messages, composer()));
    messages.scrollTop = messages.scrollHeight;
    if (focused) detail.querySelector("textarea").focus();
    tick();
  }

  function message(one) {
    const way = resource.lifecycle?.transitions ?? [];
    const out = way.some((step) => step.from === one.state && step.by === "time");
    const buttons = [
      ...one.moves.map((to) => h("button", { className: "tiny", type: "button", title: `Make it ${to}`, onclick: () => move(one, to) }, `→ ${to}`)),
      ...one.events.map((event) => h("button", { className: "tiny danger", type: "button", title: "At the provider's side", onclick: () => happen(one, event) }, event)),
    ];
    const bad = way.some((step) => step.by === "event" && step.to === one.state);
    const open = resource.lifecycle?.editable.includes(one.state) && one.moves.length;
    return h("div", { className: `message ${one.own ? "own" : ""} ${out ? "waiting" : open ? "open" : ""}` },
      h("div", { className: "bubble" }, one.text ?? h("em", {}, "no text")),
      out && one.due ? h("div", { className: "countdown", "data-due": one.due, "data-from": one.record.date_created ?? one.time ?? "" }, h("i")) : null,
      h("div", { className: "meta" },
        one.state ? h("span", { className: `chip ${bad ? "bad" : out ? "accent" : ""}` }, one.state) : null,
        out && one.due ? h("span", { className: "left", "data-due": one.due }) : h("span", {}, when(one.time, api.now())),
        buttons, h("a", { href: `#/state/${resource.collection}/${one.id}` }, "record")));
  }

  async function move(one, to) {
    await app.guarded(async () => { await api.put(`/state/${resource.collection}/${one.id}`, { [resource.lifecycle.field]: to }); await again(); });
  }

  async function happen(one, event) {
    await app.guarded(async () => { await api.post(`/events/${event}`, { id: one.id, message: "Asked for in the console" }); await again(); });
  }

  function composer() {
    if (!view.compose.length) return null;
    const text = h("textarea", { "aria-label": "Message", placeholder: `Message to ${talk.label}`, rows: 2, value: words });
    const chosen = view.compose[Math.min(kind, view.compose.length - 1)];
    const asked = chosen.asks.map((name) => field(name, input(name, true)));
    const carried = view.carries.map((name) => field(name, input(name, false)));
    const more = h("details", {}, h("summary", {}, "Fields it takes over"), h("div", { className: "fields" }, carried));
    more.open = view.carries.some((name) => !(name in typed) && talk.carried[name] === null) && !talk.count;
    const kinds = h("div", { className: "row wrap", role: "group", "aria-label": "What to do" }, view.compose.map((one, position) => h("button", { className: `tiny ${position === kind ? "primary" : ""}`, type: "button", "aria-pressed": String(position === kind), onclick: () => { kind = position; drawTalk(); } }, one.label)));
    const form = h("form", { className: "compose", onsubmit: (event) => { event.preventDefault(); send(text, chosen); } },
      text, asked.length ? h("div", { className: "fields" }, asked) : null,
      h("div", { className: "row between wrap" }, kinds, h("span", { className: "row" }, h("kbd", { className: "only-wide", "aria-hidden": "true" }, "Ctrl Enter"), h("button", { className: "primary" }, chosen.label))), more);
    form.addEventListener("keydown", (event) => { if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); send(text, chosen); } });
    return form;

    function input(name, asked) {
      const about = resource.fields.find((one) => one.name === name);
      const dated = about?.format === "date-time";
      const value = typed[name] ?? (asked ? "" : talk.carried[name]) ?? "";
      return h("input", { name, type: dated ? "datetime-local" : "text", value, required: asked, oninput: (event) => { typed[name] = event.target.value; } });
    }
  }

  // What comes in finds its own thread, which may be another one than this.
  async function arrive(text, chosen) {
    const told = { ...talk.carried, ...typed, [view.text]: text.value };
    const missing = chosen.needs.find((name) => !told[name]);
    if (missing) {
      const input = detail.querySelector(`input[name="${missing}"]`);
      const box = input?.closest("details");
      if (box) box.open = true;
      input?.focus();
      toast(`${missing}: This is needed.`, "bad");
      return;
    }
    const facts = Object.fromEntries(Object.entries(chosen.facts).map(([fact, name]) => [fact, told[name]]).filter(([, value]) => value !== null && value !== undefined && value !== ""));
    await app.guarded(async () => {
      const record = await api.post(`/events/${chosen.event}`, facts);
      words = ""; text.value = ""; typed = {};
      const named = view.thread.find((name) => record[name] !== null && record[name] !== undefined);
      const there = named ? `${named}=${record[named]}` : key;
      if (there === key) await again(); else app.go("conversations", there);
    });
  }

  async function send(text, chosen) {
    if (chosen.event) { await arrive(text, chosen); return; }
    const body = { ...talk.carried, ...chosen.body };
    for (const [name, value] of Object.entries(typed)) if (view.carries.includes(name) || chosen.asks.includes(name)) body[name] = value;
    for (const name of chosen.asks) if (body[name] && !Number.isNaN(Date.parse(body[name]))) body[name] = new Date(body[name]).toISOString();
    for (const [name, value] of Object.entries(body)) if (value === null || value === "") delete body[name];
    body[view.text] = text.value;
    await app.guarded(async () => {
      const entry = await api.post("/requests", { operation: chosen.operation, query: chosen.query, body });
      if (entry.status >= 400) {
        const first = entry.violations[0];
        toast(first ? `${first.pointer.replace("/body/", "")}: ${first.message}` : `Refused with ${entry.status}`, "bad");
        return;
      }
      words = ""; text.value = ""; typed = {};
      await again();
    });
  }

  async function again() { threads = await api.get(`/views/${view.resource}`); drawList(); await openThread(); }

  function tick() {
    let over = false;
    for (const node of detail.querySelectorAll("[data-due]")) {
      const due = Date.parse(node.dataset.due), left = due - api.now();
      if (left <= 0) over = true;
      if (node.classList.contains("left")) node.textContent = left > 86_400_000 ? `at ${when(node.dataset.due, api.now())}` : left > 0 ? `in ${span(left)}` : "now";
      else { const from = Date.parse(node.dataset.from); node.firstChild.style.width = `${Math.max(0, Math.min(100, (100 * left) / Math.max(due - from, 1)))}%`; }
    }
    if (over && !tick.asked) { tick.asked = true; setTimeout(async () => { tick.asked = false; await app.guarded(again); }, 400); }
  }

  const span = (ms) => ms >= 3_600_000 ? `${Math.floor(ms / 3_600_000)} h ${Math.floor(ms / 60_000) % 60} min` : ms >= 60_000 ? `${Math.floor(ms / 60_000)} min ${Math.floor(ms / 1000) % 60} s` : `${Math.ceil(ms / 1000)} s`;

  return {
    load, tick,
    opened(rest) { if (rest[0] !== undefined && rest[0] !== "") key = rest[0]; else if (window.innerWidth <= 760) key = ""; drawList(); openThread(); },
    moved() { app.guarded(again); },
    key(event) { if (event.key === "c") { detail.querySelector("textarea")?.focus(); event.preventDefault(); } else walk(list, event); },
  };
}
