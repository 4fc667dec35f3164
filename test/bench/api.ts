/** The Platform API over TCP, with a token, beside a bare node:http server that answers the same bytes. Server and load
 *  have a core each. wrk counts answers; ab tells how long they take: wrk counts a client that waits to be connected many
 *  times over, and of a hundred that come at once some do. Needs wrk, ab and taskset. */
import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { deployFixture, makeConfigReleases, must } from "../support/deploy.ts";
import { startPlatform, untilGone, type TestPlatform } from "../support/platform.ts";
import type { TestContext } from "../support/suite.ts";
import { median, times, withContext, type Row } from "./measure.ts";

const run = promisify(execFile);
const ROUNDS = 5;
const SECONDS = 2;
const CLIENTS = 16;
const MANY_CLIENTS = 100;
/** So many that the hundred first ones, each with its connection, are one in two hundred. */
const REQUESTS = 20_000;
const RELEASES = 20;
const APP = "foobaz";

/** Sends a file's bytes to whoever asks, and prints its port. */
const BARE = `
const body = require("node:fs").readFileSync(process.argv[1]);
const headers = { "content-type": "application/json; charset=utf-8", "content-length": body.length };
const server = require("node:http").createServer((request, response) => response.writeHead(200, headers).end(body));
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
`;

interface Target {
  /** For files of what asks. */
  directory: string;
  url: string;
  headers: string[];
}

export async function benchApi(): Promise<Row[]> {
  if (["wrk", "ab", "taskset"].some((tool) => spawnSync("which", [tool]).status !== 0)) return [missing()];
  return withContext(async (t) => {
    const platform = await startPlatform(t, { GIT_HEROKU_API_CALLS: "off" });
    const clone = await deployFixture(platform, "hello", APP);
    await makeConfigReleases(platform, APP, RELEASES);
    spawnSync("taskset", ["-acp", "0", String(platform.pid)]);
    const token = await must(platform, clone, "heroku", "tokens:create");
    const rows: Row[] = [];
    for (const [path, range] of [
      ["releases", "version ..; max=15, order=desc"],
      ["dynos", ""],
    ] as const) {
      const headers = [`Authorization: Bearer ${token}`, "Accept: application/vnd.heroku+json; version=3.sdk"];
      if (range !== "") headers.push(`Range: ${range}`);
      const directory = await t.tempDir();
      const ours = { directory, url: `${await apiUrl(platform)}/apps/${APP}/${path}`, headers };
      const bare = { ...ours, url: await serveBytes(t, await bytesOf(ours), path) };
      rows.push(...(await compare(`GET ${path}`, ours, bare)));
    }
    return rows;
  });
}

async function compare(what: string, ours: Target, bare: Target): Promise<Row[]> {
  const [rate, bareRate] = await inTurns(ours, bare, perSecond);
  const [slow, bareSlow] = await inTurns(ours, bare, percentile99);
  return [
    {
      what: `${what}, requests a second`,
      ours: rate.toFixed(0),
      peer: `${bareRate.toFixed(0)} node:http`,
      ratio: times(rate, bareRate),
      limit: "at least 0.4 ×",
    },
    {
      what: `${what}, 99th percentile of ${String(MANY_CLIENTS)} clients`,
      ours: `${slow.toFixed(1)} ms`,
      peer: `${bareSlow.toFixed(1)} ms node:http`,
      ratio: times(slow, bareSlow),
      limit: "3 ×",
    },
  ];
}

/** Medians; the first round is not counted. */
async function inTurns(
  ours: Target,
  bare: Target,
  figure: (target: Target) => Promise<number>,
): Promise<[number, number]> {
  const found: [number[], number[]] = [[], []];
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const [index, target] of [ours, bare].entries()) {
      const value = await figure(target);
      if (round > 0) found[index === 0 ? 0 : 1].push(value);
    }
  }
  return [median(found[0]), median(found[1])];
}

async function perSecond(target: Target): Promise<number> {
  const shape = ["-t1", `-c${String(CLIENTS)}`, `-d${String(SECONDS)}`];
  const { stdout } = await run("taskset", ["-c", "1", "wrk", ...shape, ...asked(target)]);
  if (/Non-2xx|Socket errors/.test(stdout)) throw new Error(stdout);
  return Number(/Requests\/sec: +([\d.]+)/.exec(stdout)?.[1]);
}

/** In milliseconds. */
async function percentile99(target: Target): Promise<number> {
  const table = join(target.directory, "percentiles.csv");
  const shape = ["-k", "-q", "-c", String(MANY_CLIENTS), "-n", String(REQUESTS), "-e", table];
  const { stdout } = await run("taskset", ["-c", "1", "ab", ...shape, ...asked(target)]);
  if (/Non-2xx/.test(stdout) || !/^Failed requests: +0$/m.test(stdout)) throw new Error(stdout);
  return Number(/^99,([\d.]+)$/m.exec(await readFile(table, "utf8"))?.[1]);
}

function asked({ url, headers }: Target): string[] {
  return [...headers.flatMap((header) => ["-H", header]), url];
}

async function bytesOf(target: Target): Promise<string> {
  const file = join(target.directory, "body");
  const { stdout } = await run("curl", ["-sSf", ...asked(target)]);
  await writeFile(file, stdout);
  return file;
}

async function serveBytes(t: TestContext, file: string, path: string): Promise<string> {
  const child = spawn("taskset", ["-c", "0", process.execPath, "-e", BARE, file], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(async () => {
    child.kill();
    await untilGone(child.pid ?? 0);
  });
  const [line] = (await once(child.stdout, "data")) as [Buffer];
  return `http://127.0.0.1:${line.toString().trim()}/${path}`;
}

async function apiUrl({ home }: TestPlatform): Promise<string> {
  return (JSON.parse(await readFile(join(home, "server.json"), "utf8")) as { api: string }).api;
}

function missing(): Row {
  return { what: "API over TCP", ours: "needs wrk, ab and taskset", peer: "", ratio: "", limit: "" };
}
