/** What `server:install`, `server:upgrade` and `server:uninstall` change on a machine, as lists. */
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { AppError } from "../core/error.ts";
import { NFT, PORTS_SERVICE } from "../core/port-guard.ts";
import {
  type AskedSetup,
  CADDY_IMPORT,
  checkSetup,
  HOME,
  PLACES,
  portFiles,
  readSetup,
  SERVICE,
  serverFiles,
  SSH_DIRECTORY,
  type ServerSetup,
} from "../core/server-files.ts";
import type { World } from "./command.ts";
import type { Change } from "./system-changes.ts";

const SSHD_CHECK = ["sshd", "-t"];
const CHECKS: Readonly<Record<string, readonly string[]>> = {
  [PLACES.unit]: ["systemd-analyze", "verify", PLACES.unit],
  [PLACES.sshd]: SSHD_CHECK,
  [PLACES.ports]: [NFT, "-c", "-f", PLACES.ports],
  [PLACES.portsUnit]: ["systemd-analyze", "verify", PLACES.portsUnit],
};
const NGINX_CHECK = ["nginx", "-t"];
const CADDY_CHECK = ["caddy", "validate", "--adapter", "caddyfile", "--config", PLACES.caddyMain];
const BY_OTHERS = 0o005;

/** Node and this program, where every user of the machine finds them. */
export function programs({ daemonScript }: Pick<World, "daemonScript">): Pick<ServerSetup, "node" | "daemon"> {
  return { node: realpathSync(process.execPath), daemon: realpathSync(daemonScript) };
}

/** @throws AppError when they lie where only one user may go, such as below /root */
export function checkReachable(paths: readonly string[]): void {
  for (const path of paths) {
    for (let one = path; one !== "/"; one = dirname(one)) {
      const needed = statSync(one).isDirectory() ? 0o001 : BY_OTHERS & 0o004;
      if ((statSync(one).mode & needed) === needed) continue;
      throw new AppError("invalid_params", `${path} cannot be used by other users: ${one} is closed to them.`, {
        hint: "Install Node and git-heroku for everybody, for instance below /usr/local, and run it from there.",
      });
    }
  }
}

/** What is installed below the root.
 *  @throws AppError not_found when nothing is */
export function installedSetup(root: string): AskedSetup {
  const unit = readIfThere(join(root, PLACES.unit));
  const setup = unit === undefined ? undefined : readSetup(unit);
  if (setup !== undefined) return setup;
  throw new AppError("not_found", `No platform is installed here: there is no ${PLACES.unit} of git-heroku.`, {
    hint: "Install one with: git heroku server:install",
  });
}

/** @param start how the daemon is brought to run what is installed
 *  @throws AppError invalid_params, or conflict when the user is somebody else's */
export function installChanges(root: string, setup: ServerSetup, start: readonly string[]): Change[] {
  checkSetup(setup);
  const isGuarded = !setup.openPorts && canClosePorts(root);
  const files = [...serverFiles(setup), ...(isGuarded ? portFiles() : [])];
  const writes: Change[] = files.map(({ path, text }) => ({ kind: "write", path, text, check: CHECKS[path] }));
  return [
    ...(hasUser(root, setup.user) ? [] : [run("useradd", ...userWords(setup.user))]),
    ...writes,
    ...frontChanges(root, setup),
    run("systemd-tmpfiles", "--create", PLACES.directories),
    ...(setup.openPorts ? openChanges(root) : []),
    run("systemctl", "daemon-reload"),
    ...(isGuarded ? GUARD.map((words) => run("systemctl", ...words, PORTS_SERVICE)) : []),
    run(...start),
    run("systemctl", "reload", "ssh"),
    ...(setup.front === undefined ? [] : [run("systemctl", "reload", setup.front.program)]),
  ];
}

/** From the next start of the machine on, and now. */
const GUARD = [["enable"], ["reload-or-restart"]];

/** Below another root nobody knows yet. */
export function canClosePorts(root: string): boolean {
  return root !== "/" || existsSync(NFT);
}

function openChanges(root: string): Change[] {
  if (!existsSync(join(root, PLACES.portsUnit))) return [];
  const files = [PLACES.portsDropIn, PLACES.portsUnit, PLACES.ports];
  return [run("systemctl", "disable", "--now", PORTS_SERVICE), ...files.map(remove)];
}

/** A shell for the forced command; no password, which is not the same as a locked account. */
function userWords(user: string): string[] {
  const home = ["--home-dir", HOME, "--no-create-home", "--shell", "/bin/sh"];
  return ["--system", "--user-group", ...home, "--password", "*", "--comment", "git-heroku", user];
}

/** @throws AppError conflict for a user of another purpose, such as another git server's */
function hasUser(root: string, user: string): boolean {
  const line = readIfThere(join(root, "/etc/passwd"))
    ?.split("\n")
    .find((one) => one.startsWith(`${user}:`));
  if (line === undefined) return false;
  if (line.split(":")[5] === HOME) return true;
  throw new AppError("conflict", `This machine has a user ${user} already, for something else.`, {
    hint: "Choose another name with --user NAME.",
  });
}

function frontChanges(root: string, { front }: Pick<ServerSetup, "front">): Change[] {
  if (front?.program === "nginx")
    return [{ kind: "link", path: PLACES.nginxLink, to: PLACES.nginx, check: NGINX_CHECK }];
  if (front === undefined) return [];
  const main = readIfThere(join(root, PLACES.caddyMain)) ?? "";
  const text = main.split("\n").includes(CADDY_IMPORT) ? main : `${main.trimEnd()}\n\n${CADDY_IMPORT}\n`.trimStart();
  return [{ kind: "write", path: PLACES.caddyMain, text, check: CADDY_CHECK }];
}

/** The platform's home and its user stay, unless all is to go. */
export function uninstallChanges(root: string, setup: ServerSetup, isPurged: boolean): Change[] {
  const { user, front, node, daemon, asRoot } = setup;
  const stop = [node, join(dirname(daemon), "git-heroku.js"), "server:stop", "--apps"];
  const main = readIfThere(join(root, PLACES.caddyMain)) ?? "";
  const text = main
    .split("\n")
    .filter((line) => line !== CADDY_IMPORT)
    .join("\n");
  return [
    run("runuser", "-u", asRoot ? "root" : user, "--", "env", `HOME=${HOME}`, `GIT_HEROKU_HOME=${HOME}`, ...stop),
    run("systemctl", "disable", "--now", SERVICE),
    ...openChanges(root),
    ...(text === main ? [] : [{ kind: "write" as const, path: PLACES.caddyMain, text }]),
    ...[PLACES.nginxLink, PLACES.nginx, PLACES.caddy, PLACES.sshd, PLACES.directories, PLACES.unit].map(remove),
    run("systemctl", "daemon-reload"),
    run("systemctl", "reload", "ssh"),
    ...(front === undefined ? [] : [run("systemctl", "reload", front.program)]),
    remove(SSH_DIRECTORY),
    ...(isPurged ? [remove(HOME), run("userdel", user)] : [remove(`${HOME}/managed`), remove(`${HOME}/.git-heroku`)]),
  ];
}

function run(...words: string[]): Change {
  return { kind: "run", words };
}

function remove(path: string): Change {
  return { kind: "remove", path };
}

function readIfThere(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, "utf8") : undefined;
}
