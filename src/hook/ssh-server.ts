/** The daemon's end of SSH. sshd has checked a key and runs hooks/ssh-command for it, which registers here and is told the
 *  name of a door of its own, or why not. What then comes through the door is the client's: git's protocol, or HTTP. So no
 *  byte of a client can be taken for a word about who it is. */
import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/error.ts";
import { Doors } from "./doors.ts";
import { parseSshRequest, readLine, type SshRequest } from "./ssh-registration.ts";
import { UnderWay } from "./under-way.ts";

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

const DOOR_BYTES = 12;

export class SshServer {
  readonly #options: SshServerOptions;
  readonly #doors: Doors;
  readonly #underWay: UnderWay;

  private constructor(options: SshServerOptions, doors: Doors) {
    this.#options = options;
    this.#doors = doors;
    this.#underWay = new UnderWay(options);
  }

  static async listen(options: SshServerOptions): Promise<SshServer> {
    const server = new SshServer(options, await Doors.prepare(options.dir, options.isShared));
    await server.#doors.open("ssh.sock", (socket) => server.#underWay.track(server.#register(socket)));
    return server;
  }

  /** Lets nobody in any more; who has come in stays. */
  async close(): Promise<void> {
    this.#doors.shut("ssh.sock");
    await this.#underWay.close();
    await this.#doors.close();
  }

  async #register(socket: Socket): Promise<void> {
    socket.on("error", () => undefined);
    const late = this.#underWay.deadline();
    const line = await readLine(socket, late.signal);
    late.abort();
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
    const late = this.#underWay.deadline();
    late.signal.addEventListener("abort", () => this.#doors.shut(`p/${name}`));
    const enter = (socket: Socket): void => {
      if (late.signal.aborted) return void socket.destroy();
      late.abort();
      socket.on("error", () => undefined);
      visit(socket);
    };
    await this.#doors.open(`p/${name}`, enter, { isPaused: true });
    if (late.signal.aborted) this.#doors.shut(`p/${name}`);
    return name;
  }
}
