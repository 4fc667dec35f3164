/** Between SSH and the platform: whose key it is, what that person may do, and who serves them. */
import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { formatAuthorizedKeys } from "../core/access-key.ts";
import { SshServer, type SshVisit } from "../hook/ssh-server.ts";
import type { SshRequest } from "../hook/ssh-registration.ts";
import { writeDurably } from "../ledger/durable-file.ts";
import { enterApp } from "../platform/access.ts";
import type { Platform } from "../platform/platform.ts";
import { FETCH, PUSH, serveGit } from "../platform/serve-git.ts";
import { keyRemoved, keyVisitor } from "../platform/visitor.ts";
import type { SshDoor } from "../server/ssh-door.ts";
import { systemClock } from "./system-clock.ts";

export interface SshPlaces {
  /** What sshd's user may read and enter. */
  directory: string;
  /** Whether that is another user, of the directory's group. */
  isShared: boolean;
  /** hooks/ssh-command */
  program: string;
}

/** Where the SSH door is: in the home, or where sshd's own user can reach it. */
export function sshPlaces(own: string, hooks: string, env: Readonly<Record<string, string | undefined>>): SshPlaces {
  const shared = env["GIT_HEROKU_SSH_DIRECTORY"] ?? "";
  return { directory: shared === "" ? own : shared, isShared: shared !== "", program: join(hooks, "ssh-command") };
}

export interface SshGate {
  close(): Promise<void>;
}

/** Writes what sshd and its forced command need, now and with each change of the keys. */
export async function openSshGate(platform: Platform, places: SshPlaces, door: SshDoor): Promise<SshGate> {
  const { directory, isShared, program } = places;
  const mode = isShared ? 0o640 : 0o600;
  const doors = await SshServer.listen({
    dir: join(directory, "doors"),
    isShared,
    clock: systemClock,
    onRequest: (request) => admit(platform, door, request),
    onBug: (error) => platform.journal.fault("ssh", error),
  });
  const write = async (name: string, text: string): Promise<void> => {
    const path = join(directory, name);
    await writeDurably(path, text, mode);
    // The umask of a service lets no group read.
    await chmod(path, mode);
  };
  await write("hook-env", platform.hooks.env);
  await platform.keys.publishBy((keys) => write("authorized_keys", formatAuthorizedKeys(keys, [program, directory])));
  return {
    close: async () => {
      await doors.close();
      door.close();
    },
  };
}

/** @throws AppError for a key that lets nobody in, and for who may not do this with the app */
async function admit(platform: Platform, door: SshDoor, request: SshRequest): Promise<SshVisit> {
  const use = platform.keys.use(request.fingerprint);
  if (use === undefined) throw keyRemoved();
  const visitor = keyVisitor(use);
  const holds = (): boolean => platform.keys.holds(use);
  const { service, app: name, protocol } = request;
  if (service === "api") return (socket) => door.enter(socket, { visitor, holds });
  const need = service === "git-receive-pack" ? PUSH : FETCH;
  const app = await enterApp(platform, visitor, name, need);
  platform.gitVisits.check(visitor);
  const { settings: limits } = await app.state();
  return (socket) => serveGit(platform, { app, visitor, name: service, protocol, limits }, socket);
}
