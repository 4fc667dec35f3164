/** git's output while it is written, for what may be long. Whoever stops reading ends the git process with it. */
import { spawn, type ChildProcessByStdio } from "node:child_process";
import type { Readable } from "node:stream";
import { gitArguments, type Repository } from "./git-process.ts";

type Child = ChildProcessByStdio<null, Readable, Readable>;

const STDERR_KEPT = 4096;

/** @throws Error with what git wrote to standard error when it fails; everything before that was given out. */
export async function* gitOutput(repository: Repository, args: readonly string[]): AsyncGenerator<Buffer> {
  const child = spawn("git", gitArguments(repository, args), {
    cwd: repository.path,
    env: { ...repository.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const failure = untilEnded(child);
  try {
    for await (const chunk of child.stdout as AsyncIterable<Buffer>) yield chunk;
  } finally {
    // After the last byte it is ending anyway.
    if (!child.stdout.readableEnded) child.kill();
    await failure;
  }
  const reason = await failure;
  if (reason !== undefined) throw new Error(`git ${args[0] ?? ""} failed: ${reason}`);
}

/** Why it failed, once it is gone; undefined when it did not. */
function untilEnded(child: Child): Promise<string | undefined> {
  let stderr = "";
  child.stderr.on("data", (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-STDERR_KEPT);
  });
  return new Promise((resolve) => {
    child.once("error", (error) => {
      if (child.pid === undefined) resolve(error.message);
    });
    child.once("close", (code, signal) => resolve(code === 0 ? undefined : stderr.trim() || String(signal ?? code)));
  });
}
