/** Every code of Heroku's that occurs here, provoked by a small app: through the real router, real processes, the real log.
 *  The rules are tested where they are made (test/router, test/formation); here it is that they reach the app's log. */
import { execFile, spawnSync } from "node:child_process";
import { chmod, readdir, writeFile } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import { connect, type AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import * as assert from "uvu/assert";
import type { PlatformClient } from "../../src/api/platform-client.ts";
import { ERROR_NAMES } from "../../src/core/error-codes.ts";
import { FAILURES } from "../../src/router/failure.ts";
import { MISSING_PROC } from "../formation/support.ts";
import { RawClient } from "../router/lab.ts";
import { cloneFixture, must, platformClient } from "../support/deploy.ts";
import { get, type Answer } from "../support/http.ts";
import { eachStoredLine } from "../support/log-files.ts";
import { borrowPlatform, startPlatform, type TestPlatform } from "../support/platform.ts";
import { poll } from "../support/poll.ts";
import { describe, type TestContext } from "../support/suite.ts";

const run = promisify(execFile);
const APP = "faults";
const LIMITABLE = spawnSync("prlimit", ["--version"]).status === 0 ? undefined : "prlimit";
const CODES = Object.keys({ ...FAILURES, ...ERROR_NAMES });

/** What the app asks before it listens. */
class Gate {
  readonly url: string;
  #isOpen = false;
  readonly #waiting: ServerResponse[] = [];

  private constructor(server: Server) {
    this.url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
    server.on("request", (_, response) => (this.#isOpen ? response.end() : this.#waiting.push(response)));
  }

  static async make(t: TestContext): Promise<Gate> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => {
      server.close();
      server.closeAllConnections();
    });
    return new Gate(server);
  }

  open(): void {
    this.#isOpen = true;
    for (const response of this.#waiting.splice(0)) response.end();
  }

  shut(): void {
    this.#isOpen = false;
  }
}

/** The app, and who visits it. */
class Stage {
  readonly platform: TestPlatform;
  readonly client: PlatformClient;
  readonly gate: Gate;
  readonly clone: string;
  readonly #t: TestContext;

  private constructor(t: TestContext, platform: TestPlatform, gate: Gate, clone: string) {
    this.platform = platform;
    this.client = platformClient(platform);
    this.gate = gate;
    this.clone = clone;
    this.#t = t;
  }

  /** The app is there, its code not yet. */
  static async set(t: TestContext, platform: TestPlatform): Promise<Stage> {
    const clone = await cloneFixture(platform, APP);
    await must(platform, clone, "heroku", "create", APP);
    const stage = new Stage(t, platform, await Gate.make(t), clone);
    await stage.client.changeConfig(APP, { GATE: stage.gate.url });
    return stage;
  }

  async push(): Promise<void> {
    await must(this.platform, this.clone, "push", "-q", "production", "main");
  }

  get(path: string): Promise<Answer> {
    return get(this.platform.routerPort, APP, `/${path}`);
  }

  /** Asks until the answer says so. */
  until(path: string, text: string): Promise<true> {
    return poll(async () => ((await this.get(path).catch(() => undefined))?.body.includes(text) ? true : undefined));
  }

  /** Resolves when another process serves, and the one before is gone. */
  async restart(): Promise<void> {
    const pids = async (): Promise<unknown[]> =>
      (await this.client.dynos(APP, true)).map(({ state, extended }) => (state === "up" ? extended?.pid : undefined));
    const before = await pids();
    await this.client.restartAll(APP);
    await poll(async () => {
      const [pid, ...others] = await pids();
      return pid !== undefined && others.length === 0 && !before.includes(pid) ? true : undefined;
    });
    await this.until("", "served");
  }

  /** A connection of its own, on which this is written. */
  dial(path: string, { method = "GET", fields = "" } = {}): RawClient {
    const head = `${method} /${path} HTTP/1.1\r\nHost: ${APP}.localhost\r\n${fields}\r\n`;
    return new RawClient(this.#t, connect(this.platform.routerPort, "127.0.0.1"), head);
  }

  /** With these settings; afterwards they are as before. */
  async with(settings: Record<string, string>, act: () => Promise<unknown>): Promise<void> {
    await this.client.changeSettings(APP, settings);
    await act();
    await this.client.changeSettings(APP, Object.fromEntries(Object.keys(settings).map((name) => [name, null])));
  }

  /** The page says it. */
  async meets(code: string, path = code): Promise<void> {
    assert.match((await this.get(path)).body, `code=${code}`);
  }

  /** Resolves when each of them is in the app's log, those of requests in the line of a request for just that. */
  logged(codes: readonly string[]): Promise<true> {
    return poll(async () => {
      const missing = new Set(codes);
      await eachStoredLine(this.platform, APP, ({ ps, msg }) => {
        const code = ps === "router" ? / code=(H\d+) .* path="\/\1"/.exec(msg)?.[1] : /^Error ([RL]\d+)/.exec(msg)?.[1];
        if (code !== undefined) missing.delete(code);
      });
      return missing.size === 0 ? true : undefined;
    });
  }
}

describe("error codes", (test) => {
  const common = test.shared((t) => startPlatform(t, { GIT_HEROKU_ROUTER_LIMITS: "drain=50ms" }));

  test.needing(LIMITABLE, "H: each failure of a request", async (t) => {
    const stage = await Stage.set(t, await borrowPlatform(t, common));
    await withoutProcess(stage);
    await brokenAnswers(stage);
    await limits(stage);
    await platformFaults(stage);
    await unreachable(stage);
    await stage.client.scale(APP, [{ type: "web", quantity: "0" }]);
    await stage.until("H14", "code=H14");
    await stage.logged(CODES.filter((code) => code.startsWith("H")));
  });

  test.needing(MISSING_PROC, "R: each failure of a process", async (t) => {
    const stage = await Stage.set(t, await borrowPlatform(t, common));
    await stage.client.changeSettings(APP, { "restart-policy": "never" });
    await stage.with({ "boot-timeout": "50ms" }, async () => {
      await stage.push();
      await stage.logged(["R10"]);
    });
    stage.gate.open();
    await stage.restart();
    await memory(stage);
    await attached(stage);
    await stubborn(stage);
    await damaged(stage);
    await stage.logged(CODES.filter((code) => code.startsWith("R")));
  });
});

/** Before there is a process that listens. */
async function withoutProcess(stage: Stage): Promise<void> {
  await stage.meets("H81");
  await stage.client.changeSettings(APP, { "boot-wait": "50ms" });
  await stage.push();
  await stage.meets("H20");
  await stage.client.changeSettings(APP, { "boot-wait": null, "max-backlog": "1" });
  const both = [stage.get("H11"), stage.get("H11")];
  assert.match((await Promise.race(both)).body, "code=H11");
  stage.gate.open();
  const bodies = (await Promise.all(both)).map(({ body }) => body);
  assert.equal(bodies.filter((body) => body.startsWith("served")).length, 1, bodies.join());
}

async function brokenAnswers(stage: Stage): Promise<void> {
  for (const code of ["H13", "H17", "H23", "H25"]) await stage.meets(code);
  const cut = await stage.dial("H18").all();
  assert.ok(cut.endsWith("half"), cut);
  assert.match(await stage.dial("H26", { fields: "Expect: more\r\nConnection: close\r\n" }).all(), "417");
  const impatient = stage.dial("H27");
  await impatient.until("half");
  impatient.socket.destroy();
  await stage.client.setMaintenance(APP, true);
  await stage.meets("H80");
  await stage.client.setMaintenance(APP, false);
}

async function limits(stage: Stage): Promise<void> {
  await stage.with({ "request-timeout": "50ms" }, () => stage.meets("H12"));
  await stage.with({ "idle-timeout": "50ms" }, async () => {
    const upload = stage.dial("H28", { method: "POST", fields: "Content-Length: 100\r\n" });
    assert.ok((await stage.dial("H15").all()).endsWith("half"));
    await upload.all();
  });
  await stage.with({ "max-connections": "1" }, async () => {
    const only = stage.dial("H22");
    await only.until("half");
    await stage.meets("H22");
    only.socket.destroy();
  });
}

/** The router itself is at an end of something: of file descriptors, or of its life. */
async function platformFaults(stage: Stage): Promise<void> {
  const { client } = stage;
  const kept = stage.dial("");
  await kept.until("served");
  const { pid } = (await client.platform()).router;
  const limit = (...words: string[]): Promise<{ stdout: string }> => run("prlimit", ["--pid", String(pid), ...words]);
  const { stdout } = await limit("--nofile", "--noheadings", "--output=SOFT");
  await limit("--nofile=1:");
  kept.socket.write(`GET /H99 HTTP/1.1\r\nHost: ${APP}.localhost\r\nConnection: close\r\n\r\n`);
  assert.match(await kept.all(), "code=H99");
  await limit(`--nofile=${stdout.trim()}:`);
  const held = stage.dial("H24");
  await held.until("half");
  await client.replaceRouter();
  assert.ok((await held.all()).endsWith("half"));
  await stage.until("", "served");
}

/** Up, as far as the platform knows. */
async function unreachable(stage: Stage): Promise<void> {
  const { client } = stage;
  await client.changeSettings(APP, { "restart-policy": "never", "exit-timeout": "50ms" });
  await stage.get("unlisten");
  await stage.meets("H21");
  await stage.restart();
  // Long enough for the connection that is made: a router that was not run meanwhile sees the time before the connection.
  await stage.with({ "connect-timeout": "1s" }, async () => {
    assert.is((await stage.get("deaf")).body, "deaf");
    await stage.meets("H19");
  });
  await stage.restart();
  await stage.get("exit");
  await stage.until("H10", "code=H10");
}

async function memory(stage: Stage): Promise<void> {
  const { client } = stage;
  await stage.get("eat");
  await client.changeSettings(APP, { "memory-check": "20ms" });
  await client.setLimits(APP, "web", { memory: "100MB" });
  await stage.logged(["R14"]);
  await client.setLimits(APP, "web", { memory: "50MB" });
  await stage.logged(["R15"]);
  await client.setLimits(APP, "web", { memory: null });
  await stage.restart();
}

/** One-off processes and who is to be attached to them. */
async function attached(stage: Stage): Promise<void> {
  const { client } = stage;
  await client.changeSettings(APP, { "run-attach": "50ms", "run-hangup": "20ms" });
  const unwanted = { command: "exec sleep 600", attach: true, door: "upgrade" };
  await client.runDetached(APP, unwanted);
  await stage.logged(["R13"]);
  await client.changeSettings(APP, { "run-attach": null });
  const command = "trap '' HUP; echo deaf to it; exec sleep 600";
  const { connection } = await client.runAttached(APP, { command, force_no_tty: true });
  for await (const chunk of connection) if (String(chunk).includes("deaf to it")) break;
  connection.destroy();
  await stage.logged(["R16"]);
}

async function stubborn(stage: Stage): Promise<void> {
  await stage.client.changeSettings(APP, { "exit-timeout": "50ms" });
  await stage.get("deaf");
  await stage.client.restartAll(APP);
  await stage.logged(["R12"]);
}

/** Somebody edits what was built. */
async function damaged(stage: Stage): Promise<void> {
  const slugs = join(stage.platform.home, "apps", APP, "slugs");
  const paths = await readdir(slugs, { recursive: true });
  for (const path of paths.filter((name) => name.endsWith("web.js"))) {
    await chmod(join(slugs, path), 0o644);
    await writeFile(join(slugs, path), "changed by hand\n");
  }
  await stage.client.changeConfig(APP, { MODE: "new" });
  await stage.logged(["R17"]);
}
