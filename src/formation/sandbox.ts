/** The sandbox of a process or of a build's tool, made by bubblewrap: namespaces of its own for processes, mounts, IPC and
 *  host name, and of the machine's files only what is listed here, read-only. The network is the machine's. What is visible
 *  is told in docs/isolation.md. */
import { existsSync, readdirSync } from "node:fs";
import { lstat, readlink, realpath, stat } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative } from "node:path";
import { CAPABILITIES, type Capability } from "./capabilities.ts";
import { EtcView } from "./etc-view.ts";

export interface SandboxRun {
  /** The directory of the run, which holds `app` and `tmp`. */
  readonly directory: string;
  /** Shown read-only in the place of `app`: the built code, then the layers whose entries go over it. */
  readonly readOnlySlug: readonly string[] | undefined;
  /** PATH of the process. */
  readonly path: string;
  /** Files of the directory may be written to whatever their modes, which are the built code's. */
  readonly ignoresModes: boolean;
  /** What it runs as when the platform is root's; without, as root. */
  readonly user: SandboxUser | undefined;
}

/** What a tool of a build may see of the platform's files. */
export interface SandboxBuild {
  /** The code, where it starts. */
  readonly app: string;
  /** Shown as /tmp, too. */
  readonly tmp: string;
  readonly writable: readonly string[];
  readonly readable: readonly string[];
  /** PATH of the platform, on which the tools are. */
  readonly path: string;
  readonly user: SandboxUser | undefined;
}

interface Cell {
  readonly app: string;
  readonly tmp: string;
  /** Options that show what is the cell's own. */
  readonly shown: readonly string[];
  readonly path: string;
  readonly user: SandboxUser | undefined;
  readonly ignoresModes: boolean;
  readonly options: readonly string[];
}

export interface SandboxUser {
  readonly id: number;
  /** A directory for what the sandbox shows as /etc. */
  readonly etc: string;
}

/** @param appDirectory the app's in the home */
export function sandboxUser(id: number, appDirectory: string): SandboxUser {
  return { id, etc: join(appDirectory, "sandbox") };
}

export interface SandboxOptions {
  /** bubblewrap, by absolute path. */
  readonly program: string;
  readonly isRoot: boolean;
  /** Ids that the process has inside, when not root. */
  readonly uid: number;
  readonly gid: number;
  /** What root may do here. */
  readonly held: ReadonlySet<Capability>;
  /** The platform's home, never to be seen. */
  readonly platformHome: string;
  /** The home of the user that runs the daemon. */
  readonly userHome: string;
  /** The directory of the node that runs the daemon. */
  readonly nodeDirectory: string;
  /** setpriv, by absolute path, where it is installed. */
  readonly setpriv: string | undefined;
}

const SYSTEM = ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix", "/var/lib/gems"];
/** Sockets of databases on this machine, and where /etc/resolv.conf may lead. */
const RUN = ["postgresql", "mysqld", "redis", "systemd/resolve", "resolvconf", "NetworkManager", "current-system"];
/** What belongs to programs in the `bin` or `shims` beside it. Not `share`, in which people's own files lie as well. */
const COMPANIONS = ["lib", "lib64", "libexec", "conf", "versions", "version", "installs", "plugins", "tools"];
/** Go looks for its own sources there. */
const COMPANIONS_OF_GO = ["src", "pkg", "misc", "VERSION", "go.env"];
/** What takes root's rights away needs these, and is left with none. bubblewrap enters the directory with them, which is the app's
 *  user's and may be that user's alone. */
const CHANGE_USER: readonly Capability[] = ["SETUID", "SETGID", "SETPCAP", "DAC_OVERRIDE"];
/** A change of user ends what root may do; these end what a program could yet be given. */
const NO_CAPABILITIES = ["--inh-caps=-all", "--bounding-set=-all"];

/** In a user namespace it holds for files of this user alone. */
const IGNORE_MODES: Capability = "DAC_OVERRIDE";

export class Sandbox {
  readonly #options: SandboxOptions;
  readonly #system: Promise<readonly string[]>;
  /** By place and user. */
  readonly #etc = new Map<string, Promise<EtcView>>();
  readonly #paths = new Map<string, Promise<readonly string[]>>();

  constructor(options: SandboxOptions) {
    this.#options = options;
    this.#system = this.#systemWords();
  }

  /** The command line up to the program that it runs; bubblewrap writes what it made to file descriptor 3. */
  async words(run: SandboxRun): Promise<string[]> {
    const app = join(run.directory, "app");
    const shown = run.readOnlySlug === undefined ? bind("--bind", app, app) : showSlug(run.readOnlySlug, app);
    return this.#cellWords({ ...run, app, tmp: join(run.directory, "tmp"), shown, options: ["--json-status-fd", "3"] });
  }

  /** The same for a tool of a build. It ends with the daemon, and what it has started ends with it. */
  async buildWords(build: SandboxBuild): Promise<string[]> {
    const readable = build.readable.flatMap((path) => bind("--ro-bind-try", path, path));
    const writable = [build.app, build.tmp, ...build.writable].flatMap((path) => bind("--bind", path, path));
    const shown = [...readable, ...writable];
    return this.#cellWords({ ...build, shown, ignoresModes: false, options: ["--die-with-parent"] });
  }

  async #cellWords(cell: Cell): Promise<string[]> {
    const { program, isRoot, uid, gid } = this.#options;
    const system = await this.#system;
    const etc = isRoot ? await this.#etcWords(cell.user) : [];
    let path = this.#paths.get(cell.path);
    if (path === undefined) this.#paths.set(cell.path, (path = this.#pathWords(cell.path)));
    const places = [
      ...system,
      ...etc,
      ...bind("--bind", cell.tmp, "/tmp"),
      ...bind("--symlink", "../tmp", "/var/tmp"),
      ...(await path),
      ...cell.shown,
      ...bind("--symlink", cell.app, "/app"),
    ];
    return [
      program,
      "--unshare-pid",
      "--unshare-ipc",
      "--unshare-uts",
      ...(isRoot ? [] : ["--unshare-user", "--uid", String(uid), "--gid", String(gid)]),
      ...(cell.user === undefined ? places : withParents(places)),
      "--remount-ro",
      "/",
      "--chdir",
      cell.app,
      ...(isRoot ? ["--cap-drop", "ALL"] : []),
      ...this.#capabilities(cell).flatMap((name) => ["--cap-add", `CAP_${name}`]),
      ...cell.options,
      "--",
      ...this.#userWords(cell.user),
    ];
  }

  /** When one of them cannot be left, bubblewrap leaves all that there are. */
  #capabilities({ user, ignoresModes }: Cell): readonly Capability[] {
    const { isRoot, held } = this.#options;
    if (!isRoot) return ignoresModes ? [IGNORE_MODES] : [];
    return (user === undefined ? CAPABILITIES : CHANGE_USER).filter((one) => held.has(one));
  }

  #userWords(user: SandboxUser | undefined): string[] {
    const { setpriv } = this.#options;
    if (user === undefined || setpriv === undefined) return [];
    return [setpriv, `--reuid=${String(user.id)}`, `--regid=${String(user.id)}`, "--clear-groups", ...NO_CAPABILITIES];
  }

  async #etcWords(user: SandboxUser | undefined): Promise<string[]> {
    const place = user?.etc ?? join(this.#options.platformHome, "sandbox");
    const key = `${place}\0${String(user?.id)}`;
    let opening = this.#etc.get(key);
    // An app may be destroyed, and another one be of its name.
    if (opening === undefined || !existsSync(place)) {
      opening = EtcView.open(place, (path) => isBelowAny(path, SYSTEM), user?.id);
      this.#etc.set(key, opening);
      // The next start tries again.
      opening.catch(() => this.#etc.delete(key));
    }
    const view = await opening;
    view.refresh();
    return [...view.words(), ...(user === undefined ? [] : SHARED_MEMORY)];
  }

  async #systemWords(): Promise<string[]> {
    const { isRoot, platformHome, userHome } = this.#options;
    const shown = [...SYSTEM, ...RUN.map((name) => `/run/${name}`), ...(isRoot ? [] : ["/etc"])];
    // Homes that lie in a directory that is shown are covered up.
    const homes = isSystemPlace(userHome) ? [platformHome, userHome] : [platformHome];
    return [
      ...(await Promise.all(shown.map((path) => showAsItIs(path)))).flat(),
      ...bind("--symlink", "../run", "/var/run"),
      "--proc",
      "/proc",
      "--dev",
      "/dev",
      ...homes.flatMap((home) => (isBelowAny(home, SYSTEM) ? ["--tmpfs", home] : [])),
    ];
  }

  /** Programs may be installed anywhere: under a home, in /srv. */
  async #pathWords(path: string): Promise<string[]> {
    const { nodeDirectory, platformHome, userHome } = this.#options;
    const shown = new Set<string>();
    for (const directory of [...path.split(":"), nodeDirectory]) {
      const isHidden = isBelowAny(directory, [platformHome]) || isBelowAny(platformHome, [directory]);
      if (!isAbsolute(directory) || isHidden || isBelowAny(userHome, [directory])) continue;
      shown.add(directory);
      if (!/^(bin|sbin|shims)$/.test(basename(directory))) continue;
      for (const name of companionsOf(dirname(directory))) shown.add(join(dirname(directory), name));
    }
    const unseen = [...shown].filter(
      (place) => !isBelowAny(place, [...SYSTEM, ...[...shown].filter((other) => other !== place)]),
    );
    return (await Promise.all(unseen.map((place) => showIfThere(place)))).flat();
  }
}

function companionsOf(parent: string): string[] {
  return existsSync(join(parent, "pkg", "tool")) ? [...COMPANIONS, ...COMPANIONS_OF_GO] : COMPANIONS;
}

/** bubblewrap makes the directories that lead to a place for its own user alone. */
function withParents(words: readonly string[]): string[] {
  const made = new Set<string>();
  const result: string[] = [];
  for (let index = 0; index < words.length;) {
    const length = /^--(symlink|(ro-)?bind(-try)?|chmod)$/.test(words[index] ?? "") ? 3 : 2;
    const option = words.slice(index, index + length);
    for (const parent of ancestors(option.at(-1) ?? "")) {
      if (!made.has(parent)) result.push("--dir", parent);
      made.add(parent);
    }
    result.push(...option);
    index += length;
  }
  return result;
}

/** From the top; without the root. */
function ancestors(path: string): string[] {
  const parent = dirname(path);
  return parent === "/" ? [] : [...ancestors(parent), parent];
}

/** It is root's otherwise. */
const SHARED_MEMORY = ["--chmod", "1777", "/dev/shm"];

function bind(option: "--bind" | "--ro-bind" | "--ro-bind-try" | "--symlink", from: string, to: string): string[] {
  return [option, from, to];
}

/** The built code has an empty directory in the place of each entry of a layer. */
function showSlug([code = "", ...layers]: readonly string[], app: string): string[] {
  const entries = layers.flatMap((layer) => readdirSync(layer).map((name) => [join(layer, name), join(app, name)]));
  return [...bind("--ro-bind", code, app), ...entries.flatMap(([from = "", to = ""]) => bind("--ro-bind", from, to))];
}

/** Of the users of the system some have homes such as /usr/sbin, which are no homes. */
function isSystemPlace(home: string): boolean {
  return /^\/(opt|usr\/home)\/./.test(home);
}

/** A link to what is shown stays a link, as /bin to usr/bin: a mount costs each start half a millisecond. */
async function showAsItIs(path: string): Promise<string[]> {
  try {
    if ((await lstat(path)).isSymbolicLink() && (dirname(path) === "/" || isBelowAny(await realpath(path), SYSTEM))) {
      return bind("--symlink", await readlink(path), path);
    }
    return bind("--ro-bind-try", path, path);
  } catch {
    return [];
  }
}

async function showIfThere(path: string): Promise<string[]> {
  return stat(path).then(
    () => bind("--ro-bind-try", path, path),
    () => [],
  );
}

function isBelowAny(path: string, places: readonly string[]): boolean {
  return places.some((place) => {
    const way = relative(place, path);
    return way !== ".." && !way.startsWith("../") && !isAbsolute(way);
  });
}
