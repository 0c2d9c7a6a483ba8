// An OpenAPI document, to read: operations by tag, schemas, rules.

import { api } from "./api.js";
import { h, json, plural, prose, show, toast } from "./dom.js";

const METHODS = ["get", "post", "put", "patch", "delete"];
const COLOURS = { get: "accent", post: "good", put: "warn", patch: "warn", delete: "bad" };
const which = document.getElementById("which"), main = document.getElementById("main"), nav = document.getElementById("nav");
let doc = {};

const follow = (node) => (node && node.$ref ? follow(node.$ref.slice(2).split("/").reduce((at, token) => at?.[decodeURIComponent(token).replaceAll("~1", "/").replaceAll("~0", "~")], doc)) : node ?? {});
const nameOf = (node) => node?.$ref?.split("/").pop();
// Which document is read stands in the address, so that it can be linked to and loaded again.
const CONTROL = "control-api";
const anchor = (...words) => (which.value === "document" ? words : [CONTROL, ...words]).join("-").replaceAll(/[^A-Za-z0-9_.-]/g, "_");

function typeOf(schema) {
  if (schema === true || schema === undefined) return "anything";
  if (nameOf(schema)) return h("a", { href: `#${anchor("schema", nameOf(schema))}` }, nameOf(schema));
  const types = [schema.type ?? []].flat().join(" or ");
  if (schema.items) return h("span", {}, "list of ", typeOf(schema.items));
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((one) => JSON.stringify(one)).join(", ");
  for (const word of ["anyOf", "oneOf"]) if (schema[word]) return h("span", {}, schema[word].map((one, position) => [position ? " or " : "", typeOf(one)]));
  return [types || (schema.allOf ? "all of several" : "anything"), schema.format].filter(Boolean).join(", ");
}

// What is folded is drawn when it is first opened: a document has more in it than a page should.
function folded(words, draw) {
  const box = h("details", {}, h("summary", {}, words));
  box.addEventListener("toggle", () => { if (box.open && box.children.length === 1) box.append(...[draw()].flat(3).filter(Boolean)); });
  return box;
}

const rulesOf = (node) => [node?.["x-rule"] ?? []].flat();
const ruleChips = (ids) => [...new Set(ids)].map((id) => h("a", { className: "chip accent", href: doc["x-rules"] ? `/__mock/#/rules/${encodeURIComponent(id)}` : "#" }, id));

function parts(schema, found = new Map(), depth = 0) {
  const node = follow(schema);
  for (const [name, sub] of Object.entries(node.properties ?? {})) if (!found.has(name)) found.set(name, sub);
  if (depth < 4) for (const branch of node.allOf ?? []) parts(branch, found, depth + 1);
  return found;
}

function table(schema) {
  const rows = [...parts(schema)], needed = new Set([follow(schema).required ?? [], ...(follow(schema).allOf ?? []).map((one) => follow(one).required ?? [])].flat());
  if (!rows.length) return h("p", { className: "muted small" }, typeOf(schema));
  return h("div", { className: "scroll", tabIndex: 0, role: "group", "aria-label": "Fields" }, h("table", {}, h("thead", {}, h("tr", {}, ["Field", "Type", "About"].map((word) => h("th", { scope: "col" }, word)))), h("tbody", {}, rows.map(([name, sub]) => {
    const node = follow(sub);
    return h("tr", {}, h("td", {}, h("code", {}, name), " ", needed.has(name) ? h("span", { className: "chip warn" }, "needed") : null), h("td", {}, typeOf(sub)), h("td", {}, prose(node.description ?? ""), " ", ruleChips([...rulesOf(sub), ...rulesOf(node), ...(node.allOf ?? []).flatMap((one) => rulesOf(follow(one)))])));
  }))));
}

function media(content) { return Object.entries(content ?? {}).map(([type, one]) => h("div", { className: "stack tight" }, h("p", { className: "small muted" }, type, " ", nameOf(one.schema) ? typeOf(one.schema) : ""), table(one.schema), one.example !== undefined ? json(one.example) : Object.entries(one.examples ?? {}).map(([name, example]) => folded(example.summary ?? name, () => json(follow(example).value))))); }

function operation(path, item, method) {
  const raw = item[method], id = raw.operationId ?? `${method} ${path}`;
  const parameters = [...(item.parameters ?? []), ...(raw.parameters ?? [])].map(follow);
  return h("section", { className: "card", id: anchor("operation", id), "aria-label": id },
    h("div", { className: "row wrap" }, h("span", { className: `chip ${COLOURS[method]}` }, method.toUpperCase()), h("h2", { className: "mono" }, path), h("span", { className: "muted small" }, id)),
    h("p", {}, h("strong", {}, raw.summary ?? "")), raw.description ? prose(raw.description) : null,
    parameters.length ? folded(plural(parameters.length, "parameter"), () => h("div", { className: "scroll", tabIndex: 0, role: "group", "aria-label": "Parameters" }, h("table", {}, h("thead", {}, h("tr", {}, ["Name", "In", "Type", "About"].map((word) => h("th", { scope: "col" }, word)))), h("tbody", {}, parameters.map((one) => h("tr", {}, h("td", {}, h("code", {}, one.name), " ", one.required ? h("span", { className: "chip warn" }, "needed") : null), h("td", {}, one.in), h("td", {}, typeOf(one.schema)), h("td", {}, prose(one.description ?? ""), " ", ruleChips(rulesOf(one))))))))) : null,
    raw.requestBody ? folded("Request", () => media(follow(raw.requestBody).content)) : null,
    folded(`Answers: ${Object.keys(raw.responses).join(", ")}`, () => Object.entries(raw.responses).map(([status, node]) => h("div", { className: "stack tight" }, h("div", { className: "row wrap" }, h("span", { className: `chip ${status < "3" ? "good" : "warn"}` }, status), follow(node).description, ruleChips(rulesOf(follow(node)))), media(follow(node).content)))));
}

function draw() {
  const groups = new Map((doc.tags ?? []).map((tag) => [tag.name, { about: tag.description, rows: [] }]));
  for (const [path, item] of Object.entries(doc.paths)) for (const method of METHODS) if (item[method]) {
    const tag = item[method].tags?.[0] ?? "Other";
    if (!groups.has(tag)) groups.set(tag, { rows: [] });
    groups.get(tag).rows.push([path, item, method]);
  }
  document.getElementById("title").textContent = doc.info.title;
  document.title = doc.info.title;
  const schemas = Object.entries(doc.components?.schemas ?? {}), rules = Object.entries(doc["x-rules"] ?? {});
  show(nav, [...groups.keys()].map((name) => h("a", { href: `#${anchor("tag", name)}` }, name)), h("a", { href: `#${anchor("schemas")}` }, "Schemas"), rules.length ? h("a", { href: `#${anchor("rules")}` }, "Rules") : null);
  show(main, h("div", { className: "page" }, h("h1", {}, `${doc.info.title} ${doc.info.version}`), prose(doc.info.description ?? ""),
    [...groups].filter(([, group]) => group.rows.length).map(([name, group]) => [h("h2", { id: anchor("tag", name) }, name), group.about ? h("p", { className: "muted" }, group.about) : null, group.rows.map((row) => operation(...row))]),
    h("h2", { id: anchor("schemas") }, "Schemas"), schemas.map(([name, schema]) => h("section", { className: "card", id: anchor("schema", name), "aria-label": `Schema ${name}` }, h("div", { className: "row wrap" }, h("h3", {}, name), ruleChips(rulesOf(schema))), schema.description ? prose(schema.description) : null, folded("Fields", () => [table(schema), folded("As written", () => json(schema))]))),
    rules.length ? h("h2", { id: anchor("rules") }, "Rules") : null, rules.map(([id, rule]) => h("section", { className: "card", "aria-label": `Rule ${id}` }, h("div", { className: "row wrap" }, h("a", { href: `/__mock/#/rules/${encodeURIComponent(id)}` }, h("strong", {}, id)), h("span", { className: "chip" }, rule.certainty)), h("p", {}, rule.says), h("p", { className: "muted small" }, rule.source), rule.note ? h("p", { className: "small" }, rule.note) : null))));
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

if (location.hash.startsWith(`#${CONTROL}`)) which.value = "openapi.json";

async function load() {
  try { doc = await api.get(`/${which.value}`); draw(); }
  catch (error) { toast(error.message, "bad"); show(main, h("div", { className: "empty" }, h("p", {}, error.message), h("a", { href: "/__mock/" }, "The console asks for the token"))); }
}

// The same theme as the console's.
const theme = localStorage.getItem("theme");
if (theme) document.documentElement.dataset.theme = theme;
which.addEventListener("change", () => { history.replaceState(null, "", location.pathname + (which.value === "document" ? "" : `#${CONTROL}`)); load(); });
load();
