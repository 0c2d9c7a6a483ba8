// Records as a messenger shows them. What a thread, a text and a side are, the document says.

import { api, inOrder, Refused } from "./api.js";
import { dialog, field, h, patch, plural, show, walk, when } from "./dom.js";

const PAGE = 100, MOST = 1000, SPARE = 50; // rows at first, of one answer, that may be added meanwhile
const NEW = "new"; // in the place of a thread's key, which is a field with its value
const APART = "="; // the key of what belongs to no thread
const unsent = new Map(); // what is written and not sent, by tenant and thread: it outlives the panel
const latest = new Map(); // the thread that each tenant has open

export function conversations(app, main, start) {
  const view = app.model.views[0];
  const resource = app.model.resources.find((one) => one.name === view.resource);
  const place = `/views/${view.resource}`;
  const list = h("div", { className: "list", tabIndex: -1 });
  const detail = h("section", { className: "detail", "aria-label": "Conversation" });
  const search = h("input", { type: "search", placeholder: "Search", "aria-label": "Search conversations", oninput: soon, onsearch: soon });
  const begin = view.compose.length ? h("button", { type: "button", title: "Write to somebody else", onclick: () => app.go("conversations", NEW) }, "New") : null;
  const split = h("div", { className: "split" }, h("section", { className: "side", "aria-label": view.title }, h("div", { className: "bar" }, search, begin), list), detail);
  show(main, h("h1", { className: "unseen" }, view.title), split);
  const wide = () => window.innerWidth > 760;
  const newestList = inOrder(), newestTalk = inOrder();
  let threads = [], most = PAGE, more = false, waiting = null;
  let key = start[0] || (wide() && latest.get(api.tenant)) || "", talk = null, parts = null, reach = PAGE, busy = false;
  let wanted = false; // to write in the thread that is being read
  let further = false; // to read what is before the oldest message that is shown

  // The list

  async function readThreads() {
    const rows = await newestList(() => threadRows(most + 1, search.value));
    if (!rows) return;
    more = rows.length > most;
    threads = rows.slice(0, most);
    drawList();
  }

  async function threadRows(count, text) {
    const rows = [];
    while (rows.length < count) {
      const limit = Math.min(count - rows.length, MOST);
      const page = await api.get(`${place}?${new URLSearchParams({ limit, skip: rows.length, ...(text ? { text } : {}) })}`);
      rows.push(...page);
      if (page.length < limit) break;
    }
    return rows;
  }

  async function load() {
    await readThreads();
    if (!key && wide()) key = threads.find((one) => one.count)?.key ?? threads[0]?.key ?? (view.compose.length ? NEW : "");
    drawList();
  }

  function soon() { clearTimeout(waiting); waiting = setTimeout(() => { most = PAGE; app.guarded(readThreads); }, 150); }

  function drawList() {
    const rows = threads.map((one) => ({ ...one, current: one.key === key, shown: when(one.time, api.now()) }));
    if (!rows.length) { show(list, h("div", { className: "empty" }, search.value ? "Nothing matches." : "No conversation yet.")); return; }
    patch(list, more ? [...rows, { key: "" }] : rows, (one) => one.key, (one) => (one.key ? item(one) : h("button", { className: "wide", type: "button", onclick: () => { most += PAGE; app.guarded(readThreads); } }, "More")));
  }

  function item(one) {
    return h("button", { className: "item", type: "button", "aria-current": one.current ? "true" : null, onclick: () => app.go("conversations", one.key) },
      h("span", { className: "row between" }, h("strong", { className: "cut" }, one.label), h("span", { className: "muted small nowrap" }, one.shown)),
      h("span", { className: "muted small cut" }, one.text ?? (one.count ? "no text" : "no message yet")));
  }

  // The thread

  async function openThread() {
    split.classList.toggle("open", Boolean(key && location.hash.includes(encodeURIComponent(key))));
    if (!key) { parts = null; show(detail, h("div", { className: "empty" }, "Choose a conversation.")); return; }
    latest.set(api.tenant, key);
    const asked = key;
    await app.guarded(async () => {
      const found = await newestTalk(() => (key === NEW ? { key, label: "New conversation", count: 0, records: [], carried: Object.fromEntries(view.carries.map((name) => [name, null])) } : readTalk()));
      if (!found || asked !== key) return; // another was opened meanwhile
      if (found.all) further = false;
      talk = found;
      drawTalk();
    });
  }

  async function readTalk() {
    // Who reads further up keeps what is there, however much is added at the end.
    const all = further;
    const oldest = !all && parts?.key === key && !atEnd(parts.messages) ? talk.records[0]?.id : undefined;
    const length = oldest ? reach + SPARE : reach;
    const there = `${place}/${encodeURIComponent(key)}`;
    const found = await api.get(`${there}?limit=${Math.min(length, MOST)}`);
    while (found.records.length < Math.min(length, found.count)) {
      const before = await api.get(`${there}?limit=${Math.min(length - found.records.length, MOST)}&skip=${found.records.length}`);
      if (!before.records.length) break;
      found.records.unshift(...before.records);
    }
    const from = oldest ? found.records.findIndex((one) => one.id === oldest) : 0;
    if (from > 0) found.records.splice(0, from);
    reach = Math.max(reach, found.records.length);
    return { ...found, all };
  }

  // Only head and messages are drawn again: what somebody types stays as it is.
  function drawTalk() {
    if (parts?.key !== key) {
      parts = { key, head: h("div", { className: "bar between" }), messages: h("div", { className: "messages", tabIndex: 0, role: "log" }), form: composer() };
      show(detail, h("div", { className: "talk" }, parts.head, parts.messages, parts.form?.node));
      parts.fresh = true;
      const box = parts.messages;
      box.addEventListener("scroll", () => { if (box.clientHeight === box.seen) parts.end = atEnd(box); });
      new ResizeObserver(() => { box.seen = box.clientHeight; if (parts?.messages === box && parts.end) box.scrollTop = box.scrollHeight; }).observe(box);
    }
    const { head, messages, form } = parts;
    const about = JSON.stringify([talk.label, talk.count]);
    if (head.about !== about) show(head, h("div", { className: "row grow" }, h("a", { className: "button back", href: "#/conversations" }, "Back"), h("h2", { className: "cut" }, talk.label)), h("span", { className: "muted small nowrap" }, plural(talk.count, "message")));
    head.about = about;
    messages.setAttribute("aria-label", `Messages with ${talk.label}`);
    inPlace(messages, () => {
      if (!talk.records.length) { show(messages, h("div", { className: "empty" }, h("p", {}, "Nothing was said yet."), form ? h("p", { className: "small" }, "Write the first message below.") : null)); return; }
      const rows = talk.records.map((one) => ({ ...one, shown: when(one.time, api.now()) }));
      const earlier = talk.count > rows.length ? [{ id: "", left: talk.count - rows.length }] : [];
      patch(messages, [...earlier, ...rows], (one) => one.id, (one) => (one.id ? message(one) : h("button", { className: "wide", type: "button", onclick: () => { reach += PAGE; further = true; openThread(); } }, `Earlier messages (${one.left})`)));
    });
    form?.refresh();
    tick();
    if (wanted) { wanted = false; write(); }
  }

  const write = () => detail.querySelector(".compose textarea:not([hidden]), .compose input")?.focus();

  const atEnd = (box) => box.scrollHeight - box.scrollTop - box.clientHeight < 40;

  // At the end one stays at the end; who has scrolled up to read stays at the same message.
  function inPlace(box, draw) {
    const end = parts.fresh || atEnd(box);
    parts.fresh = false; parts.end = end;
    const top = box.getBoundingClientRect().top;
    const first = [...box.querySelectorAll(".message")].find((node) => node.getBoundingClientRect().bottom > top);
    const id = first?.dataset.key, before = first?.getBoundingClientRect().top;
    draw();
    if (end) { box.scrollTop = box.scrollHeight; return; }
    const now = [...box.querySelectorAll(".message")].find((node) => node.dataset.key === id);
    if (now) box.scrollTop += now.getBoundingClientRect().top - before;
  }

  function message(one) {
    const way = resource.lifecycle?.transitions ?? [];
    const named = (fits) => way.find((step) => step.from === one.state && fits(step) && step.label)?.label; // as the document calls it
    const out = way.some((step) => step.from === one.state && step.by === "time");
    const buttons = [
      ...one.moves.map((to) => h("button", { className: "tiny", type: "button", title: `Make it ${to}`, onclick: () => move(one, to) }, `${named((step) => step.to === to) ?? `→ ${to}`}${lacking(one, to).length ? "…" : ""}`)),
      ...one.events.map((event) => h("button", { className: "tiny danger", type: "button", title: "At the provider's side", onclick: () => happen(one, event) }, named((step) => step.event === event) ?? event)),
    ];
    const bad = way.some((step) => step.by === "event" && step.to === one.state);
    const open = resource.lifecycle?.editable.includes(one.state) && one.moves.length;
    return h("div", { className: `message ${one.own ? "own" : ""} ${out ? "waiting" : open ? "open" : ""}` },
      h("div", { className: "bubble" }, one.text ?? h("em", {}, "no text")),
      one.shows.map((row) => row.pictures.map(picture)),
      one.shows.map((row) => h("div", { className: "beside small" }, h("span", { className: "muted" }, `${row.field}: `), row.values.join(", "))),
      out && one.due ? h("div", { className: "countdown", "data-due": one.due, "data-from": one.record.date_created ?? one.time ?? "" }, h("i")) : null,
      h("div", { className: "meta" },
        one.state ? h("span", { className: `chip ${bad ? "bad" : out ? "accent" : ""}` }, one.state) : null,
        out && one.due ? h("span", { className: "left", "data-due": one.due }) : h("span", {}, one.shown),
        buttons, h("a", { href: `#/state/${resource.collection}/${one.id}` }, "record")));
  }

  // Fetched by script, for an <img> can name neither tenant nor token; one that is not there stays away.
  function picture({ at, of }) {
    const node = h("img", { className: "picture", alt: of, hidden: true });
    node.addEventListener("load", () => (parts?.messages.contains(node) ? inPlace(parts.messages, () => { node.hidden = false; }) : null));
    api.picture(at).then((url) => { node.src = url; }, () => {});
    return node;
  }

  const empty = (value) => value === null || value === undefined || value === "";
  const lacking = (one, to) => (resource.lifecycle.needs[to] ?? []).filter((name) => empty(one.record[name]));

  // Into another state; what a record there cannot be without is asked for first.
  async function move(one, to) {
    const wish = { [resource.lifecycle.field]: to };
    const put = async (body) => { await api.put(`/state/${resource.collection}/${one.id}`, body); await again(); };
    const names = lacking(one, to);
    if (!names.length) { await app.guarded(() => put(wish)); return; }
    const wrong = h("div", { className: "stack tight", role: "alert" });
    const inputs = names.map((name) => h("input", { name, type: dated(name) ? "datetime-local" : "text", required: true }));
    const form = h("form", { className: "stack", onsubmit: (event) => { event.preventDefault(); save(); } }, inputs.map((input) => field(input.name, input)), wrong, h("div", { className: "row" }, h("button", { className: "primary" }, `Make it ${to}`)));
    async function save() {
      for (const input of inputs) wish[input.name] = valueOf(input.name, input.value);
      await app.guarded(() => orSaid(async () => { await put(wish); document.getElementById("dialog").close(); }, (...said) => show(wrong, ...said)));
    }
    dialog(`This needs ${names.join(" and ")}`, form);
    inputs[0].focus();
  }

  async function happen(one, event) {
    await app.guarded(async () => { await api.post(`/events/${event}`, { id: one.id, message: "Asked for in the console" }); await again(); });
  }

  // Writing

  const dated = (name) => resource.fields.find((one) => one.name === name)?.format === "date-time";
  const valueOf = (name, text) => (dated(name) && !Number.isNaN(Date.parse(text)) ? new Date(text).toISOString() : text);

  // Refusals stand where they were brought about, each of them, with the way to the whole story.
  async function orSaid(work, say) {
    try { await work(); }
    catch (error) {
      if (!(error instanceof Refused) || error.status === 401) throw error;
      const faults = error.body?.faults ?? [];
      say(...(faults.length ? faults.map((one) => line(one.where, one.expected ? `found ${JSON.stringify(one.found ?? null)}; expected ${one.expected}` : "")) : [h("p", { className: "notice bad" }, error.message)]));
    }
  }

  const line = (pointer, words, kind = "bad") => h("p", { className: `notice ${kind}` }, h("code", {}, pointer.replace(/^\/?body\//, "")), `: ${words}`);

  function composer() {
    if (!view.compose.length) return null;
    const mine = unsent.get(`${api.tenant}\n${key}`) ?? { words: "", typed: {}, way: null };
    unsent.set(`${api.tenant}\n${key}`, mine);
    const writes = (way) => (way.event ? Object.values(way.facts).includes(view.text) : app.model.operations.find((one) => one.id === way.operation)?.fields.includes(view.text));
    const offers = Object.fromEntries(view.carries.map((name) => [name, resource.fields.find((one) => one.name === name)?.reference]).filter(([, to]) => to));
    const text = h("textarea", { "aria-label": "Message", placeholder: key === NEW ? "The first message" : `Message to ${talk.label}`, rows: 2, value: mine.words, hidden: !view.compose.some(writes), oninput: () => { mine.words = text.value; } });
    const asks = h("div", { className: "fields" });
    const wrong = h("div", { className: "stack tight", role: "alert" });
    const say = (...said) => { for (const one of node.querySelectorAll("label .wrong")) one.remove(); show(wrong, ...said); };
    const carried = view.carries.map((name) => input(name, false));
    const box = h("details", {}, h("summary", {}, "Fields it takes over"), h("div", { className: "fields" }, carried.map((one) => field(one.name, one))));
    box.open = key === NEW || (!talk.count && view.carries.some((name) => !(name in mine.typed) && talk.carried[name] === null));
    const ways = h("div", { className: "row wrap ways", role: "group", "aria-label": "What to do with it" },
      view.compose.map((way, position) => h("button", { className: position ? "" : "primary", type: "button", onclick: () => act(way) }, way.asks.length ? `${way.label}…` : way.label)), h("kbd", { className: "only-wide", "aria-hidden": "true" }, "Ctrl Enter"));
    const node = h("form", { className: "compose", onsubmit: (event) => event.preventDefault(), onkeydown: (event) => {
      if (event.key !== "Enter" || !event.target.matches("textarea, input") || (event.target === text && !event.ctrlKey && !event.metaKey)) return;
      event.preventDefault();
      act(mine.way ?? view.compose[0]);
    } }, text, asks, wrong, ways, box, Object.keys(offers).map((name) => h("datalist", { id: `offer-${name}` })));
    drawAsks();
    return { node, refresh };

    function input(name, asked) {
      return h("input", { name, type: dated(name) ? "datetime-local" : "text", value: mine.typed[name] ?? (asked ? "" : talk.carried[name]) ?? "", autocomplete: "off", list: name in offers ? `offer-${name}` : null, onfocus: () => offer(name), oninput: (event) => { mine.typed[name] = event.target.value; } });
    }

    // Where a field names records, those that there are.
    async function offer(name) {
      const target = app.model.resources.find((one) => one.name === offers[name]?.to), box = node.querySelector(`#${CSS.escape(`offer-${name}`)}`);
      if (!target || !box || box.asked) return;
      box.asked = true;
      await app.guarded(async () => {
        const { records } = await api.get(`/state/${target.collection}?limit=${PAGE}`);
        show(box, records.map(({ record }) => h("option", { value: String(record[offers[name].by] ?? ""), label: String(record.display_name ?? record.name ?? record.label ?? "") })));
      });
    }

    function drawAsks() { show(asks, (mine.way?.asks ?? []).map((name) => field(name, input(name, true)))); asks.hidden = !mine.way?.asks.length; }

    // What is taken over may have changed; what somebody has typed has not.
    function refresh() { for (const one of carried) if (!(one.name in mine.typed)) { const now = talk.carried[one.name] ?? ""; if (one.value !== now) one.value = now; } }

    function ask(name, words = "") {
      const found = node.querySelector(`input[name="${CSS.escape(name)}"]`);
      if (box.contains(found)) box.open = true;
      if (words) found?.closest("label").append(h("span", { className: "wrong" }, words));
      found?.focus();
    }

    // Done once for each time that it is asked for, and not at all with nothing written.
    async function act(way) {
      if (busy) return;
      say();
      const told = { ...talk.carried, ...mine.typed, [view.text]: mine.words };
      const lacks = [...way.asks, ...way.needs].filter((name) => name !== view.text && empty(told[name]));
      const first = mine.way !== way;
      if (first) { mine.way = way; drawAsks(); }
      if (writes(way) && !mine.words.trim()) { say(h("p", { className: "notice" }, "Nothing is written yet.")); text.focus(); return; }
      if (lacks.length) { say(lacks.map((name) => line(name, "This is needed.", first && way.asks.includes(name) ? "" : "bad"))); ask(lacks[0], first && way.asks.includes(lacks[0]) ? "" : "This is needed."); return; }
      busy = true;
      node.setAttribute("aria-busy", "true");
      try { await app.guarded(() => orSaid(() => (way.event ? arrive(way, told) : send(way)), say)); }
      finally { busy = false; node.removeAttribute("aria-busy"); }
    }

    // What comes in finds its own thread, which may be another one than this.
    async function arrive(way, told) {
      const facts = Object.fromEntries(Object.entries(way.facts).map(([fact, name]) => [fact, told[name]]).filter(([, value]) => !empty(value)));
      await done(await api.post(`/events/${way.event}`, facts));
    }

    async function send(way) {
      const body = { ...talk.carried, ...way.body };
      for (const [name, value] of Object.entries(mine.typed)) if (view.carries.includes(name) || way.asks.includes(name)) body[name] = valueOf(name, value);
      for (const [name, value] of Object.entries(body)) if (empty(value)) delete body[name];
      if (writes(way)) body[view.text] = mine.words;
      const entry = await api.post("/requests", { operation: way.operation, query: way.query, body });
      if (entry.status < 400) { await done(entry.response); return; }
      const lines = entry.violations.map((one) => line(one.pointer, one.message));
      say(lines.length ? lines : h("p", { className: "notice bad" }, `Refused with ${entry.status}`), h("p", { className: "small" }, h("a", { href: `#/requests/${entry.id}` }, "Why it was refused")));
      const named = entry.violations.map((one) => [one.pointer.replace("/body/", ""), one.message]).find(([name]) => node.querySelector(`input[name="${CSS.escape(name)}"]`));
      if (named) ask(...named);
    }

    async function done(record) {
      mine.words = text.value = ""; mine.typed = {}; mine.way = null;
      drawAsks(); refresh();
      if (node.contains(document.activeElement) && wide()) text.focus();
      const name = view.thread.find((one) => !empty(record?.[one]));
      const there = name ? `${name}=${record[name]}` : APART;
      if (there === key) await again(); else { await readThreads(); app.go("conversations", there); }
    }
  }

  async function again() { await readThreads(); await openThread(); }

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
    opened(rest) {
      const there = rest[0] || (wide() ? key : "");
      if (there !== key) { key = there; reach = PAGE; further = false; }
      drawList();
      openThread();
    },
    moved() { app.guarded(again); },
    key(event) {
      if (event.key !== "c" || !view.compose.length) { walk(list, event); return; }
      event.preventDefault();
      if (parts) write(); else if (key) wanted = true; else app.go("conversations", NEW);
    },
  };
}
