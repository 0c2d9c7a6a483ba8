// The tenant's clock.

import { api } from "./api.js";
import { field, h, show, toast } from "./dom.js";

const STEPS = [["10 s", 10], ["1 min", 60], ["1 h", 3600], ["1 day", 86_400], ["1 week", 604_800]];

export function time(app, main) {
  const now = h("p", { className: "big", "aria-live": "off" }), mode = h("p", { className: "muted" });
  const seconds = h("input", { type: "number", min: 0, step: "any", value: 30 });
  const moment = h("input", { type: "datetime-local", step: 1 });
  const WORDS = { real: "Real time.", shifted: "Moved; it runs on from there.", frozen: "Frozen; it stands still until it is moved." };

  async function move(wish) {
    await app.guarded(async () => { api.keepClock(await api.post("/clock", wish)); toast("The clock was moved; what is due has happened.", "good"); tick(); await app.refreshTools(); });
  }

  function tick() {
    const then = new Date(api.now());
    now.textContent = `${then.toLocaleDateString([], { dateStyle: "long" })}, ${then.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", second: "2-digit" })}`;
    mode.textContent = WORDS[api.time.mode];
  }

  show(main, h("div", { className: "page" }, h("h1", {}, "Clock"),
    h("section", { className: "card", "aria-label": "Now" }, now, mode, h("div", { className: "row wrap" }, h("button", { type: "button", onclick: () => move({ freeze: true }) }, "Freeze"), h("button", { type: "button", onclick: () => move({ real: true }) }, "Back to real time"))),
    h("section", { className: "card", "aria-label": "Advance" }, h("h2", {}, "Let time pass"), h("p", { className: "muted" }, "Every timed transition that becomes due fires at its own moment, in order."),
      h("div", { className: "row wrap" }, STEPS.map(([words, value]) => h("button", { type: "button", onclick: () => move({ advance: value }) }, `+ ${words}`))),
      h("form", { className: "row wrap low", onsubmit: (event) => { event.preventDefault(); move({ advance: Number(seconds.value) }); } }, field("Seconds", seconds), h("button", { className: "primary" }, "Advance"))),
    h("section", { className: "card", "aria-label": "Set" }, h("h2", {}, "Make it another time"), h("form", { className: "row wrap low", onsubmit: (event) => { event.preventDefault(); if (moment.value) move({ set: new Date(moment.value).toISOString() }); } }, field("Date and time", moment), h("button", { className: "primary" }, "Set")))));
  return { load: () => api.readClock().then(tick), tick };
}
