/** The release phase: runs a release command as the one-off process `release.N`, N being the version that it decides
 *  about, and shows what it prints while it runs. */
import { randomUUID } from "node:crypto";
import { constants } from "node:os";
import { spellDuration } from "../core/duration.ts";
import { AppError } from "../core/error.ts";
import { parseLogLine } from "../core/log-line.ts";
import { RELEASE_TYPE } from "../core/procfile.ts";
import type { Cargo } from "../formation/dyno-host.ts";
import type { OneOffEnd } from "../formation/one-off.ts";
import { ToolOutput } from "../build/tool-output.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import { checkPass, watchPass } from "./pass.ts";
import type { Platform } from "./platform.ts";

interface ReleaseCommand {
  platform: Platform;
  app: App;
  version: number;
  command: string;
  cargo: Cargo;
  show: (text: string) => void;
  /** Who asked for it. */
  actor: Actor;
}

/** How a release command ended; a text says why there was no process at all. */
export type CommandEnd = { end: OneOffEnd; timeLimitMs: number; isClosing: boolean } | { fault: string };

/** Resolves when nothing of the command runs any more. When the app is closed meanwhile, or who asked may no longer, the
 *  command is stopped. */
export async function runReleaseCommand(asked: ReleaseCommand): Promise<CommandEnd> {
  const { app, version, command, cargo, show } = asked;
  const { settings } = await app.state();
  const timeLimitMs = settings.releaseTimeoutMs;
  app.oneOffs.configure(settings);
  show("-----> Running release command...\n");
  const shown = await showLines(app, version, show);
  const id = randomUUID();
  const cancel = (): void => app.oneOffs.cancel(id);
  app.ending.addEventListener("abort", cancel);
  const unwatch = watchPass(asked.actor, cancel);
  try {
    await checkPass(asked.actor);
    const { env, appDir, confinement } = cargo;
    const running = app.oneOffs.run({
      type: RELEASE_TYPE,
      id,
      release: version,
      command,
      cargo: { appDir, env, ...(confinement && { confinement }) },
      timeLimitMs,
    });
    if (app.isEnding) cancel();
    const end = await running;
    await shown.done;
    return { end, timeLimitMs, isClosing: app.isEnding };
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    shown.stop();
    await shown.done;
    return { fault: error.message.replace(/\.$/, "") };
  } finally {
    app.ending.removeEventListener("abort", cancel);
    unwatch();
  }
}

interface ShownLines {
  /** Resolves when the last line is shown. */
  done: Promise<void>;
  stop(): void;
}

/** Follows the log, where every line of the process is stored once. Resolves when it has begun. */
async function showLines(app: App, version: number, show: (text: string) => void): Promise<ShownLines> {
  const output = new ToolOutput(show);
  const lines = output.stream();
  const over = new AbortController();
  const pieces = app.logs.tail({ ps: `${RELEASE_TYPE}.${String(version)}`, lines: 0 }, over.signal);
  // Only then does the follower know where to begin.
  await pieces.next();
  const done = (async () => {
    for await (const piece of pieces) {
      for (const text of piece.lines.toString().split("\n")) {
        if (text === "") continue;
        const { source, msg } = parseLogLine(text);
        if (source === "app") lines.write(Buffer.from(`${msg}\n`));
        else if (msg.endsWith(" to complete")) over.abort();
      }
    }
    output.end();
  })();
  return { done, stop: () => over.abort() };
}

/** Undefined when the command succeeded, else why it did not: `exit status 1`. */
export function describeFailure(app: App, outcome: CommandEnd): string | undefined {
  if ("fault" in outcome) return outcome.fault;
  const { status, hasRunOut, wasStopped } = outcome.end;
  if (outcome.isClosing && wasStopped) return `${app.name} was closed while it ran`;
  if (hasRunOut) return `it took longer than ${spellDuration(outcome.timeLimitMs)}`;
  if (wasStopped) return "it was stopped";
  if (status === undefined) return "it went down with its machine";
  return status === 0 ? undefined : `exit status ${String(status)}${describeSignal(status)}`;
}

/** A shell gives 128 and the number of the signal. */
function describeSignal(status: number): string {
  const name = Object.entries(constants.signals).find(([, number]) => number === status - 128)?.[0];
  return name === undefined ? "" : ` (${name})`;
}
