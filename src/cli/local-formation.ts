/** Processes of a Procfile side by side, as foreman runs them: the first that ends, or a signal, ends all the others. */
import { setTimeout as sleep } from "node:timers/promises";
import { AppError } from "../core/error.ts";
import type { LocalProcess } from "../core/local-plan.ts";
import { pad } from "../core/text-table.ts";
import type { World } from "./command.ts";
import { signalStatus, type Interruption } from "./interruption.ts";
import { LocalChild, type Ended } from "./local-process.ts";
import { MARK_NAME, type ProcessGuard } from "./process-guard.ts";
import { livingProcesses, sendSignal, type Family } from "./process-tree.ts";
import type { Colour, Terminal } from "./terminal.ts";

export interface LocalOrder {
  processes: readonly LocalProcess[];
  cwd: string;
  /** Of all of them; PORT and PS are added. */
  env: Readonly<Record<string, string | undefined>>;
  firstPort: number;
  /** Between SIGTERM and SIGKILL. */
  timeoutMs: number;
  /** In the environment of all of them and of no others: they are known by it, whatever they do to be rid of their
   *  parent. */
  mark: string;
}

export interface LocalHost {
  world: World;
  out: Terminal;
  interruption: Interruption;
  guard: ProcessGuard;
}

const COLOURS: readonly Colour[] = ["cyan", "yellow", "green", "magenta", "blue", "red"];
const SYSTEM = "system";
const LOOK_MS = 20;
/** What even SIGKILL does not end in this time hangs in the kernel. */
const KILL_PATIENCE_MS = 5_000;

/** Resolves when nothing of it is left, to the exit status: that of the process which ended first, or of the signal. */
export function runFormation(order: LocalOrder, host: LocalHost): Promise<number> {
  return new LocalFormation(order, host).run();
}

class LocalFormation {
  readonly #order: LocalOrder;
  readonly #host: LocalHost;
  readonly #children: LocalChild[] = [];
  /** Each resolves when the end is told. */
  readonly #ends: Promise<Ended>[] = [];
  readonly #sessions = new Set<number>();
  readonly #nameWidth: number;

  constructor(order: LocalOrder, host: LocalHost) {
    this.#order = order;
    this.#host = host;
    this.#nameWidth = Math.max(SYSTEM.length, ...order.processes.map(({ name }) => name.length));
  }

  async run(): Promise<number> {
    const { interruption } = this.#host;
    const interrupted = new Promise<undefined>((resolve) => {
      if (interruption.asked.aborted) resolve(undefined);
      interruption.asked.addEventListener("abort", () => resolve(undefined));
    });
    try {
      for (const [index, process] of this.#order.processes.entries()) {
        if (!interruption.asked.aborted) await this.#start(index, process);
      }
      const first = await Promise.race([interrupted, ...this.#ends]);
      if (first === undefined) await this.#say(`${interruption.signal ?? "signal"} received`);
      return first?.status ?? signalStatus(interruption.signal ?? "SIGTERM");
    } finally {
      await this.#endAll();
      await Promise.all(this.#ends);
      await Promise.all(this.#children.map((child) => child.finish()));
    }
  }

  async #start(index: number, { name, command, portOffset }: LocalProcess): Promise<void> {
    const { cwd, firstPort, mark } = this.#order;
    const env = { ...this.#order.env, PORT: String(firstPort + portOffset), PS: name, [MARK_NAME]: mark };
    const print = (line: string): Promise<void> => this.#print(name, line, COLOURS[index % COLOURS.length]);
    const child = await LocalChild.start({ command, cwd, env }, print).catch((error: unknown) => {
      throw new AppError("unavailable", `${name} could not be started: ${(error as Error).message}.`, { cause: error });
    });
    this.#children.push(child);
    this.#sessions.add(child.pid);
    this.#host.guard.watch(child.pid);
    await print(`started with pid ${String(child.pid)}`);
    this.#ends.push(
      child.ended.then(async (end) => {
        await print(end.words);
        return end;
      }),
    );
  }

  async #endAll(): Promise<void> {
    const family: Family = { sessions: this.#sessions, marks: [`${MARK_NAME}=${this.#order.mark}`] };
    const { insisted } = this.#host.interruption;
    const deadline = performance.now() + this.#order.timeoutMs;
    const told = new Set<number>();
    for (let living = await livingProcesses(family); living.length > 0; living = await livingProcesses(family)) {
      if (insisted.aborted || performance.now() > deadline) return this.#killAll(family);
      if (told.size === 0) await this.#say("sending SIGTERM to all processes");
      // A second SIGTERM makes many programs quit less gently, so each process gets one.
      for (const pid of living) if (!told.has(pid)) sendSignal(pid, "SIGTERM");
      for (const pid of living) told.add(pid);
      await sleep(LOOK_MS);
    }
  }

  async #killAll(family: Family): Promise<void> {
    await this.#say("sending SIGKILL to all processes");
    const deadline = performance.now() + KILL_PATIENCE_MS;
    for (let living = await livingProcesses(family); living.length > 0; living = await livingProcesses(family)) {
      for (const pid of living) sendSignal(pid, "SIGKILL");
      if (performance.now() > deadline) return this.#say(`pid ${living.join(", ")} cannot be ended`);
      await sleep(LOOK_MS);
    }
  }

  #say(words: string): Promise<void> {
    return this.#print(SYSTEM, words, undefined);
  }

  async #print(name: string, line: string, colour: Colour | undefined): Promise<void> {
    const { out, world } = this.#host;
    const head = `${timeOfDay(world.now())} ${pad(name, this.#nameWidth)} | `;
    await out.logLines([(colour === undefined ? head : out.paint(head, colour)) + line]);
  }
}

/** Of the place where the developer is. */
function timeOfDay(now: number): string {
  const date = new Date(now);
  const parts = [date.getHours(), date.getMinutes(), date.getSeconds()];
  return parts.map((part) => String(part).padStart(2, "0")).join(":");
}
