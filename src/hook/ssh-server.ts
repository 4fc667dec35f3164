/** The daemon's end of SSH. sshd has checked a key and runs hooks/ssh-command for it, which registers here and is told the
 *  name of a door of its own, or why not. What then comes through the door is the client's: git's protocol, or HTTP. So no
 *  byte of a client can be taken for a word about who it is. */
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/error.ts";
import { Doors } from "./doors.ts";
import { parseSshRequest, readLine, type SshRequest } from "./ssh-registration.ts";

/** Takes the socket over, not a byte of which was read. */
export type SshVisit = (socket: Socket) => void;

export interface SshServerOptions {
  /** Holds the sockets; cleared at start, so the caller holds the home's lock. */
  dir: string;
  /** Whether sshd's user is another one, of the directory's group. */
  isShared: boolean;
  clock: Clock;
  /** Rejects with an AppError for who may not. */
  onRequest(request: SshRequest): Promise<SshVisit>;
  /** Told of every failure that is no AppError: a bug. */
  onBug: (error: unknown) => void;
}

/** How long the forced command may take from one step to the next before it is forgotten. */
const STEP_TIMEOUT_MS = 10_000;
const DOOR_BYTES = 12;

export class SshServer {
  readonly #options: SshServerOptions;
  readonly #doors: Doors;
  readonly #closing = new AbortController();
  readonly #working = new Set<Promise<void>>();

  private constructor(options: SshServerOptions, doors: Doors) {
    this.#options = options;
    this.#doors = doors;
  }

  static async listen(options: SshServerOptions): Promise<SshServer> {
    const server = new SshServer(options, await Doors.prepare(options.dir, options.isShared));
    await server.#doors.open("ssh.sock", (socket) => server.#track(server.#register(socket)));
    return server;
  }

  /** Lets nobody in any more; who has come in stays. */
  async close(): Promise<void> {
    this.#doors.shut("ssh.sock");
    this.#closing.abort();
    while (this.#working.size > 0) await Promise.all(this.#working);
    await this.#doors.close();
  }

  #track(work: Promise<void>): void {
    const tracked = work.catch(this.#options.onBug).finally(() => this.#working.delete(tracked));
    this.#working.add(tracked);
  }

  async #register(socket: Socket): Promise<void> {
    socket.on("error", () => undefined);
    const late = new AbortController();
    const leave = (): void => late.abort();
    this.#closing.signal.addEventListener("abort", leave);
    void this.#options.clock.sleep(STEP_TIMEOUT_MS, late.signal).then(leave);
    const line = await readLine(socket, late.signal);
    late.abort();
    this.#closing.signal.removeEventListener("abort", leave);
    const request = line === undefined ? undefined : parseSshRequest(line);
    const answer = request === undefined ? "!The SSH door does not know this protocol." : await this.#answer(request);
    socket.end(`${answer}\n`, () => socket.destroy());
  }

  /** A door's name, or what is wrong, a line each, after an exclamation mark. */
  async #answer(request: SshRequest): Promise<string> {
    try {
      return await this.#openDoor(await this.#options.onRequest(request));
    } catch (error) {
      if (error instanceof AppError) return `!${[error.message, error.hint].filter(Boolean).join("\n")}`;
      this.#options.onBug(error);
      return "!The platform failed; `git heroku server:logs` there has the details.";
    }
  }

  /** For one visitor, for a while. */
  async #openDoor(visit: SshVisit): Promise<string> {
    const name = randomBytes(DOOR_BYTES).toString("hex");
    const shut = new AbortController();
    const close = (): void => {
      shut.abort();
      this.#doors.shut(`p/${name}`);
    };
    const enter = (socket: Socket): void => {
      if (shut.signal.aborted) return void socket.destroy();
      close();
      socket.on("error", () => undefined);
      visit(socket);
    };
    await this.#doors.open(`p/${name}`, enter, { isPaused: true });
    this.#track(
      this.#options.clock.sleep(STEP_TIMEOUT_MS, AbortSignal.any([shut.signal, this.#closing.signal])).then(close),
    );
    return name;
  }
}
