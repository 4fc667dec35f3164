/** All living processes that came from some processes of ours, and signals for them. A process that was started in a
 *  session of its own leads it; what left that session is still known by a mark in the environment, where the machine
 *  shows that (Linux). A zombie counts as gone. */
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";

export interface Family {
  /** The leaders, which may have ended. */
  sessions: ReadonlySet<number>;
  /** What the environments of these processes hold and no others, such as `NAME=value`. */
  marks: readonly string[];
}

export async function livingProcesses(family: Family): Promise<number[]> {
  if (process.platform !== "linux") return livingInGroups(family.sessions);
  const pids = (await readdir("/proc")).filter((name) => /^[1-9]/.test(name)).map(Number);
  const found = await Promise.all(pids.map(async (pid) => ((await belongs(pid, family)) ? pid : undefined)));
  return found.filter((pid) => pid !== undefined && pid !== process.pid) as number[];
}

async function belongs(pid: number, { sessions, marks }: Family): Promise<boolean> {
  const stat = await readProc(pid, "stat");
  // The name in parentheses may hold anything, so fields are counted after it: state, parent, group, session.
  const [state = "Z", , , session] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  if (stat === "" || "ZX".includes(state)) return false;
  if (sessions.has(Number(session))) return true;
  const environment = `\0${await readProc(pid, "environ")}`;
  return marks.some((mark) => environment.includes(`\0${mark}`));
}

/** Empty where the process has ended or belongs to somebody else. */
function readProc(pid: number, file: string): Promise<string> {
  return readFile(`/proc/${String(pid)}/${file}`, "latin1").catch(() => "");
}

function livingInGroups(groups: ReadonlySet<number>): Promise<number[]> {
  return new Promise((resolve) => {
    execFile("/bin/ps", ["-A", "-o", "pid=,pgid=,stat="], (_error, stdout) => {
      const rows = stdout.split("\n").map((line) => line.trim().split(/\s+/));
      const living = rows.filter(([, group, state]) => groups.has(Number(group)) && state?.startsWith("Z") === false);
      resolve(living.map(([pid]) => Number(pid)));
    });
  });
}

/** A process that is gone is no error. */
export function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "ESRCH" && code !== "EPERM") throw error;
  }
}
