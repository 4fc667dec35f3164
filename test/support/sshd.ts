/** A real sshd on a loopback port for a platform's keys, and people who have one. Each connection is an sshd of its own, as
 *  inetd would start it, so the port is free for sure and nothing is left running. */
import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { TestPlatform } from "./platform.ts";
import type { TestContext } from "./suite.ts";

const run = promisify(execFile);
const PROGRAM = ["/usr/sbin/sshd", "/usr/local/sbin/sshd"].find((path) => existsSync(path));

/** Undefined where there is an sshd to be had. */
export const MISSING_SSHD = PROGRAM === undefined ? "sshd" : missingShell();

/** sshd runs the forced command by the user's shell. */
function missingShell(): string | undefined {
  const { shell } = userInfo();
  return shell === null || /nologin|false$/.test(shell) ? "a user with a shell" : undefined;
}

export interface TestSshd {
  /** `ssh://rick@127.0.0.1:2222` */
  server: string;
  /** `rick@127.0.0.1`, for ssh itself, and the options that lead there. */
  destination: string;
  /** Makes a key pair. */
  person(name: string): Promise<SshPerson>;
}

export interface SshPerson {
  email: string;
  /** The file with the public key. */
  publicKey: string;
  fingerprint: string;
  /** What git and git heroku have to be told to come with this key, and who the person says to be: somebody else. */
  env: Record<string, string>;
  /** Words for ssh itself. */
  ssh: string[];
}

export async function startSshd(t: TestContext, platform: TestPlatform): Promise<TestSshd> {
  const dir = await t.tempDir();
  const hostKey = await makeKey(join(dir, "host"));
  const config = join(dir, "sshd_config");
  await writeFile(config, configText(platform, hostKey));
  await readySshd();
  const sockets = new Set<Socket>();
  const server = createServer({ pauseOnConnect: true }, (socket) => {
    sockets.add(socket);
    const sshd = spawn(PROGRAM ?? "", ["-i", "-f", config, "-E", join(dir, "log")], {
      stdio: [socket, socket, "ignore"],
    });
    socket.destroy();
    running.add(sshd);
    sshd.on("exit", () => running.delete(sshd));
  });
  const running = new Set<ReturnType<typeof spawn>>();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(async () => {
    server.close();
    for (const sshd of running) sshd.kill();
  });
  const { port } = server.address() as AddressInfo;
  const { username } = userInfo();
  const known = join(dir, "known_hosts");
  const [type, key] = (await readFile(`${hostKey}.pub`, "utf8")).split(" ");
  await writeFile(known, `[127.0.0.1]:${String(port)} ${type ?? ""} ${key ?? ""}\n`);
  return {
    server: `ssh://${username}@127.0.0.1:${String(port)}`,
    destination: `${username}@127.0.0.1`,
    person: (name) => makePerson(dir, name, { known, port, destination: `${username}@127.0.0.1` }),
  };
}

/** As the system does before it starts one: where root's sshd shuts its untrusted half in. */
export async function readySshd(): Promise<void> {
  if (process.getuid?.() === 0) await mkdir("/run/sshd", { recursive: true, mode: 0o755 });
}

/** As a server would have it, but for what needs another user, and with all of the client's environment let through. */
function configText({ home }: TestPlatform, hostKey: string): string {
  return `HostKey ${hostKey}
AuthorizedKeysFile ${home}/ssh/authorized_keys
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin forced-commands-only
AcceptEnv *
PidFile none
LogLevel VERBOSE
`;
}

async function makePerson(
  dir: string,
  name: string,
  { known, port, destination }: { known: string; port: number; destination: string },
): Promise<SshPerson> {
  const file = await makeKey(join(dir, name));
  const { stdout } = await run("ssh-keygen", ["-l", "-f", `${file}.pub`]);
  const ssh = ["ssh", "-F", "none", "-i", file, "-o", "IdentitiesOnly=yes", "-o", `UserKnownHostsFile=${known}`];
  return {
    email: `${name}@foobazco.com`,
    publicKey: `${file}.pub`,
    fingerprint: stdout.split(" ")[1] ?? "",
    env: { GIT_SSH_COMMAND: ssh.join(" "), GIT_HEROKU_USER: "Mallory <mallory@foobazco.com>" },
    ssh: [...ssh.slice(1), "-o", "BatchMode=yes", "-p", String(port), destination],
  };
}

async function makeKey(file: string): Promise<string> {
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file]);
  return file;
}
