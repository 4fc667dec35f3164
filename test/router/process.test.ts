/** Router processes as the daemon sees them: real ones, started, left alone, killed and replaced. */
import { readdir, readFile, rm } from "node:fs/promises";
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import { systemClock } from "../../src/bin/system-clock.ts";
import { RemoteRouter, type RemoteRouterOptions } from "../../src/router/remote-router.ts";
import type { AppRoute } from "../../src/router/route-table.ts";
import { untilSame } from "../support/converged.ts";
import { freePort, get } from "../support/http.ts";
import { processesOf } from "../support/platform.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { latch, web } from "./lab.ts";

const BIN = fileURLToPath(new URL("../../bin", import.meta.url));
const VERSION = (JSON.parse(await readFile("package.json", "utf8")) as { version: string }).version;

interface Stage {
  home: string;
  notes: string[];
  /** What a daemon does at its start. */
  open: (change?: Partial<RemoteRouterOptions>) => Promise<RemoteRouter>;
}

async function stage(t: TestContext): Promise<Stage> {
  const home = await t.tempDir();
  for (const directory of ["router", "apps/hello/router"]) await mkdir(join(home, directory), { recursive: true });
  const notes: string[] = [];
  const open: Stage["open"] = async (change = {}) => {
    const remote = await RemoteRouter.open({
      directory: join(home, "router"),
      home,
      program: { node: process.execPath, script: join(BIN, "routerd.js") },
      version: VERSION,
      output: join(home, "router.log"),
      clock: systemClock,
      ports: [0],
      isPortFixed: false,
      routes: () => Promise.resolve([]),
      onNote: (message) => void notes.push(message),
      onFault: (during, error) => void notes.push(`${during}: ${String(error)}`),
      settings: { baseDomains: ["localhost"], trustedProxies: [] },
      onEvent: () => undefined,
      onSpools: () => undefined,
      ...change,
    });
    t.after(() => remote.end());
    return remote;
  };
  t.after(async () => assert.equal(await processesOf(home), []));
  return { home, notes, open };
}

function up(app: string, ...backends: AppRoute["backends"]): AppRoute {
  return { app, domains: [], maintenance: false, state: "up", backends };
}

function held(app: string): AppRoute {
  return { app, domains: [], maintenance: false, state: "starting", backends: [] };
}

/** Paths of the requests in the router's own files. */
async function spooledPaths(home: string): Promise<string[]> {
  const directory = join(home, "apps", "hello", "router");
  const texts = await Promise.all(
    (await readdir(directory)).sort().map((name) => readFile(join(directory, name), "utf8")),
  );
  return [...texts.join("").matchAll(/^\d{16} at=info method=GET path="([^"]+)" .*\n/gm)].map(([, path]) => path ?? "");
}

/** The same program as a package of another version. */
async function otherVersion(
  t: TestContext,
  version: string,
): Promise<Pick<RemoteRouterOptions, "program" | "version">> {
  const root = await t.tempDir();
  const bin = join(root, "dist", "bin");
  await cp(BIN, bin, {
    recursive: true,
    filter: (path) => path === BIN || /\/(routerd[^/]*|package\.json)$/.test(path),
  });
  const script = join(bin, "routerd.js");
  await writeFile(join(root, "package.json"), JSON.stringify({ version }));
  return { program: { node: process.execPath, script }, version };
}

describe("router process", (test) => {
  test("serves on by its table while no daemon is there, and holds what waits for the next one", async (t) => {
    const { open } = await stage(t);
    const backend = await web(t, (_, response) => response.end("hi"));
    const first = await open();
    for (const route of [up("hello", backend), held("waits"), up("gone", backend)]) await first.setApp(route);
    first.close();
    assert.is((await get(first.port, "hello")).body, "hi");
    const waiting = get(first.port, "waits");
    const second = await open({ routes: () => Promise.reject(new Error("nothing is to be started")) });
    assert.is(second.about.pid, first.about.pid);
    await second.setApp(up("waits", backend));
    assert.is((await waiting).body, "hi");
    await second.keepApps(["hello", "waits"]);
    assert.is((await get(second.port, "gone")).status, 404);
    await second.removeApp("waits");
    assert.is((await get(second.port, "waits")).status, 404);
    assert.is((await get(second.port, "hello")).body, "hi");
  });

  test("killed: every answered request has its line, and another one serves the same port by the same table", async (t) => {
    const [mine, other] = [await stage(t), await stage(t)];
    const backend = await web(t, (_, response) => response.end("hi"));
    const [remote, neighbour] = [await mine.open(), await other.open()];
    for (const one of [remote, neighbour]) await one.setApp(up("hello", backend));
    const paths = Array.from({ length: 50 }, (_, number) => `/${String(number)}`);
    await Promise.all(paths.map((path) => get(remote.port, "hello", path)));
    const { pid, port } = remote.about;
    process.kill(pid, "SIGKILL");
    assert.equal((await spooledPaths(mine.home)).sort(), paths.toSorted());
    await untilSame(true, () => Promise.resolve(mine.notes.at(-1)?.startsWith("a router serves again") === true));
    assert.is.not(remote.about.pid, pid);
    assert.is(remote.port, port);
    assert.is((await get(port, "hello")).body, "hi");
    assert.match(mine.notes[0] ?? "", `the router (pid ${String(pid)}) has ended unasked`);
    assert.is((await get(neighbour.port, "hello")).body, "hi");
    assert.equal(other.notes, []);
    assert.equal((await readdir(join(mine.home, "router"))).length, 1);
  });

  test("of another version: replaced without a gap, and the old one finishes what it has", async (t) => {
    const { home, notes, open } = await stage(t);
    const arrived = latch();
    const finish = latch();
    const backend = await web(t, (request, response) => {
      if (request.url !== "/slow") response.end("hi");
      else void finish.opened.then(() => response.end("slow"));
      if (request.url === "/slow") arrived.open();
    });
    const first = await open();
    await first.setApp(up("hello", backend));
    const slow = get(first.port, "hello", "/slow");
    await arrived.opened;
    first.close();
    const second = await open(await otherVersion(t, "9.9.9"));
    assert.is(second.about.version, "9.9.9");
    assert.is(second.port, first.port);
    assert.is.not(second.about.pid, first.about.pid);
    assert.equal(notes, [`the router was version ${VERSION} and is 9.9.9`]);
    assert.is((await get(second.port, "hello", "/new")).body, "hi");
    // The request that is under way in the old process counts.
    assert.is(await second.drained(backend, 20), false);
    assert.is(second.spools.size, 2);
    finish.open();
    const { body, headers } = await slow;
    assert.equal([body, headers["connection"]], ["slow", "close"]);
    assert.is(await second.drained(backend, 60_000), true);
    await untilSame(1, () => Promise.resolve(second.spools.size));
    assert.equal((await spooledPaths(home)).sort(), ["/new", "/slow"]);
  });

  test("replaced with nothing to do: the old one ends, and nobody takes that for a death", async (t) => {
    const { home, notes, open } = await stage(t);
    const remote = await open();
    const { pid } = remote.about;
    await remote.replace();
    await untilSame(1, async () => (await processesOf(home)).length);
    assert.is.not(remote.about.pid, pid);
    assert.is((await get(remote.port, "nothing")).status, 404);
    assert.equal(notes, []);
  });

  test("one that cannot be replaced goes on", async (t) => {
    const { open } = await stage(t);
    const remote = await open();
    await remote.setApp(held("hello"));
    const missing = await open({ program: { node: process.execPath, script: "/nowhere/routerd.js" } });
    const error = await missing.replace().catch((reason: unknown) => reason);
    assert.match(String(error), "The new router ended (1)");
    assert.is((await get(remote.port, "nothing")).status, 404);
  });

  test("another port is asked for: a new one takes over there", async (t) => {
    const { home, open } = await stage(t);
    const backend = await web(t, (_, response) => response.end("hi"));
    const first = await open();
    await first.setApp(up("hello", backend));
    first.close();
    const port = await freePort();
    const second = await open({ ports: [port], isPortFixed: true, routes: () => Promise.resolve([held("hello")]) });
    assert.is((await get(port, "hello")).body, "hi");
    assert.is(second.port, port);
    await untilSame(1, async () => (await processesOf(home)).length);
  });

  test("its home is removed: it ends by itself, unless a daemon is there", async (t) => {
    const { home, open } = await stage(t);
    const remote = await open();
    await rm(home, { recursive: true });
    await remote.setApp(held("hello"));
    assert.is((await get(remote.port, "nothing")).status, 404);
    const { pid } = remote.about;
    remote.close();
    await untilSame(false, () => Promise.resolve(isAlive(pid)));
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
