/** The places where hooks knock: unix sockets in one directory, opened and shut by name. For machines where hooks
 *  can only open TCP, the same doors stand behind one loopback port that asks for a token and the door's name. */
import { randomBytes, timingSafeEqual } from "node:crypto";
import { chmodSync, renameSync, rmSync } from "node:fs";
import { chmod, mkdir, open, readdir, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

type OnSocket = (socket: Socket) => void;

export interface DoorOptions {
  /** Not a byte is read of who comes in, until somebody asks for it: the socket can still be given away. */
  isPaused?: boolean;
}

/** The group of the directory may come in too. */
const SHARED = { directory: 0o750, socket: 0o660 };
const OWN_SOCKET = 0o600;
/** What is made below belongs to the directory's group: needed where that is not the daemon's own, and not let through by
 *  systemd's RestrictSUIDSGID where it is. */
const SET_GROUP_ID = 0o2000;

/** sun_path has 108 bytes on Linux and 104 on macOS, the final NUL included. */
const SOCKET_PATH_MAX = 103;
/** `p/` and 24 digits and `.m`, with room to spare. */
const NAME_BYTES_MAX = 40;
const KNOCK_BYTES_MAX = 200;
const KNOCK_TIMEOUT_MS = 10_000;

export class Doors {
  readonly #base: ShortPath;
  readonly #open = new Map<string, { server: Server; onSocket: OnSocket }>();
  readonly #isShared: boolean;
  #tcp: Server | undefined;

  private constructor(base: ShortPath, isShared: boolean) {
    this.#base = base;
    this.#isShared = isShared;
  }

  /** Makes the directory and clears what a killed daemon left in it: call it under the home's lock only.
   *  @param isShared whether its group may come in */
  static async prepare(dir: string, isShared = false): Promise<Doors> {
    await mkdir(dir, { recursive: true, mode: 0o700 });
    for (const name of await readdir(dir)) await rm(join(dir, name), { recursive: true });
    await mkdir(join(dir, "p"), { mode: 0o700 });
    if (isShared) {
      const { gid } = await stat(dir);
      const mode = SHARED.directory | (gid === process.getegid?.() ? 0 : SET_GROUP_ID);
      for (const path of [dir, join(dir, "p")]) await chmod(path, mode);
    }
    return new Doors(await shorten(dir), isShared);
  }

  async open(name: string, onSocket: OnSocket, { isPaused = false }: DoorOptions = {}): Promise<void> {
    // Half-open: the end of a hook's standard input says nothing about whether it still listens.
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: isPaused }, onSocket);
    const path = join(this.#base.path, name);
    await listening(server, () => server.listen(`${path}.new`));
    chmodSync(`${path}.new`, this.#isShared ? SHARED.socket : OWN_SOCKET);
    // A socket is there before it listens: a hook that watches for it would be turned away.
    renameSync(`${path}.new`, path);
    this.#open.set(name, { server, onSocket });
  }

  /** Shuts the door; who has come in stays. */
  shut(name: string): void {
    const door = this.#open.get(name);
    if (door === undefined) return;
    door.server.close();
    rmSync(join(this.#base.path, name), { force: true });
    this.#open.delete(name);
  }

  /** Opens the loopback port and writes `tcp`: "PORT TOKEN", readable for the owner only. */
  async openTcp(dir: string): Promise<void> {
    const token = randomBytes(24).toString("hex");
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#admit(socket, token));
    this.#tcp = server;
    await listening(server, () => server.listen(0, "127.0.0.1"));
    const temporary = join(dir, "tcp.tmp");
    await writeFile(temporary, `${String((server.address() as AddressInfo).port)} ${token}\n`, { mode: 0o600 });
    await rename(temporary, join(dir, "tcp"));
  }

  async close(): Promise<void> {
    for (const name of this.#open.keys()) this.shut(name);
    this.#tcp?.close();
    await this.#base.release();
  }

  #admit(socket: Socket, token: string): void {
    let said = "";
    const timer = setTimeout(() => socket.destroy(), KNOCK_TIMEOUT_MS).unref();
    socket.on("error", () => undefined).on("close", () => clearTimeout(timer));
    const onData = (bytes: Buffer): void => {
      said += bytes.toString("latin1");
      const end = said.indexOf("\n");
      if (end < 0 && said.length <= KNOCK_BYTES_MAX) return;
      clearTimeout(timer);
      socket.off("data", onData).pause();
      const [given = "", name = ""] = said.slice(0, Math.max(end, 0)).split(" ");
      const door = isSame(given, token) ? this.#open.get(name) : undefined;
      if (door === undefined) return void socket.destroy();
      if (end + 1 < said.length) socket.unshift(Buffer.from(said.slice(end + 1), "latin1"));
      door.onSocket(socket);
      socket.resume();
    };
    socket.on("data", onData);
  }
}

function isSame(given: string, token: string): boolean {
  return given.length === token.length && timingSafeEqual(Buffer.from(given), Buffer.from(token));
}

async function listening(server: Server, listen: () => void): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    // The handler stays: a later failure to accept one hook is that hook's loss, not the daemon's.
    server.on("error", reject).once("listening", resolve);
    listen();
  });
}

interface ShortPath {
  path: string;
  release(): Promise<void>;
}

/** Another name of the directory that is short enough for sockets in it. */
async function shorten(dir: string): Promise<ShortPath> {
  if (Buffer.byteLength(dir) + NAME_BYTES_MAX <= SOCKET_PATH_MAX) return { path: dir, release: async () => undefined };
  if (process.platform === "linux") {
    const handle = await open(dir, "r");
    return { path: `/proc/self/fd/${String(handle.fd)}`, release: () => handle.close() };
  }
  const link = join(tmpdir(), `gh-${randomBytes(6).toString("hex")}`);
  await symlink(dir, link);
  return { path: link, release: () => rm(link) };
}
