// Worlds: which are open, one more, one less.

import { api } from "./api.js";
import { field, h, plural, show, twice, when } from "./dom.js";

export function tenants(app, main) {
  const cards = h("div", { className: "cards" });
  const key = h("input", { type: "text", placeholder: `${app.model.prefix}…`, autocomplete: "off" });
  const ttl = h("input", { type: "number", min: 1, placeholder: "never" });

  async function load() {
    const rows = await api.get("/tenants");
    show(cards, rows.map((row) => h("section", { className: "card", "aria-label": row.name },
      h("div", { className: "row between" }, h("h2", { className: "cut" }, row.name), row.seeded ? h("span", { className: "chip accent" }, "seed") : h("span", { className: "chip" }, "opened")),
      h("p", { className: "muted small" }, [plural(row.records, "record"), plural(row.requests, "request"), plural(row.faults, "fault")].join(", ")),
      h("p", { className: "muted small" }, `${when(row.clock.now)} (${row.clock.mode})${row.expires ? `, ends ${when(row.expires)}` : ""}`),
      h("div", { className: "row wrap" }, row.keys.filter((name) => name !== row.name).map((name) => h("code", { className: "chip" }, name))),
      h("div", { className: "row" }, h("button", { type: "button", disabled: api.tenant === row.name, onclick: () => { api.choose(row.name); location.reload(); } }, api.tenant === row.name ? "Shown" : "Show"),
        row.seeded ? null : twice("Drop", () => app.guarded(async () => { if (api.tenant === row.name) api.choose(""); await api.drop(`/tenants/${encodeURIComponent(row.name)}`); await load(); app.refreshTools(); }))))));
  }

  async function add(event) {
    event.preventDefault();
    const wish = {};
    if (key.value) wish.key = key.value;
    if (ttl.value) wish.ttl = Number(ttl.value);
    await app.guarded(async () => { await api.post("/tenants", wish); key.value = ""; await load(); app.refreshTools(); });
  }

  show(main, h("div", { className: "page" }, h("h1", {}, "Tenants"), h("p", { className: "muted" }, `Each key has a world of its own. Any key that begins with ${app.model.prefix} opens one when it is first used.`),
    h("form", { className: "card", onsubmit: add }, h("h2", {}, "Open one"), h("div", { className: "fields" }, field("Key", key), field("Seconds until it is dropped", ttl)), h("div", { className: "row" }, h("button", { className: "primary" }, "Open"))), cards));
  return { load };
}
