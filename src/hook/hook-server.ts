/** The daemon's end of the git hooks. A hook registers, then shows the developer what the daemon says and passes
 *  git's own protocol on. The daemon owns the work: a developer who leaves detaches, and a hook whose daemon dies
 *  fails at once. */
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/error.ts";
import { Doors } from "./doors.ts";
import { OutputChannel } from "./output-channel.ts";
import { formatReport, readRequest, type RefResult, type RefUpdate } from "./proc-receive.ts";
import { readRegistration, type Registration } from "./registration.ts";
import { UnderWay } from "./under-way.ts";

/** A push to the deploy branch, which git has stored but not yet accepted. */
export interface ReceivedPush {
  /** Name of the repository's directory, such as `foobaz.git`. */
  repo: string;
  /** GIT_HEROKU_USER as the hook found it; empty when it was not set. */
  user: string;
  /** By which door of the platform they came, such as `http`; undefined on a local path. */
  via: string | undefined;
  /** receive-pack's process, the same in both hooks of a push. */
  pid: number;
  commands: readonly RefUpdate[];
  pushOptions: readonly string[];
  /** The client asked for all refs or none; its refs outside of the deploy branch are not listed here. */
  atomic: boolean;
  /** Shown to the developer at once; a line is displayed when its `\n` or `\r` comes. */
  output: (text: string) => void;
  /** Aborts when nobody listens any more. The push goes on all the same. */
  signal: AbortSignal;
}

/** Refs that git has moved, the deploy branch's among them when it was accepted. */
export interface StoredPush {
  repo: string;
  user: string;
  pid: number;
  updates: readonly RefUpdate[];
  output: (text: string) => void;
}

export interface HookServerOptions {
  /** Holds the sockets; cleared at start, so the caller holds the home's lock. It is `git` in the home. */
  dir: string;
  clock: Clock;
  /** Whether hooks need the loopback port (the client is bash). */
  tcp?: boolean;
  onReceive(push: ReceivedPush): Promise<RefResult[]>;
  onPost(push: StoredPush): Promise<void>;
  /** Told of every failure that is no AppError: a bug. */
  onBug: (error: unknown) => void;
}

const UNKNOWN_PROTOCOL = "The hooks and the running platform are of different versions: `git heroku server:restart`.";

/** What belongs to one push besides its registration and its main socket. */
interface Visit {
  output: OutputChannel;
  /** Aborts when the hook should long have sent its request. */
  late: AbortSignal;
}

export class HookServer {
  readonly #options: HookServerOptions;
  readonly #doors: Doors;
  readonly #underWay: UnderWay;

  private constructor(options: HookServerOptions, doors: Doors) {
    this.#options = options;
    this.#doors = doors;
    this.#underWay = new UnderWay(options);
  }

  static async listen(options: HookServerOptions): Promise<HookServer> {
    const doors = await Doors.prepare(options.dir);
    const server = new HookServer(options, doors);
    if (options.tcp === true) await doors.openTcp(options.dir);
    await doors.open("reg.sock", (socket) => server.#underWay.track(server.#register(socket)));
    return server;
  }

  /** Takes no more pushes, forgets hooks that have only registered, and resolves when the running work is done. */
  async close(): Promise<void> {
    this.#doors.shut("reg.sock");
    await this.#underWay.close();
    await this.#doors.close();
  }

  async #register(socket: Socket): Promise<void> {
    socket.on("error", () => undefined);
    const late = this.#underWay.deadline();
    const registration = await readRegistration(socket, late.signal);
    late.abort();
    const leave = (): void => void socket.destroy();
    if (registration === "gone") leave();
    else if (registration === "unknown") socket.end(`!${UNKNOWN_PROTOCOL}\n`, leave);
    else if (registration.hook === "post-receive") await this.#post(socket, registration);
    else if (registration.door !== undefined) await this.#expectQuickly(socket, registration, registration.door);
    else socket.end(await this.#expectPush(registration), leave);
  }

  /** One connection less for a push to wait for: the hook chose the door, is told by a line that it is open, and what the
   *  developer sees goes back where the registration came from. */
  async #expectQuickly(socket: Socket, registration: Registration, door: string): Promise<void> {
    const output = new OutputChannel();
    const late = this.#underWay.deadline();
    const name = `p/${door}.m`;
    let hasCome = false;
    late.signal.addEventListener("abort", () => {
      this.#doors.shut(name);
      if (!hasCome) socket.destroy();
    });
    // The hook has lost patience and takes the long way, or is gone.
    const leave = (): void => {
      if (!hasCome) late.abort();
    };
    socket.once("end", leave).once("close", leave);
    await this.#doors.open(name, (visitor) => {
      hasCome = true;
      this.#doors.shut(name);
      this.#underWay.track(this.#receive(visitor, registration, { output, late: late.signal }));
    });
    if (late.signal.aborted) return this.#doors.shut(name);
    socket.write("open\n");
    output.attach(socket);
  }

  /** Opens the two doors of one push; the answer is their id. A hook that does not come through both is forgotten. */
  async #expectPush(registration: Registration): Promise<string> {
    const id = randomBytes(12).toString("hex");
    const output = new OutputChannel();
    const late = this.#underWay.deadline();
    const names = { output: `p/${id}.o`, main: `p/${id}.m` };
    late.signal.addEventListener("abort", () => {
      this.#doors.shut(names.output);
      this.#doors.shut(names.main);
    });
    try {
      await Promise.all([
        this.#doors.open(names.output, (visitor) => {
          this.#doors.shut(names.output);
          output.attach(visitor);
        }),
        this.#doors.open(names.main, (visitor) => {
          this.#doors.shut(names.main);
          this.#underWay.track(this.#receive(visitor, registration, { output, late: late.signal }));
        }),
      ]);
      return `${id}\n`;
    } catch (error) {
      late.abort();
      this.#options.onBug(error);
      return "!The platform cannot take a push now; nothing was released.\n";
    }
  }

  async #receive(main: Socket, registration: Registration, { output, late }: Visit): Promise<void> {
    const gone = new AbortController();
    const leave = (): void => gone.abort();
    const destroy = (): void => void main.destroy();
    main.on("error", leave).on("end", leave).on("close", leave);
    late.addEventListener("abort", destroy);
    try {
      const request = await readRequest(main, main).catch(() => undefined);
      late.removeEventListener("abort", destroy);
      if (request === undefined) return;
      const { repo, user, via, pid } = registration;
      const results = await this.#ask({ repo, user, via, pid, ...request, output: output.write, signal: gone.signal });
      if (main.writable) main.end(formatReport(request.commands, results), destroy);
    } finally {
      output.end();
      if (!main.writableEnded) main.destroy();
    }
  }

  /** The caller's answer; what it throws becomes the refusal of every ref. */
  async #ask(push: ReceivedPush): Promise<RefResult[]> {
    try {
      return await this.#options.onReceive(push);
    } catch (error) {
      const reason = this.#explain(error, push.output);
      return push.commands.map(({ ref }) => ({ ref, ok: false, reason }));
    }
  }

  async #post(socket: Socket, { repo, user, pid, updates }: Registration): Promise<void> {
    const output = new OutputChannel();
    output.attach(socket);
    try {
      await this.#options.onPost({ repo, user, pid, updates, output: output.write });
    } catch (error) {
      this.#explain(error, output.write);
    } finally {
      output.end();
    }
  }

  #explain(error: unknown, output: (text: string) => void): string {
    if (!(error instanceof AppError)) {
      this.#options.onBug(error);
      output(" !     Something went wrong inside the platform; `git heroku server:logs` has the details.\n");
      return "internal error";
    }
    const lines = [error.message, ...(error.hint === undefined ? [] : [error.hint])];
    output(lines.map((line) => ` !     ${line}\n`).join(""));
    return error.message;
  }
}
