/** The recorded log `fixtures/logs/20110620T090000.000000Z.ndjson`: 40 minutes of an app whose release v75 made it slower
 *  and brought an error. Made by chance with a fixed seed, so that it can be made again to the byte: `UPDATE=1 npm test --
 *  log-corpus`. */
import { formatLogLine, formatStamp, type NewLogLine } from "../../src/core/log-line.ts";

export const CORPUS = "20110620T090000.000000Z.ndjson";

const BEGIN_US = Date.UTC(2011, 5, 20, 9) * 1000;
const SECOND_US = 1_000_000;
const MINUTE_US = 60 * SECOND_US;
const DEPLOY_AT = 20 * MINUTE_US;
const END_AT = 40 * MINUTE_US;

interface Timed extends NewLogLine {
  at: number;
}

/** Park and Miller's generator: numbers from 0 up to 1. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

export function makeCorpus(): string {
  const random = chance(20_110_620);
  const lines = [...platformLines(), ...requestLines(random), ...processLines(random), ...errorLines(random)];
  const sorted = lines.sort((a, b) => a.at - b.at);
  return sorted.map(({ at, ...line }) => `${formatLogLine({ ts: formatStamp(BEGIN_US + at), ...line })}\n`).join("");
}

const api = (at: number, msg: string): Timed => ({
  at,
  ps: "api",
  source: "heroku",
  msg: `${msg} by ned@foobazco.com`,
});
const start = (at: number, ps: string, release: number): Timed[] => [
  { at, ps, source: "heroku", release, msg: "Starting process with command: `node web.js`" },
  { at: at + 900_000, ps, source: "app", release, msg: `Listening on ${ps === "web.1" ? "5000" : "5001"}` },
  { at: at + 900_500, ps, source: "heroku", release, msg: "State changed from starting to up" },
];

function platformLines(): Timed[] {
  return [
    api(0, "Deploy 20a5742"),
    api(1_000, "Release v74 created"),
    ...start(2 * SECOND_US, "web.1", 74),
    ...start(2 * SECOND_US + 10, "web.2", 74),
    {
      at: DEPLOY_AT - 20 * SECOND_US,
      ps: "build",
      source: "heroku",
      msg: "Build of 7f3c01b started by ned@foobazco.com",
    },
    { at: DEPLOY_AT - SECOND_US, ps: "build", source: "heroku", msg: "Build of 7f3c01b succeeded" },
    api(DEPLOY_AT, "Deploy 7f3c01b"),
    api(DEPLOY_AT + 1_000, "Release v75 created"),
    ...start(DEPLOY_AT + 2 * SECOND_US, "web.1", 75),
    ...start(DEPLOY_AT + 2 * SECOND_US + 10, "web.2", 75),
    { at: 31 * MINUTE_US, ps: "run.7", source: "app", release: 75, msg: "rake db:migrate: 3 migrations, 日本語 ok" },
    { at: 31 * MINUTE_US + 700_000, ps: "run.7", source: "app", release: 75, msg: "\u001b[32mdone\u001b[0m in 0.7s" },
    { at: 31 * MINUTE_US + 701_000, ps: "run.7", source: "heroku", release: 75, msg: "Process exited with status 0" },
    {
      at: END_AT,
      ps: "web.2",
      source: "heroku",
      release: 75,
      level: "error",
      msg: "Error R15 (Memory quota vastly exceeded)",
    },
  ];
}

function requestLines(random: () => number): Timed[] {
  const lines: Timed[] = [];
  for (let at = 4 * SECOND_US; at < END_AT; at += Math.round((3 + random() * 4) * SECOND_US)) {
    const isNew = at > DEPLOY_AT + 4 * SECOND_US;
    const path = pathOf(random);
    const isLost = isNew && random() < 0.04;
    const usual = Math.round(8 + 40 * random() ** 3 + (path.startsWith("/orders") ? 20 : 0));
    const service = isLost ? 30_000 : Math.round(usual * (isNew ? 3.2 : 1) + (random() < 0.02 ? 400 : 0));
    const status = isLost ? 503 : statusOf(path, isNew, random());
    const outcome = isLost ? 'at=error code=H12 desc="Request timeout"' : "at=info";
    const dyno = random() < 0.5 ? "web.1" : "web.2";
    const id = uuid(random);
    const msg =
      `${outcome} method=GET path="${path}" host=foobaz.localhost request_id=${id} fwd="192.0.2.${String(Math.floor(random() * 250))}"` +
      ` dyno=${dyno} connect=1ms service=${String(service)}ms status=${String(status)} bytes=${isLost ? "0" : String(Math.round(random() * 9000))} protocol=http`;
    lines.push({ at: at + service * 1000, ps: "router", source: "heroku", msg });
  }
  return lines.filter(({ at }) => at < END_AT);
}

function pathOf(random: () => number): string {
  const share = random();
  if (share < 0.45) return `/orders/${String(Math.floor(random() * 5000))}`;
  if (share < 0.6) return `/carts/${uuid(random)}`;
  if (share < 0.75) return `/search?q=${hex(random, 5)}`;
  if (share < 0.8) return "/missing";
  return "/";
}

function statusOf(path: string, isNew: boolean, share: number): number {
  if (path === "/missing") return 404;
  return isNew && path.startsWith("/orders") && share < 0.1 ? 500 : 200;
}

function processLines(random: () => number): Timed[] {
  const lines: Timed[] = [];
  for (let at = 5 * SECOND_US; at < END_AT; at += Math.round((6 + random() * 8) * SECOND_US)) {
    const release = at > DEPLOY_AT + 3 * SECOND_US ? 75 : 74;
    const share = random();
    const job = String(Math.floor(random() * 10_000));
    if (share < 0.4)
      lines.push({
        at,
        ps: "worker.1",
        source: "app",
        release,
        level: "info",
        msg: `level=info msg="job done" job=${job}`,
      });
    else if (share < 0.5)
      lines.push({
        at,
        ps: "worker.1",
        source: "app",
        release,
        level: "warning",
        msg: `[warn] queue is long: ${job} jobs`,
      });
    else if (share < 0.7) lines.push({ at, ps: "clock.1", source: "app", release, msg: `tick ${job} for Zoë` });
    else lines.push({ at, ps: share < 0.85 ? "web.1" : "web.2", source: "app", release, msg: `GET /orders/${job}` });
  }
  return lines;
}

/** Of the two releases, one kind each; one that both have; one of Python, and one within JSON. */
function errorLines(random: () => number): Timed[] {
  const lines: Timed[] = [];
  const say = (at: number, texts: string[], { level, ...origin }: Pick<Timed, "ps" | "release" | "level">): void => {
    for (const [index, msg] of texts.entries())
      lines.push({
        at: at + index,
        ...origin,
        source: "app",
        ...(index === 0 && level !== undefined && { level }),
        msg,
      });
  };
  for (let index = 0; index < 6; index += 1) {
    const port = String(30_000 + Math.floor(random() * 9_000));
    const at = (3 + index * 6) * MINUTE_US;
    const trace = ["    at TCPConnectWrap.afterConnect [as oncomplete] (node:net:1494:16)"];
    const text = `Error: connect ECONNREFUSED 10.0.0.7:${port}`;
    say(at, [text, ...trace], { ps: "worker.1", release: releaseAt(at), level: "error" });
  }
  for (let index = 0; index < 9; index += 1) {
    const order = String(Math.floor(random() * 5000));
    const text = `TypeError: Cannot read properties of undefined (reading 'total') in order ${order}`;
    const frame = `    at orders (/app/orders.js:${String(17 + (index % 2))}:21)`;
    const trace = [frame, "    at handle (/app/web.js:8:5)", "    at Server.emit (node:events:524:28)"];
    const ps = index % 3 === 0 ? "web.2" : "web.1";
    say(DEPLOY_AT + (1 + index * 2) * MINUTE_US + index, [text, ...trace], { ps, release: 75 });
  }
  for (const minute of [8, 14]) {
    const trace = ['  File "/app/jobs.py", line 88, in run', '  File "/app/mail.py", line 12, in send'];
    const text = `KeyError: '${hex(random, 12)}'`;
    say(minute * MINUTE_US, ["Traceback (most recent call last):", ...trace, text], { ps: "worker.1", release: 74 });
  }
  for (const minute of [12, 33]) {
    const at = minute * MINUTE_US + 1;
    const err = { message: `timeout after ${String(minute)}s` };
    const text = JSON.stringify({ level: 50, msg: "cannot charge card", card: hex(random, 16), err });
    say(at, [text], { ps: "web.1", release: releaseAt(at), level: "error" });
  }
  return lines;
}

function releaseAt(at: number): number {
  return at > DEPLOY_AT ? 75 : 74;
}

function uuid(random: () => number): string {
  return `${hex(random, 8)}-${hex(random, 4)}-4${hex(random, 3)}-a${hex(random, 3)}-${hex(random, 12)}`;
}

function hex(random: () => number, length: number): string {
  return Array.from({ length }, () => Math.floor(random() * 16).toString(16)).join("");
}
