// The shell: which panel is shown, for which tenant, and what the keyboard does.

import { api, Live, Refused } from "./api.js";
import { clock, dialog, field, h, s, show, toast } from "./dom.js";
import { conversations } from "./conversations.js";
import { requests } from "./requests.js";
import { rules } from "./rules.js";
import { state } from "./state.js";
import { time } from "./time.js";
import { faults } from "./faults.js";
import { tenants } from "./tenants.js";

const ICONS = {
  conversations: "M4 5h16v11H9l-5 4z", requests: "M4 7h16M4 12h16M4 17h10", rules: "M5 12l4 4 10-10",
  state: "M4 6h16v12H4zM4 11h16M10 6v12", time: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16M12 8v4l3 2",
  faults: "M12 4l9 16H3zM12 10v4M12 17v.01", tenants: "M4 20V8l8-4 8 4v12M9 20v-6h6v6",
};
const PANELS = { conversations, requests, rules, state, time, faults, tenants };
const NAMES = { conversations: "Conversations", requests: "Requests", rules: "Rules", state: "State", time: "Clock", faults: "Faults", tenants: "Tenants" };

const app = { model: null, panel: null, name: "", unseen: 0, go, refreshTools, guarded };
const main = document.getElementById("main");

function go(...parts) { location.hash = `#/${parts.map((part) => encodeURIComponent(part)).join("/")}`; }

async function guarded(work) {
  try { return await work(); }
  catch (error) {
    if (error instanceof Refused && error.status === 401) return askToken();
    if (error instanceof Refused) toast(error.message, "bad");
    else { toast("The server does not answer.", "bad"); }
    return undefined;
  }
}

function askToken() {
  const input = h("input", { type: "password", autocomplete: "off", required: true });
  const form = h("form", { className: "stack", onsubmit: (event) => { event.preventDefault(); api.unlock(input.value.trim()); location.reload(); } },
    api.token ? h("p", { className: "notice bad", role: "alert" }, "This token is not the server's.") : null,
    h("p", {}, "The control token is the one that its start has printed, or that it was given."), field("Control token", input), h("button", { className: "primary" }, "Unlock"));
  show(main, h("div", { className: "empty" }, h("h1", {}, "Locked"), h("p", {}, "Nothing is shown without the control token."), h("button", { type: "button", onclick: askToken }, "Give the token")));
  dialog("A token is needed", form);
  input.focus();
}

function icon(name) { return s("svg", { viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", "stroke-width": 1.8, "stroke-linecap": "round", "stroke-linejoin": "round", "aria-hidden": "true" }, s("path", { d: ICONS[name] })); }

function panelNames() { return Object.keys(PANELS).filter((name) => name !== "conversations" || app.model.views.length); }

function drawNav() {
  const links = panelNames().map((name, position) => h("a", { href: `#/${name}`, "aria-current": name === app.name ? "page" : null },
    icon(name), h("span", {}, name === "conversations" ? app.model.views[0].title : NAMES[name]),
    name === "requests" && app.unseen ? h("span", { className: "badge", "aria-label": `${app.unseen} new` }, String(Math.min(app.unseen, 99))) : h("kbd", { "aria-hidden": "true" }, String(position + 1))));
  show(document.getElementById("nav"), ...links, h("span", { className: "spring" }),
    h("a", { href: "/__mock/docs", className: "only-wide" }, h("span", {}, "Documents")),
    h("a", { href: "#", className: "only-wide", onclick: (event) => { event.preventDefault(); help(); } }, h("span", {}, "Keys"), h("kbd", {}, "?")));
}

let pickedTheme = localStorage.getItem("theme") ?? "";
function theme(next) {
  pickedTheme = next;
  localStorage.setItem("theme", next);
  if (next) document.documentElement.dataset.theme = next; else delete document.documentElement.dataset.theme;
}

async function refreshTools() {
  await guarded(async () => { await api.readClock(); app.tenants = await api.get("/tenants"); });
  drawTools();
}

function drawTools() {
  const picker = h("select", { "aria-label": "Tenant", onchange: async () => { api.choose(picker.value); await live.start(); refreshTools(); open(); } },
    h("option", { value: "" }, "Default tenant"), (app.tenants ?? []).map((one) => h("option", { value: one.name, selected: one.name === api.tenant }, one.name)));
  const next = { "": "dark", dark: "light", light: "" }[pickedTheme];
  show(document.getElementById("tools"),
    h("a", { className: "chip", href: "#/time", id: "clock", title: "The tenant's time" }), picker,
    h("button", { className: "quiet only-wide", type: "button", title: "Light, dark, or as the system has it", onclick: () => { theme(next); drawTools(); } }, THEMES[pickedTheme]),
    h("button", { className: "quiet only-small", type: "button", "aria-label": "More", onclick: others }, "⋯"));
  tick();
}

const THEMES = { "": "Auto", dark: "Dark", light: "Light" };

// What a small screen has no other room for.
function others() {
  const picker = h("select", { onchange: () => { theme(picker.value); drawTools(); } }, Object.entries(THEMES).map(([value, words]) => h("option", { value, selected: value === pickedTheme }, words)));
  dialog("More", h("a", { href: "/__mock/docs" }, "Documents"), field("Theme", picker), h("div", {}, h("button", { type: "button", onclick: help }, "Keys")));
}

function tick() {
  const chip = document.getElementById("clock");
  if (!chip) return;
  const mode = api.time.mode;
  show(chip, h("i", { className: `dot ${app.offline ? "off" : mode}`, "aria-hidden": "true" }), clock(api.now()), mode === "real" ? "" : ` ${mode}`);
  app.panel?.tick?.();
}

// A part of the address; one that is not encoded as it should be is taken as it stands.
function decoded(part) { try { return decodeURIComponent(part); } catch { return part; } }

async function open() {
  const [name, ...rest] = location.hash.replace(/^#\//, "").split("/").map(decoded);
  const wanted = Object.hasOwn(PANELS, name) ? name : panelNames()[0];
  if (wanted === app.name && app.panel?.opened && app.tenant === api.tenant) { app.panel.opened(rest); return; }
  app.name = wanted; app.tenant = api.tenant;
  if (wanted === "requests") app.unseen = 0;
  document.title = `${NAMES[wanted]} · ${app.model.title}`;
  drawNav();
  const root = h("div", { style: undefined });
  root.className = "panel"; show(main, root);
  const panel = PANELS[wanted](app, main, rest) ?? {};
  app.panel = panel;
  await guarded(() => panel.load?.());
  if (app.panel === panel) panel.opened?.(rest); // else another was opened meanwhile
}

function heard(entry) {
  if (app.name !== "requests") { app.unseen += 1; drawNav(); }
  app.panel?.heard?.(entry);
}

function help() {
  const rows = [["1 … 7", "A panel"], ["/", "Search"], ["j, k or arrows", "Walk through a list"], ["c", "Write, in a conversation"], ["Ctrl + Enter", "Send what is written"], ["x", "Send the request again"], ["t", "Make the request a test"], ["Esc", "Leave a field, close"], ["?", "These keys"]];
  dialog("Keys", h("dl", { className: "keys" }, rows.map(([key, words]) => [h("dt", {}, h("kbd", {}, key)), h("dd", {}, words)])));
}

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select");
  if (event.key === "Escape" && typing) { if (typing.type === "search") event.preventDefault(); typing.blur(); return; }
  if (typing || event.ctrlKey || event.metaKey || event.altKey || document.getElementById("dialog").open) return;
  const number = Number(event.key);
  if (number >= 1 && number <= panelNames().length) { go(panelNames()[number - 1]); return; }
  if (event.key === "?") { help(); return; }
  if (event.key === "/") { const search = main.querySelector("input[type=search]"); if (search) { search.focus(); event.preventDefault(); } return; }
  app.panel?.key?.(event);
});

// What stands over everything: that nobody answers, or that what is served is not what was written last.
function drawNotices() {
  const lost = app.offline ? h("p", { className: "notice bad" }, "The server does not answer; what is shown is what it said last.") : null;
  const [first, ...more] = (app.stale ?? "").split("\n");
  const stale = app.stale ? h("div", { className: "notice bad" }, "The version before keeps serving: ", h("code", {}, first), more.length ? h("pre", { tabIndex: 0 }, more.join("\n")) : null) : null;
  show(document.getElementById("notices"), lost, stale);
}

async function served(version, stale) {
  if (stale !== app.stale) { app.stale = stale; drawNotices(); }
  const before = app.version;
  app.version = version;
  if (before === undefined || before === version) return;
  await guarded(async () => { app.model = await api.get("/model"); });
  document.getElementById("title").textContent = app.model.title;
  toast("The document was loaded again", "good");
  app.name = ""; // the panel begins anew, with what the document says now
  open();
}

const live = new Live(heard, () => app.panel?.moved?.(), (up) => { if (app.offline === up) { app.offline = !up; tick(); drawNotices(); } }, served, () => { if (app.panel?.load) guarded(() => app.panel.load()); });
window.addEventListener("hashchange", open);

async function start() {
  theme(pickedTheme);
  // A link may name its tenant; from then on it is the one that was chosen.
  if (location.search) { api.choose(api.tenant); history.replaceState(null, "", location.pathname + location.hash); }
  const known = await guarded(async () => { app.model = await api.get("/model"); return true; });
  if (!known) return;
  document.getElementById("title").textContent = app.model.title;
  await refreshTools();
  app.offline = false;
  await live.start();
  await open();
  setInterval(tick, 500);
}

start();
