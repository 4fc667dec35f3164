/** One one-off process, `run.3` or the release phase `release.74`: it runs once, to its end or to its time limit, and is
 *  never started again. Its life is starting → up → complete; a daemon that comes later takes it over where it is. */
import { errorHead } from "../core/error-codes.ts";
import { exitStatus } from "../core/dyno.ts";
import type { DynoExit } from "../core/dyno.ts";
import type { Clock } from "../core/clock.ts";
import { spellDuration } from "../core/duration.ts";
import { formatDynoName } from "../core/formation-plan.ts";
import { Attachment } from "./attachment.ts";
import type { FormationLine } from "./dyno-host.ts";
import type { DynoInfo } from "./dyno-info.ts";
import type { Instance, Runtime, StartSpec } from "./runtime.ts";

/** How a one-off process came to its end. */
export interface OneOffEnd {
  readonly id: string;
  readonly ps: string;
  readonly release: number;
  /** Undefined when it went down with its machine, and nothing is known. */
  readonly status: number | undefined;
  /** It was still running when its time was over. */
  readonly hasRunOut: boolean;
  /** It was told to stop, for whatever reason, before it had ended. */
  readonly wasStopped: boolean;
}

export interface OneOffRules {
  readonly exitTimeoutMs: number;
  /** How long the connection of an attached process may be silent. */
  readonly runIdleMs: number;
  /** Between the SIGHUPs of a process whose connection is lost, and after the last. */
  readonly runHangUpMs: number;
}

export interface OneOffHost {
  readonly runtime: Runtime;
  readonly clock: Clock;
  rules(): OneOffRules;
  log(line: FormationLine): void;
  onProcess(instance: Instance): void;
  onExit(instance: Instance): Promise<void>;
  /** Awaited before all traces of the process are removed: a daemon that dies in it is asked again by the next. */
  onEnd(end: OneOffEnd): Promise<void>;
  onFault(error: unknown): void;
}

/** Heroku sends three, five seconds apart (Dev Center, "One-off dynos"). */
const HANG_UPS = 3;
/** Times of files lag behind the clock by one tick of the kernel. */
const FILE_TIME_LAG_MS = 20;

export class OneOff {
  readonly id: string;
  readonly type: string;
  readonly slot: number;
  readonly ps: string;
  readonly release: number;
  readonly command: string;
  /** Resolves when its end is told. Never does when the daemon lets go of it before. */
  readonly ended: Promise<OneOffEnd>;
  /** Resolves when nothing of it is left, not even a trace. */
  readonly gone: Promise<void>;
  readonly #host: OneOffHost;
  readonly #over = new AbortController();
  readonly #givenUp = new AbortController();
  #tellGone = (): void => undefined;
  #tellEnd: (end: OneOffEnd) => void = () => undefined;
  #state: "starting" | "up" | "down" = "starting";
  #since: number;
  #isComplete = false;
  #isLeft = false;
  #attachment: Attachment | undefined;
  #instance: Instance | undefined;
  #begun: Promise<void> = Promise.resolve();

  constructor(spec: Pick<StartSpec, "id" | "type" | "slot" | "release" | "command">, host: OneOffHost) {
    this.id = spec.id;
    this.type = spec.type;
    this.slot = spec.slot;
    this.ps = formatDynoName(spec);
    this.release = spec.release;
    this.command = spec.command;
    this.#host = host;
    this.#since = host.clock.now();
    this.gone = new Promise((resolve) => {
      this.#tellGone = resolve;
    });
    this.ended = new Promise((resolve) => {
      this.#tellEnd = resolve;
    });
  }

  /** Its end is told; only its traces are still to be removed. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  get info(): DynoInfo {
    const pid = this.#instance?.pid;
    return {
      id: this.id,
      name: this.ps,
      type: this.type,
      state: this.#state,
      since: this.#since,
      command: this.command,
      release: this.release,
      restarts: 0,
      serving: false,
      listed: true,
      ...(pid === undefined ? {} : { pid }),
    };
  }

  /** Where somebody can be attached to it; undefined of one that was not started for that, or by an earlier daemon. */
  get attachment(): Attachment | undefined {
    return this.#attachment;
  }

  /** Rejects when there never was a process; nothing is left of it then. */
  start(spec: StartSpec): Promise<void> {
    const started = this.#start(spec);
    this.#begun = started.catch(() => undefined);
    return started;
  }

  async #start(spec: StartSpec): Promise<void> {
    this.#say(`Starting process with command: \`${this.command}\``);
    try {
      const instance = await this.#host.runtime.start(spec, this.#givenUp.signal);
      this.#run(instance);
      this.#say("State changed from starting to up");
      if (spec.attach !== undefined) this.#attach(spec.attach.terminal !== undefined);
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      if (!this.#givenUp.signal.aborted) this.#complain(`Process failed to start: ${reason}`);
      this.#say("State changed from starting to complete");
      this.#tellGone();
      throw error;
    }
    // It may have been told to stop in the moment in which it began to run.
    if (this.#givenUp.signal.aborted) this.stop();
  }

  /** Takes over a process from before this daemon. */
  adopt(instance: Instance): void {
    this.#run(instance);
    // Its connection ended with the daemon before, whose end its relay has noticed.
    if (instance.attached === true && instance.phase === "running") this.#inBackground(this.#endLeft());
  }

  #run(instance: Instance): void {
    this.#instance = instance;
    this.#state = "up";
    this.#since = instance.startedAt ?? instance.since;
    this.#host.onProcess(instance);
    if (instance.phase === "running") this.#inBackground(this.#limit(instance));
  }

  #attach(hasTerminal: boolean): void {
    const relay = this.#host.runtime.relay(this.id);
    if (relay === undefined) return;
    const { clock } = this.#host;
    const { ps, ended } = this;
    const owner = { ps, ended, left: () => this.#left(), missed: () => this.#missed() };
    this.#attachment = new Attachment(relay, hasTerminal, { owner, clock });
    this.#inBackground(this.#watchTraffic(this.#attachment));
  }

  /** A connection that is silent for long is taken for a forgotten one. */
  async #watchTraffic(attachment: Attachment): Promise<void> {
    const { clock } = this.#host;
    const { runIdleMs } = this.#host.rules();
    for (;;) {
      const left = attachment.lastTraffic + runIdleMs - clock.now();
      if (left <= 0) break;
      await clock.sleep(left, this.#over.signal);
      if (this.#over.signal.aborted || this.#isLeft) return;
    }
    this.#complain(`Closing the connection: nothing was sent for ${spellDuration(runIdleMs)}`);
    attachment.cutOff();
  }

  #missed(): void {
    if (this.#state === "down" || this.#over.signal.aborted) return;
    this.#complain(`${errorHead("R13")} -> Failed to attach to process`);
    this.stop();
  }

  #left(): void {
    if (this.#isLeft || this.#over.signal.aborted) return;
    this.#isLeft = true;
    this.#say("Client connection closed. Sending SIGHUP to all processes");
    this.#inBackground(this.#endLeft());
  }

  async #endLeft(): Promise<void> {
    this.#isLeft = true;
    const { clock } = this.#host;
    await clock.sleep(HANG_UPS * this.#host.rules().runHangUpMs, this.#over.signal);
    if (this.#over.signal.aborted || this.#state === "down") return;
    this.#complain(
      `${errorHead("R16")} -> An attached process is not responding to SIGHUP after its external connection was closed.`,
    );
    this.stop();
  }

  async #limit({ timeLimitMs, startedAt = 0 }: Instance): Promise<void> {
    if (timeLimitMs === undefined) return;
    const { clock } = this.#host;
    await clock.sleep(Math.max(0, startedAt + timeLimitMs - clock.now()), this.#over.signal);
    if (this.#over.signal.aborted) return;
    this.#complain(`Stopping the process: it ran for ${spellDuration(timeLimitMs)}`);
    this.stop();
  }

  /** SIGTERM, and SIGKILL when that is not heard. Asking again changes nothing. */
  stop(): void {
    if (this.#state === "down" || this.#over.signal.aborted) return;
    this.#givenUp.abort();
    if (this.#state === "starting") return;
    this.#state = "down";
    this.#since = this.#host.clock.now();
    this.#inBackground(this.#end());
  }

  async #end(): Promise<void> {
    const { runtime, clock } = this.#host;
    const { exitTimeoutMs: timeoutMs } = this.#host.rules();
    this.#say("Stopping all processes with SIGTERM");
    await runtime.signal(this.id, "SIGTERM");
    await clock.sleep(timeoutMs, this.#over.signal);
    if (this.#over.signal.aborted) return;
    const seconds = String(timeoutMs / 1000);
    this.#complain(`${errorHead("R12")} -> Process failed to exit within ${seconds} seconds of SIGTERM`);
    this.#say("Stopping process with SIGKILL");
    await runtime.signal(this.id, "SIGKILL");
  }

  /** The runtime says that the process and all that belonged to it is gone. */
  async exited(instance: Instance): Promise<void> {
    this.#over.abort();
    await this.#begun;
    try {
      // The app's last words come before the platform's about it.
      await this.#host.onExit(instance);
      const end = this.#describeEnd(instance);
      await this.#host.onEnd(end);
      this.#isComplete = true;
      this.#say(`Process exited with status ${String(exitStatus(instance.exit ?? UNKNOWN))}`);
      this.#say("State changed from up to complete");
      this.#tellEnd(end);
      await this.#host.runtime.forget(this.id);
    } finally {
      this.#tellGone();
    }
  }

  #describeEnd({ exit = UNKNOWN, startedAt, since, timeLimitMs = Infinity }: Instance): OneOffEnd {
    const isKnown = startedAt !== undefined && (exit.code !== null || exit.signal !== null);
    return {
      id: this.id,
      ps: this.ps,
      release: this.release,
      status: isKnown ? exitStatus(exit) : undefined,
      hasRunOut: startedAt !== undefined && since - startedAt >= timeLimitMs - FILE_TIME_LAG_MS,
      wasStopped: this.#givenUp.signal.aborted,
    };
  }

  /** No more is done or said about it; its process is left as it is. */
  async dispose(): Promise<void> {
    this.#over.abort();
    await this.#begun;
  }

  #say(message: string): void {
    this.#host.log({ ps: this.ps, release: this.release, message });
  }

  #complain(message: string): void {
    this.#host.log({ ps: this.ps, release: this.release, message, level: "error" });
  }

  #inBackground(work: Promise<void>): void {
    work.catch((error: unknown) => this.#host.onFault(error));
  }
}

const UNKNOWN: DynoExit = { code: null, signal: null };
