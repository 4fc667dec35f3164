/** Runs real processes at one level of isolation and reports what they saw and what was left of them. As a program it does
 *  so for another user: arguments are the directory and what is left out, the report is JSON. */
import { randomInt, randomUUID } from "node:crypto";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Confinement } from "../../src/formation/isolation.ts";
import { LocalRuntime } from "../../src/formation/local-runtime.ts";
import { probeIsolation } from "../../src/formation/probe-isolation.ts";
import type { ProbeOptions } from "../../src/formation/probe-isolation.ts";
import type { StartSpec } from "../../src/formation/runtime.ts";
import { poll } from "../support/poll.ts";
import { PATH, realClock, says } from "./support.ts";

// As the daemon has it.
process.umask(0o077);

export type Without = NonNullable<ProbeOptions["without"]>;

export interface Report {
  /** What a process found, by question. */
  seen: Record<string, string>;
  /** Of one that ends by itself, of one that has a handler for SIGTERM, of one killed by it. */
  statuses: (number | null | undefined)[];
  /** Lines written by the handler. */
  handled: number;
  /** Daemons of the old school, without its session or environment, that outlived the process that made them. */
  escaped: number;
  /** In the slug and its layer afterwards. */
  slug: string;
  /** In the directory of runs afterwards. */
  left: string[];
}

const LOOK = `
cat "$SECRET" >/dev/null 2>&1 && echo secret=seen || echo secret=hidden
ls "$OTHER" >/dev/null 2>&1 && echo other=seen || echo other=hidden
set -- /proc/[0-9]*; [ $# -lt 9 ] && echo processes=own || echo processes=all
echo mine >/tmp/$MARK && echo tmp=writable
touch /usr/$MARK 2>/dev/null && echo usr=writable || echo usr=read-only
[ "$HOME" = "$PWD" ] && echo home=here
[ -e /app/file ] && echo app=there || echo app=none
echo changed 2>/dev/null >>file && echo new >other && echo directory=writable || echo directory=read-only
echo file=$(head -1 file)
echo layer=$(head -1 lib/part)
echo changed 2>/dev/null >>lib/part
echo uid=$(id -u)
rm -f /tmp/$MARK /usr/$MARK
exit 7`;

const HANDLER = `trap 'echo handled; exit 5' TERM; echo ready; while :; do sleep 0.01; done`;

export class IsolationLab {
  readonly runtime: LocalRuntime;
  readonly slug: string;
  readonly #directory: string;
  readonly mark = `86400.${String(randomInt(1e8, 1e9))}`;

  static async open(directory: string, without: Without): Promise<IsolationLab> {
    const appsDirectory = join(directory, "apps");
    const isolation = await probeIsolation({ clock: realClock, appsDirectory, platformHome: directory, without });
    const runtime = await LocalRuntime.open({ appsDirectory, clock: realClock, sweepMs: 50, isolation });
    const lab = new IsolationLab(directory, runtime);
    await mkdir(lab.slug, { recursive: true });
    await writeFile(join(directory, "secret"), "hunter2\n");
    await writeFile(join(lab.slug, "file"), "as built\n", { mode: 0o444, flag: "wx" }).catch(() => undefined);
    await lab.#makeLayer();
    return lab;
  }

  private constructor(directory: string, runtime: LocalRuntime) {
    this.#directory = directory;
    this.runtime = runtime;
    this.slug = join(directory, "apps", "foobaz", "slugs", "one");
  }

  /** As the build makes one. */
  async #makeLayer(): Promise<void> {
    await mkdir(join(this.slug, "lib"), { recursive: true });
    await mkdir(join(this.layer, "lib"), { recursive: true });
    await writeFile(join(this.layer, "lib", "part"), "as built\n", { mode: 0o444, flag: "wx" }).catch(() => undefined);
    await mkdir(join(this.slug, "..", "layers"), { recursive: true });
    await symlink("../../layer/app", join(this.slug, "..", "layers", "one")).catch(() => undefined);
  }

  async #built(): Promise<string> {
    const files = [join(this.slug, "file"), join(this.layer, "lib", "part")];
    return (await Promise.all(files.map((file) => readFile(file, "utf8")))).join("");
  }

  get layer(): string {
    return join(this.#directory, "apps", "foobaz", "layer", "app");
  }

  spec(command: string, change: Partial<StartSpec> = {}): StartSpec {
    const names = { app: "foobaz", type: "worker", slot: 1, release: 4, attempt: 1 };
    const env = { PATH, MARK: this.mark, SECRET: join(this.#directory, "secret"), OTHER: this.slug };
    return { id: randomUUID(), ...names, command, env, appDir: this.slug, ...change };
  }

  /** Resolves when it has ended, with what it said. */
  async end(id: string): Promise<{ status: number | null | undefined; output: string }> {
    return poll(async () => {
      const instance = (await this.runtime.list("foobaz")).find((one) => one.id === id);
      if (instance?.phase !== "exited") return undefined;
      return { status: instance.exit?.code, output: await readFile(instance.spool, "utf8") };
    });
  }

  async run(
    command: string,
    change: Partial<StartSpec> = {},
  ): Promise<{ status: number | null | undefined; output: string }> {
    const { id } = await this.runtime.start(this.spec(command, change));
    return this.end(id);
  }

  async look(confinement?: Confinement): Promise<{ status: number | null | undefined; seen: Record<string, string> }> {
    const { status, output } = await this.run(LOOK, confinement === undefined ? {} : { confinement });
    const lines = output.split("\n").filter((line) => line.includes("="));
    return { status, seen: Object.fromEntries(lines.map((line) => line.split("=") as [string, string])) };
  }

  async forgetAll(): Promise<void> {
    for (const { id } of await this.runtime.list("foobaz")) await this.runtime.forget(id);
  }

  async examine(confinement?: Confinement): Promise<Report> {
    const { status, seen } = await this.look(confinement);
    const change = confinement === undefined ? {} : { confinement };
    const escape = `env -i setsid sh -c 'sleep ${this.mark} & exec sleep ${this.mark}' & ${HANDLER}`;
    const ends = [];
    for (const command of [escape, "echo ready; exec sleep 600"]) {
      const started = await this.runtime.start(this.spec(command, change));
      await says(started, "ready");
      if (command === escape) await poll(async () => ((await escapees(this.mark)).length < 2 ? undefined : true));
      await this.runtime.signal(started.id, "SIGTERM");
      ends.push(await this.end(started.id));
    }
    const escaped = await escapees(this.mark);
    for (const pid of escaped) process.kill(pid, "SIGKILL");
    await this.forgetAll();
    return {
      seen,
      statuses: [status, ...ends.map((end) => end.status)],
      handled: (ends[0]?.output ?? "").split("handled").length - 1,
      escaped: escaped.length,
      slug: await this.#built(),
      left: await readdir(join(this.#directory, "apps", "foobaz", "run")),
    };
  }
}

/** Living processes that have the text as an argument. */
export async function escapees(argument: string): Promise<number[]> {
  const found: number[] = [];
  for (const name of await readdir("/proc")) {
    const words = /^[0-9]/.test(name) ? await readFile(`/proc/${name}/cmdline`, "latin1").catch(() => "") : "";
    if (words.split("\0").includes(argument)) found.push(Number(name));
  }
  return found;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , directory = "", without = "[]", confinement = "null"] = process.argv;
  const lab = await IsolationLab.open(directory, JSON.parse(without) as Without);
  const report = await lab.examine((JSON.parse(confinement) as Confinement | null) ?? undefined);
  await lab.runtime.close({ detach: false });
  console.log(JSON.stringify(report));
}
