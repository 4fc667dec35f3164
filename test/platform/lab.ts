/** A platform in this process, in a temporary home: real git, real processes, a real router on a free port. Time is the
 *  machine's, except that a test may hold sleeps of one length. When the test ends every app is stopped, and a fault
 *  that the test did not expect fails it. */
import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { pickToolEnv } from "../../src/build/tool-env.ts";
import { inspectMachine } from "../../src/bin/inspect-machine.ts";
import { systemClock } from "../../src/bin/system-clock.ts";
import { LOCALHOST } from "../../src/core/base-domain.ts";
import type { Clock } from "../../src/core/clock.ts";
import { NO_ISOLATION } from "../../src/formation/isolation.ts";
import { LocalRuntime } from "../../src/formation/local-runtime.ts";
import { PortAllocator } from "../../src/formation/ports.ts";
import { openLedgerKey } from "../../src/ledger/ledger-key.ts";
import type { Actor } from "../../src/platform/actor.ts";
import type { App } from "../../src/platform/app.ts";
import { Home } from "../../src/platform/home.ts";
import { Platform } from "../../src/platform/platform.ts";
import { trafficOf } from "../../src/platform/wake.ts";
import { announcePush } from "../../src/platform/announce-push.ts";
import { receivePush, type RefReport } from "../../src/platform/receive-push.ts";
import { AddressGuard } from "../../src/outbound/address-guard.ts";
import { Trust } from "../../src/outbound/trust.ts";
import { Router } from "../../src/router/router.ts";
import type { DoctorLine } from "../../src/server/platform-routes.ts";
import type { TestContext } from "../support/suite.ts";

export const NED: Actor = { by: { name: "Ned", email: "ned@foobazco.com" }, via: "local" };
const ABSENT = "0".repeat(40);
const HOOKS_DIR = fileURLToPath(new URL("../../../hooks", import.meta.url));
const PATH = process.env["PATH"] ?? "/usr/bin:/bin";

/** Runs for ever, starts in no time, and needs no port. */
export const SLEEPER = { Procfile: "worker: exec sleep 600\n" };

export interface Lab {
  home: Home;
  platform: Platform;
  /** What the platform's own log would say. */
  notes: string[];
  /** Faults told so far; a test that expects some takes them. */
  takeFaults(): string[];
  close(options?: { apps: boolean }): Promise<void>;
  git(cwd: string, ...args: string[]): Promise<string>;
}

export interface LabOptions {
  root?: string;
  clock?: Clock;
  buildsMax?: number;
  /** Where webhooks may be sent besides. */
  networks?: readonly string[];
  /** By which name it is reached from elsewhere. */
  publicUrl?: string;
}

export async function openLab(t: TestContext, options: LabOptions = {}): Promise<Lab> {
  const clock = options.clock ?? systemClock;
  const home = await Home.open(options.root ?? (await t.tempDir()));
  const notes: string[] = [];
  let faults: string[] = [];
  let platform: Platform | undefined;
  const router = await Router.listen({
    host: "127.0.0.1",
    port: 0,
    clock,
    randomId: () => "id",
    onRequests: () => {},
    ...trafficOf(() => platform),
  });
  const opened = (platform = await Platform.open({
    home,
    clock,
    random: Math.random,
    journal: {
      note: (message) => void notes.push(message),
      fault: (during, error) =>
        void faults.push(`${during}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`),
    },
    router,
    apiUrl: "http://127.0.0.1:5001",
    publicUrl: options.publicUrl,
    accessSpools: () => new Set(),
    runtime: await LocalRuntime.open({ appsDirectory: home.apps, clock }),
    isolation: NO_ISOLATION,
    ports: new PortAllocator({ clock, random: Math.random }),
    signingKey: await openLedgerKey(home.signingKey),
    hooks: { dir: HOOKS_DIR, env: "A=1\n" },
    processPath: PATH,
    toolEnv: pickToolEnv({ PATH }),
    buildsMax: options.buildsMax ?? 2,
    outbound: {
      trust: new Trust(home.authoritiesFile, undefined),
      guard: new AddressGuard(options.networks),
      version: "1.2.3",
    },
    bases: [LOCALHOST],
  }));
  let closing: Promise<void> | undefined;
  const close = (how = { apps: true }): Promise<void> => (closing ??= opened.close(how).then(() => router.close()));
  t.after(async () => {
    await close();
    if (faults.length > 0) throw new Error(`Faults:\n${faults.join("\n")}`);
  });
  const takeFaults = (): string[] => {
    const taken = faults;
    faults = [];
    return taken;
  };
  return { home, platform: opened, notes, takeFaults, close, git: runGit };
}

/** What `doctor` says of the platform. */
export function inspect({ platform }: Lab): Promise<DoctorLine[]> {
  const router = { pid: process.pid, port: platform.router.port, version: "1.2.3", startedAt: 0 };
  return inspectMachine({ platform, client: "nc", router, version: "1.2.3" });
}

/** Git as a user would run it, with no configuration of this machine. */
export function runGit(cwd: string, ...args: string[]): Promise<string> {
  return feedGit(cwd, "", ...args);
}

function feedGit(cwd: string, input: string, ...args: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const env = {
      PATH,
      HOME: "/nonexistent",
      LC_ALL: "C",
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_AUTHOR_NAME: "Dev",
      GIT_AUTHOR_EMAIL: "dev@example.com",
      GIT_COMMITTER_NAME: "Dev",
      GIT_COMMITTER_EMAIL: "dev@example.com",
    };
    const child = execFile("git", args, { cwd, env }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout.trim());
      else reject(new Error(stderr, { cause: error }));
    });
    // A git that reads nothing may be gone already.
    child.stdin?.on("error", () => undefined).end(input);
  });
}

/** Makes a release by hand that the platform itself would never have written: its Procfile cannot be read. */
export async function spoilProcfile(repo: string): Promise<void> {
  const entries = (await runGit(repo, "ls-tree", "refs/heads/releases")).split("\n");
  const blob = await feedGit(repo, "no procfile\n", "hash-object", "-w", "--stdin");
  const spoiled = [...entries.filter((line) => !line.endsWith("\tProcfile")), `100644 blob ${blob}\tProcfile`];
  const tree = await feedGit(repo, `${spoiled.join("\n")}\n`, "mktree");
  const [head = "", code = ""] = (await runGit(repo, "rev-parse", "releases", "main")).split("\n");
  const version = `v${String(Number(/^v(\d+)/.exec(await runGit(repo, "log", "-1", "--format=%s", head))?.[1]) + 1)}`;
  const trailers = `Release: ${version}\nChange: config\nCode: ${code}\nStatus: succeeded\nVia: local\n`;
  const message = `${version}: Config add A\n\n${trailers}`;
  const commit = await feedGit(repo, message, "commit-tree", tree, "-p", head, "-p", code);
  await runGit(repo, "update-ref", "refs/heads/releases", commit);
}

/** Brings a code commit into the app's repository, upon the one that is deployed, as git does before it asks
 *  proc-receive. */
export async function bringCode(lab: Lab, app: App, files: Record<string, string>): Promise<string> {
  const deployed = await app.ledger.ref("refs/heads/main");
  const lines = [
    "commit refs/test/incoming\nmark :1\ncommitter Dev <dev@example.com> 1795419055 +0000\ndata 4\nCode\n",
    deployed === undefined ? "" : `from ${deployed}\n`,
    "deleteall\n",
    ...Object.entries(files).map(
      ([path, text]) => `M 100644 inline ${path}\ndata ${String(Buffer.byteLength(text))}\n${text}\n`,
    ),
    "get-mark :1\n",
  ];
  return feedGit(lab.home.repo(app.name), lines.join(""), "fast-import", "--quiet", "--force");
}

export interface PushOptions {
  ref?: string;
  /** The value that git told the pusher, when that is not the present one. */
  old?: string;
  /** Whether git's post-receive comes. */
  announced?: boolean;
  /** Whether the pusher is gone before the answer. */
  hasLeft?: boolean;
  /** Ned without one. */
  actor?: Actor;
}

/** The push of a commit, as the hooks tell of it. */
export async function pushCommit(
  lab: Lab,
  app: App,
  commit: string,
  { ref = "refs/heads/main", announced = true, hasLeft = false, old, actor = NED }: PushOptions = {},
): Promise<{ report: RefReport | undefined; shown: string }> {
  let shown = "";
  const output = (text: string): void => void (shown += text);
  const command = { ref, old: old ?? (await app.ledger.ref(ref)) ?? ABSENT, new: commit };
  const signal = hasLeft ? AbortSignal.abort() : new AbortController().signal;
  const [report] = await receivePush(lab.platform, app, { actor, commands: [command], output, signal });
  if (announced && report?.ok === true) await announcePush(lab.platform, app, [command], output);
  return { report, shown };
}

/** Resolves with the version of the deploy. */
export async function deploy(lab: Lab, app: App, files: Record<string, string> = SLEEPER): Promise<number> {
  const { report, shown } = await pushCommit(lab, app, await bringCode(lab, app, files));
  if (report?.ok !== true) throw new Error(`refused: ${JSON.stringify(report)}\n${shown}`);
  const version = (await app.ledger.head())?.version ?? 0;
  await until(() => app.launchedVersion === version);
  await app.formation.settled();
  return version;
}

/** Resolves when a line with this text is in the app's log. */
export async function untilLogged(app: App, text: string): Promise<void> {
  const found = new AbortController();
  let seen = "";
  for await (const { lines } of app.logs.tail({ lines: 1000 }, found.signal)) {
    seen += lines.toString();
    if (seen.includes(text)) found.abort();
  }
  if (!seen.includes(text)) throw new Error(`${JSON.stringify(text)} was never logged: ${seen}`);
}

/** Looks again every other millisecond, which leaves the processor to what is waited for; the test's own time limit ends
 *  a vain wait. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(2);
}

export async function logText(app: App): Promise<string> {
  await app.logs.flushed();
  return (await app.logs.query({}, 1000)).toString();
}

/** The machine's clock, but sleeps of `heldMs` last until the test lets them pass. */
export class HeldClock implements Clock {
  readonly #heldMs: number;
  readonly #held: (() => void)[] = [];

  constructor(heldMs: number) {
    this.#heldMs = heldMs;
  }

  now(): number {
    return systemClock.now();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (ms !== this.#heldMs) return systemClock.sleep(ms, signal);
    return new Promise((resolve) => {
      this.#held.push(resolve);
      signal?.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  get heldCount(): number {
    return this.#held.length;
  }

  letPass(): void {
    for (const wake of this.#held.splice(0)) wake();
  }
}
