/** How the hooks of a repository reach the daemon: which client program this machine has, and the file `hook-env`
 *  that tells them (asking git's config would cost every push a process). */

/** nc: netcat with `-U`; perl: with its own Socket module; bash: over a loopback port; node: always there, slow. */
export type HookClient = "nc" | "perl" | "bash" | "node";

/** Runs a program and gives what it wrote on both outputs, or undefined when it cannot be run or does not end. */
export type Probe = (command: string, args: readonly string[]) => Promise<string | undefined>;

/** In the order of what they cost a push: 6, 16, 3 (but a port that others can knock at) and 120 ms. */
export async function chooseHookClient(probe: Probe): Promise<HookClient> {
  const usage = await ncUsage(probe);
  // OpenBSD's and nmap's netcat list `-U`; the traditional one and busybox's know no unix sockets.
  if (/^\s*-U\b/m.test(usage)) return "nc";
  if ((await probe("perl", ["-MSocket", "-e", "print PF_UNIX > 0 ? 'unix' : ''"])) === "unix") return "perl";
  // Nobody listens at port 1: bash is refused; a bash built without TCP takes the name for a file that is missing.
  if (/refused/i.test((await probe("bash", ["-c", "exec 3<>/dev/tcp/127.0.0.1/1"])) ?? "")) return "bash";
  return "node";
}

/** The switch with which nc passes the end of its input on. OpenBSD's does not do so by itself; others do. */
export async function ncEndSwitch(probe: Probe): Promise<string> {
  return /^\s*-N\s/m.test(await ncUsage(probe)) ? "-N" : "";
}

async function ncUsage(probe: Probe): Promise<string> {
  return (await probe("nc", ["-h"])) ?? "";
}

export interface HookEnv {
  client: HookClient;
  /** Absolute path of nc, for a shell that would look through its whole PATH. */
  nc?: string | undefined;
  /** What makes nc pass the end of its input on; empty when nothing is needed. */
  ncEnd?: string;
  /** Absolute path of node. */
  node: string;
  /** Absolute path of the hooks' node client, `hook-client.js`. */
  nodeClient: string;
  /** Absolute path of the daemon's script. */
  daemon: string;
  /** Absolute path of the platform's home. */
  home: string;
  /** Where a daemon that a hook starts writes what it has to say. */
  log: string;
  /** How long a push waits for a daemon that its hook started. */
  startSeconds?: number;
}

const START_SECONDS = 30;

/** The text of `hook-env`, which the hooks source: assignments for sh, nothing else. */
export function formatHookEnv(env: HookEnv): string {
  const values = {
    client: env.client,
    nc: env.nc ?? "nc",
    nc_end: env.ncEnd ?? "",
    node: env.node,
    node_client: env.nodeClient,
    daemon: env.daemon,
    home: env.home,
    log: env.log,
    start_seconds: String(env.startSeconds ?? START_SECONDS),
  };
  const lines = Object.entries(values).map(([name, value]) => `${name}=${quote(value)}`);
  return `# Written by the platform, again whenever it starts.\n${lines.join("\n")}\n`;
}

function quote(value: string): string {
  return `'${value.replaceAll("'", String.raw`'\''`)}'`;
}
