// The control API, as one tenant.

export const BASE = "/__mock";
const session = window.sessionStorage;

export class Refused extends Error {
  constructor(status, body) {
    super(body?.error ?? `Answered ${status}`);
    this.status = status;
    this.body = body;
  }
}

export const api = {
  tenant: session.getItem("tenant") ?? "",
  token: session.getItem("token") ?? "",
  time: { now: Date.now(), read: performance.now(), mode: "real" },

  choose(tenant) { this.tenant = tenant; session.setItem("tenant", tenant); },
  unlock(token) { this.token = token; session.setItem("token", token); },

  headers() {
    const headers = {};
    if (this.tenant) headers["Mock-Tenant"] = this.tenant;
    if (this.token) headers["Mock-Control-Token"] = this.token;
    return headers;
  },

  async call(method, path, body) {
    const headers = this.headers();
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const answer = await fetch(BASE + path, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
    const text = await answer.text();
    const kind = answer.headers.get("Content-Type") ?? "";
    const value = text && kind.includes("json") ? JSON.parse(text) : text;
    if (!answer.ok && !(path === "/verify" && answer.status === 409)) throw new Refused(answer.status, value);
    return value;
  },

  get(path) { return this.call("GET", path); },
  post(path, body = {}) { return this.call("POST", path, body); },
  put(path, body) { return this.call("PUT", path, body); },
  drop(path) { return this.call("DELETE", path); },

  async readClock() { return this.keepClock(await this.get("/clock")); },
  keepClock(row) {
    this.time = { now: Date.parse(row.now), read: performance.now(), mode: row.mode };
    return row;
  },
  now() { return this.time.mode === "frozen" ? this.time.now : this.time.now + performance.now() - this.time.read; },
};

// Server-sent events. The stream ends when nothing is new, and is asked for again after its own pause;
// read with fetch, for an EventSource can name neither tenant nor token.
export class Live {
  constructor(heard, moved, changed) { this.heard = heard; this.moved = moved; this.changed = changed; this.since = null; this.writes = null; this.round = 0; }

  start() { this.since = null; this.writes = null; this.loop(++this.round); }

  async loop(round) {
    while (round === this.round) {
      let pause = 700;
      if (!document.hidden) {
        try {
          const query = this.since === null ? "" : `?since=${this.since}`;
          const answer = await fetch(`${BASE}/live${query}`, { headers: api.headers() });
          if (round !== this.round) return;
          if (answer.ok) pause = this.read(await answer.text()) ?? pause;
          this.changed(answer.ok);
        } catch { this.changed(false); pause = 2000; }
      }
      await new Promise((done) => setTimeout(done, pause));
    }
  }

  read(text) {
    let pause;
    for (const block of text.split("\n\n")) {
      const event = {};
      for (const line of block.split("\n")) {
        const at = line.indexOf(": ");
        if (at > 0) event[line.slice(0, at)] = line.slice(at + 2);
      }
      if (event.retry) pause = Number(event.retry);
      if (event.id) this.since = event.id;
      if (event.event === "request") this.heard(JSON.parse(event.data));
      if (event.event === "state") {
        const { writes } = JSON.parse(event.data);
        if (this.writes !== null && writes !== this.writes) this.moved();
        this.writes = writes;
      }
    }
    return pause;
  }
}
