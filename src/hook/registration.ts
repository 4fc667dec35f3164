/** What a hook says first, on the registration socket: one line of five fields separated by tabs (version of this
 *  protocol, hook, receive-pack's process id, who pushed, the repository's directory name) and perhaps a sixth, the
 *  door that proc-receive wants (`4711.4713`), then one line `old new ref` for each ref that moved (post-receive only),
 *  then an empty line. hooks/connect.sh writes it. */
import type { Socket } from "node:net";
import type { RefUpdate } from "./proc-receive.ts";

export interface Registration {
  hook: "proc-receive" | "post-receive";
  pid: number;
  /** GIT_HEROKU_USER as the hook found it; empty when it was not set. */
  user: string;
  /** The directory's name, such as `foobaz.git`. */
  repo: string;
  /** The quick way of proc-receive: git's protocol will come through the door of this name, and this connection is
   *  what the developer sees. */
  door: string | undefined;
  updates: RefUpdate[];
}

const HEAD = /^1\t(proc-receive|post-receive)\t([0-9]+)\t([^\t]*)\t([^\t/]+?)(?:\t([0-9]{1,10}\.[0-9]{1,10}))?$/;
/** A mirror push of 40,000 refs fits. */
const BYTES_MAX = 4 * 1024 * 1024;

/** Resolves to "unknown" for anything that is not a registration of this protocol, and to "gone" when the hook goes
 *  away or the signal aborts first. */
export async function readRegistration(
  socket: Socket,
  signal: AbortSignal,
): Promise<Registration | "unknown" | "gone"> {
  const chunks: Buffer[] = [];
  let size = 0;
  return new Promise((resolve) => {
    const give = (answer: Registration | "unknown" | "gone"): void => {
      socket.off("data", onData).off("end", onEnd).off("close", onEnd);
      signal.removeEventListener("abort", onEnd);
      socket.resume();
      resolve(answer);
    };
    const onEnd = (): void => give("gone");
    const onData = (bytes: Buffer): void => {
      chunks.push(bytes);
      size += bytes.length;
      if (size > BYTES_MAX) return give("unknown");
      if (!endsWithEmptyLine(chunks)) return;
      give(parseRegistration(Buffer.concat(chunks).toString("utf8")) ?? "unknown");
    };
    socket.on("data", onData).on("end", onEnd).on("close", onEnd);
    signal.addEventListener("abort", onEnd);
  });
}

function endsWithEmptyLine(chunks: Buffer[]): boolean {
  const last = Buffer.concat(chunks.slice(-2));
  return last.length >= 2 && last.at(-1) === 0x0a && last.at(-2) === 0x0a;
}

export function parseRegistration(text: string): Registration | undefined {
  const [head = "", ...lines] = text.replace(/\n\n$/, "").split("\n");
  const [, hook, pid, user = "", repo = "", door] = HEAD.exec(head) ?? [];
  const updates = lines.map(parseUpdate).filter((update) => update !== undefined);
  if ((hook !== "proc-receive" && hook !== "post-receive") || updates.length < lines.length) return undefined;
  return { hook, pid: Number(pid), user, repo, door, updates };
}

function parseUpdate(line: string): RefUpdate | undefined {
  const [old, next, ...ref] = line.split(" ");
  if (old === undefined || next === undefined || ref.length === 0) return undefined;
  return { old, new: next, ref: ref.join(" ") };
}
