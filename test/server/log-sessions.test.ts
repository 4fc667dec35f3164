/** Log sessions as Heroku's client reads them: a secret URL, events, and a way back after a connection broke off. */
import { mkdir, writeFile } from "node:fs/promises";
import { get, type IncomingMessage } from "node:http";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { createApp } from "../../src/platform/create-app.ts";
import type { App } from "../../src/platform/app.ts";
import { LogSessions } from "../../src/platform/log-sessions.ts";
import { Tickets } from "../../src/platform/tickets.ts";
import { describe } from "../support/suite.ts";
import { deploy, NED } from "../platform/lab.ts";
import { openDoor } from "./door-lab.ts";
import { openApi, type ApiLab } from "./lab.ts";

const SESSIONS = "/apps/foobaz/log-sessions";
const NO_TAIL = "retry: 0\n\n";

async function sessionPath(lab: ApiLab, order: object): Promise<string> {
  const { status, body } = await lab.ask("POST", SESSIONS, order);
  assert.is(status, 201);
  return new URL(body.logplex_url).pathname;
}

function say(app: App, ps: string, msg: string, source: "app" | "heroku" = "app"): void {
  app.log(ps, msg, source);
}

/** The texts of all lines, without their stamps. */
function linesOf(events: string): string[] {
  return [...events.matchAll(/^data: \S+ (.*)$/gm)].map(([, line = ""]) => line);
}

/** Reads until some text has come, then breaks the connection off. */
async function readUntil(port: number, path: string, text: string, after?: string): Promise<string> {
  const headers = after === undefined ? {} : { "last-event-id": after };
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    get({ host: "127.0.0.1", port, path, headers, agent: false }, resolve).on("error", reject);
  });
  assert.is(answer.statusCode, 200);
  assert.match(String(answer.headers["content-type"]), "text/event-stream");
  let events = "";
  for await (const bytes of answer) {
    events += String(bytes);
    if (events.includes(text) && events.endsWith("\n\n")) break;
  }
  return events;
}

describe("log sessions", (test) => {
  test("the newest lines that match, in one event, in Heroku's form", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    say(app, "web.1", "first");
    say(app, "web.2", "\u001b[31mred\u001b[0m \u001b]0;title\u0007 a\rb");
    say(app, "worker.1", "third");
    const all = await lab.ask("GET", await sessionPath(lab, { lines: 2 }));
    assert.match(all.body, /^retry: 0\n\nid: \d{8}T\d{6}\.\d{6}Z\.ndjson:\d+\n(data: .*\n){2}\n$/);
    assert.equal(linesOf(all.body), [
      "app[web.2]: \u001b[31mred\u001b[0m ^[]0;title^G a^Mb\u001b[0m",
      "app[worker.1]: third",
    ]);
    assert.match(all.body, /^data: \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00 app/m);
    const filters: [order: object, lines: number][] = [
      [{ dyno: "web.1" }, 1],
      [{ dyno: "web", source: "app" }, 2],
      [{ dyno_name: "worker.1" }, 1],
      [{ type: "web" }, 2],
      [{ source: "heroku", dyno: "web" }, 0],
    ];
    for (const [order, count] of filters) {
      const { body } = await lab.ask("GET", await sessionPath(lab, order));
      assert.is(linesOf(body).length, count, JSON.stringify(order));
    }
    assert.is((await lab.ask("POST", SESSIONS)).status, 201, "without a body");
    for (const order of [{ lines: "10" }, { lines: -1 }, { tail: "yes" }, { source: "web" }]) {
      assert.is((await lab.ask("POST", SESSIONS, order)).status, 422, JSON.stringify(order));
    }
    const place = /^id: (.*)$/m.exec(all.body)?.[1] ?? "";
    const path = await sessionPath(lab, {});
    assert.is((await lab.ask("GET", path, undefined, { "last-event-id": place })).body, NO_TAIL, "it has seen all");
    assert.is((await lab.ask("GET", path, undefined, { "last-event-id": "nowhere" })).status, 422);
  });

  test("a tail goes on where it was cut off, without a loss and without doubles", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await lab.server.listen({ host: "127.0.0.1", port: 0 });
    const { port } = lab.server.server.address() as { port: number };
    say(app, "web.1", "line 0");
    const path = await sessionPath(lab, { tail: true, dyno: "web" });
    let after: string | undefined;
    const seen: string[] = [];
    for (let round = 0; round < 4; round += 1) {
      const events = await readUntil(port, path, `line ${String(round * 3)}\n`, after);
      assert.match(events, /^retry: 1000\n\n/);
      seen.push(...linesOf(events));
      after = [...events.matchAll(/^id: (.*)$/gm)].at(-1)?.[1];
      for (const step of [1, 2, 3]) say(app, "web.1", `line ${String(round * 3 + step)}`);
      say(app, "worker.1", "another's");
    }
    assert.equal(
      seen,
      Array.from({ length: 10 }, (_, index) => `app[web.1]: line ${String(index)}`),
    );
    await lab.ask("DELETE", "/apps/foobaz");
    assert.is((await lab.ask("GET", path)).status, 404, "the app is gone");
  });

  test("what nobody was given opens nothing", async (t) => {
    const lab = await openApi(t);
    await createApp(lab.platform, "foobaz", NED);
    const path = await sessionPath(lab, {});
    const [body = "", code = ""] = path.slice("/log-sessions/".length).split(".");
    assert.ok(Buffer.from(code, "base64url").length >= 16, "128 bits");
    const other = Buffer.from(JSON.stringify({ for: "log", app: "foobaz" })).toString("base64url");
    for (const ticket of ["x", `${body}.`, `${other}.${code}`, `${body}.${"A".repeat(43)}`, `${body}x.${code}`]) {
      const answer = await lab.ask("GET", `/log-sessions/${ticket}`);
      assert.equal([answer.status, answer.body.id], [404, "not_found"], ticket);
    }
    assert.is((await lab.ask("GET", `/outputs/${body}.${code}`)).status, 404, "a ticket is for one thing");
    assert.is((await lab.ask("PUT", `/sources/${body}.${code}`, "x")).status, 404);
  });

  test("escapes: what one person's code prints does nothing at another's terminal, whatever their client", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await deploy(lab, app);
    const nasty = "\u001b]0;owned\u0007\u001b[2J\u009b5n\u202e \u001b[31mred\u001b[0m\r\n\rend";
    say(app, "web.1", nasty);
    await mkdir(join(app.dir, "output"), { recursive: true });
    await writeFile(join(app.dir, "output", "v2.txt"), nasty);
    const release = await lab.ask("GET", "/apps/foobaz/releases/2");
    const detached = await lab.ask("POST", "/apps/foobaz/dynos", { command: `exec sleep 600 # ${nasty}` });
    const shown = [
      (await lab.ask("GET", await sessionPath(lab, { source: "app" }))).body as string,
      (await lab.ask("GET", new URL(release.body.output_stream_url as string).pathname)).body as string,
      detached.body.command as string,
      (await lab.ask("GET", "/apps/foobaz/dynos")).body[0].command as string,
    ];
    for (const text of shown) {
      assert.match(text, "^[]0;owned^G^[[2J\\x9b5n\\u202e ");
      assert.not.match(text.replaceAll(/\u001b\[\d*m/g, ""), /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/);
    }
  });

  test("a session ends with the token with which it was asked for", async (t) => {
    const lab = await openDoor(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    say(app, "web.1", "hello");
    const made = await lab.tcp("POST", SESSIONS, { body: { tail: true } });
    const { pathname, port } = new URL(made.body.logplex_url);
    assert.is(Number(port), lab.port);
    const reading = readUntil(lab.port, pathname, "never").then(
      () => "ended",
      () => "cut off",
    );
    const open = await lab.tcp("GET", pathname.replace(/.$/, "!"), { authorization: null });
    assert.is(open.status, 404);
    assert.match(await readUntil(lab.port, pathname, "hello\n"), "hello", "without a token");
    await lab.platform.tokens.revoke(lab.tokenId);
    assert.is(await reading, "cut off");
    assert.is((await lab.tcp("GET", pathname, { authorization: null })).status, 404);
  });

  test("a session is good for five minutes, and for those who read it a day", async (t) => {
    let now = 1_000_000;
    const clock = { now: () => now, sleep: () => Promise.resolve() };
    const tickets = new Tickets(`${await t.tempDir()}/ticket.key`);
    const minutes = (count: number): number => (now += count * 60_000);
    const order = {
      lines: 1,
      tail: true,
      ps: undefined,
      source: undefined,
      bearer: { credential: null, address: null },
    };
    const sessions = new LogSessions(clock, tickets);
    const { ticket } = await sessions.create({ id: "an-app" } as App, order);
    const isOpen = (of: LogSessions, isResumed: boolean): Promise<boolean> =>
      of.open(ticket, isResumed).then(
        () => true,
        () => false,
      );
    minutes(4);
    const session = await sessions.open(ticket, false);
    assert.equal([session.app, session.tail, session.ps], ["an-app", true, undefined]);
    sessions.entered(session);
    minutes(600);
    assert.equal([await isOpen(sessions, false), await isOpen(sessions, true)], [false, true], "while it is read");
    sessions.left(session);
    minutes(4);
    assert.ok(await isOpen(sessions, true));
    const restarted = new LogSessions(clock, tickets);
    minutes(2);
    assert.not.ok(await isOpen(sessions, true), "nobody has come back");
    assert.ok(await isOpen(restarted, true), "a new daemon does not know who has read it");
    minutes(6);
    assert.not.ok(await isOpen(restarted, true));
    const later = new LogSessions(clock, tickets);
    later.entered(session);
    minutes(24 * 60);
    assert.not.ok(await isOpen(later, true));
  });
});
