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
  tenant: new URLSearchParams(location.search).get("tenant") ?? session.getItem("tenant") ?? "",
  token: session.getItem("token") ?? "",
  pictures: new Map(),
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

  // The address within the page of a picture; read once for each tenant.
  picture(at) {
    const key = `${this.tenant}\n${at}`;
    if (!this.pictures.has(key)) {
      this.pictures.set(key, fetch(`${BASE}/picture?${new URLSearchParams({ at })}`, { headers: this.headers() })
        .then(async (answer) => { if (!answer.ok) throw new Refused(answer.status); return URL.createObjectURL(await answer.blob()); }));
    }
    return this.pictures.get(key);
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

// Answers may overtake each other. What was asked for earlier is nothing once later has been answered.
export function inOrder() {
  let asked = 0, answered = 0;
  return async (read) => {
    const turn = ++asked, found = await read();
    if (turn < answered) return undefined;
    answered = turn;
    return found;
  };
}

// Server-sent events. The stream ends when nothing is new, and is asked for again after its own pause;
// read with fetch, for an EventSource can name neither tenant nor token.
export class Live {
  constructor(heard, moved, changed, served, anew) { this.anew = anew; this.heard = heard; this.moved = moved; this.changed = changed; this.served = served; this.since = null; this.writes = null; this.round = 0; }

  // Done once it knows where it is: what a panel reads after that misses nothing.
  async start() {
    this.since = null; this.writes = null;
    const round = ++this.round;
    this.loop(round, await this.turn(round));
  }

  async loop(round, pause) {
    while (round === this.round) {
      await new Promise((done) => setTimeout(done, pause));
      pause = document.hidden ? 700 : await this.turn(round);
    }
  }

  async turn(round) {
    if (round !== this.round) return 0;
    try {
      const query = this.since === null ? "" : `?since=${this.since}`;
      const answer = await fetch(`${BASE}/live${query}`, { headers: api.headers() });
      const text = answer.ok ? await answer.text() : "";
      if (round !== this.round) return 0;
      this.changed(answer.ok);
      return this.read(text) ?? 700;
    } catch { this.changed(false); return 2000; }
  }

  read(text) {
    let pause;
    const since = this.since;
    for (const block of text.split("\n\n")) {
      const event = {};
      for (const line of block.split("\n")) {
        const at = line.indexOf(": ");
        if (at > 0) event[line.slice(0, at)] = line.slice(at + 2);
      }
      if (event.retry) pause = Number(event.retry);
      if (event.id) this.since = event.id;
      // Asked for what follows, and told only where things stand: the journal has begun anew.
      if (event.event === "hello" && since !== null) this.anew();
      if (event.event === "request") this.heard(JSON.parse(event.data));
      if (event.event === "state") {
        const { writes, version, stale } = JSON.parse(event.data);
        this.served(version, stale);
        if (this.writes !== null && writes !== this.writes) this.moved();
        this.writes = writes;
      }
    }
    return pause;
  }
}
