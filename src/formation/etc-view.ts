/** The /etc of a sandbox whose platform runs as root, whom modes do not hold back: a directory that the platform keeps, with
 *  what programs need and nothing else. Its small files are copies, brought up to date before each start; what is larger or
 *  changes while processes run is mounted over it. So a start needs a handful of mounts instead of twenty. */
import { appendFileSync, chmodSync, copyFileSync, lstatSync, mkdirSync, renameSync, rmSync, statSync } from "node:fs";
import { lstat, readlink, realpath, stat, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

const NAMES =
  "passwd group hosts resolv.conf nsswitch.conf services protocols ld.so.cache localtime timezone locale.conf alternatives " +
  "mime.types fonts os-release gitconfig pki crypto-policies java-17-openjdk ImageMagick-6 ImageMagick-7 " +
  // Where packages come from on this machine.
  "npmrc pip.conf xdg/pip/pip.conf uv/uv.toml gemrc " +
  // Of ssl without its private keys.
  "ssl/certs ssl/openssl.cnf ssl/cert.pem";
/** Programs ask who they are. */
const ACCOUNTS: Readonly<Record<string, (user: number) => string>> = {
  passwd: (user) => `app:x:${String(user)}:${String(user)}::/app:/bin/sh\n`,
  group: (user) => `app:x:${String(user)}:\n`,
};
/** Networks come and go while processes run. */
const LIVE = new Set(["hosts", "resolv.conf"]);

export class EtcView {
  /** Shown as /etc. */
  readonly directory: string;
  readonly #scratch: string;
  readonly #user: number | undefined;
  /** Name → what the file was when it was copied. */
  readonly #copies = new Map<string, string>();
  /** Mounted from the machine's /etc. */
  readonly #mounted: string[] = [];

  /** Sandboxes of an earlier daemon may have the directory mounted, so it is changed in place, entry by entry.
   *  @param place a directory of its own
   *  @param staysLink whether a link to this path leads somewhere inside of the sandbox too
   *  @param user gets an account of the name `app` */
  static async open(place: string, staysLink: (path: string) => boolean, user?: number): Promise<EtcView> {
    const view = new EtcView(place, user);
    mkdirSync(place, { recursive: true, mode: 0o700 });
    makeDirectory(view.directory, "");
    for (const name of NAMES.split(" ")) {
      await view
        .#add(name, staysLink)
        .catch(() => rmSync(join(view.directory, name), { force: true, recursive: true }));
    }
    view.refresh();
    return view;
  }

  private constructor(place: string, user: number | undefined) {
    this.#user = user;
    this.directory = join(place, "etc");
    this.#scratch = join(place, `copy.${String(process.pid)}`);
  }

  /** What is not there when the platform starts is left out. */
  async #add(name: string, staysLink: (path: string) => boolean): Promise<void> {
    const source = join("/etc", name);
    const target = join(this.directory, name);
    const isLink = (await lstat(source)).isSymbolicLink() && staysLink(await realpath(source));
    const kind = isLink ? "link" : (await stat(source)).isDirectory() ? "directory" : "file";
    makeDirectory(this.directory, dirname(name));
    if (kindOf(target) !== kind) rmSync(target, { force: true, recursive: true });
    if (kind === "link") {
      rmSync(this.#scratch, { force: true });
      await symlink(await readlink(source), this.#scratch);
      renameSync(this.#scratch, target);
    } else if (kind === "file" && !LIVE.has(name)) this.#copies.set(name, "");
    else {
      if (kind === "directory") makeDirectory(this.directory, name);
      else await writeFile(target, "", { flag: "a" });
      this.#mounted.push(name);
    }
  }

  /** At once, because it is hardly ever more than a look at ten files.
   *  @throws when a file cannot be copied. */
  refresh(): void {
    for (const [name, known] of this.#copies) {
      const source = join("/etc", name);
      const there = statSync(source, { throwIfNoEntry: false });
      // What other users of the machine may not read is no app's to read either.
      const stats = there !== undefined && (there.mode & 0o004) !== 0 ? there : undefined;
      const state = stats === undefined ? "none" : [stats.ino, stats.size, stats.mtimeMs, stats.mode].join(" ");
      if (state === known) continue;
      if (stats === undefined) rmSync(join(this.directory, name), { force: true });
      else {
        copyFileSync(source, this.#scratch);
        if (this.#user !== undefined) appendFileSync(this.#scratch, ACCOUNTS[name]?.(this.#user) ?? "");
        chmodSync(this.#scratch, stats.mode & 0o777);
        renameSync(this.#scratch, join(this.directory, name));
      }
      this.#copies.set(name, state);
    }
  }

  /** For bubblewrap. */
  words(): string[] {
    const mounted = this.#mounted.map((name) => join("/etc", name));
    return ["--ro-bind", this.directory, "/etc", ...mounted.flatMap((path) => ["--ro-bind-try", path, path])];
  }
}

function kindOf(path: string): "link" | "directory" | "file" | undefined {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  return stats.isSymbolicLink() ? "link" : stats.isDirectory() ? "directory" : "file";
}

/** And those that lead to it from the root. For whatever user the app may become; the platform's umask is not the app's. */
function makeDirectory(root: string, path: string): void {
  if (path !== "" && path !== ".") makeDirectory(root, dirname(path));
  mkdirSync(join(root, path), { recursive: true });
  chmodSync(join(root, path), 0o755);
}
