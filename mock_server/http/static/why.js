// A judgement: what each stage says, and the nearest request that would pass.

import { h, json, plural, shown, statusChip } from "./dom.js";
import { ignored, violation } from "./requests.js";

const KINDS = { passed: "good", refused: "bad", "not reached": "" };

export function judged(found, app, send) {
  return h("div", { className: "stack" },
    h("div", { className: "row" }, statusChip(found.status), h("strong", {}, found.verdict === "passes" ? "It would pass." : "It would be refused."), found.operation ? h("span", { className: "muted" }, found.operation) : null),
    h("ul", { className: "stages small" }, found.stages.map((row) => h("li", {}, h("strong", {}, row.stage), h("span", {}, h("span", { className: `chip ${KINDS[row.decision]}` }, row.decision)), h("span", { className: "muted" }, row.why)))),
    found.steered.length ? h("div", { className: "card" }, h("h3", {}, "Something else would answer"), h("ul", { className: "small" }, found.steered.map((one) => h("li", {}, one)))) : null,
    found.violations.map(violation),
    ignored(found.ignored),
    found.facts.length ? h("details", {}, h("summary", {}, `${plural(found.facts.length, "fact")} used`), h("dl", { className: "keys small" }, found.facts.flatMap((fact) => [h("dt", { className: "muted" }, fact.what), h("dd", {}, h("code", {}, shown(fact.value)))]))) : null,
    found.nearest ? h("div", { className: "card" }, h("div", { className: "row between" }, h("h3", {}, "The nearest request that passes"), h("button", { className: "tiny primary", type: "button", onclick: () => { document.getElementById("dialog").close(); send(found.nearest); } }, "Send it")),
      h("ul", { className: "small" }, found.changes.map((change) => h("li", {}, h("code", {}, change.pointer), " ", h("code", {}, shown(change.from)), " becomes ", h("code", {}, shown(change.to))))), json(found.nearest)) : null);
}
