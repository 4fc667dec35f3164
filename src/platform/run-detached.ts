/** run and run:detached: start a one-off process of a release, with its code, config and slug; its output goes to
 *  the log or to whoever is attached. */
import { randomUUID } from "node:crypto";
import { changeConfig, type ConfigVars } from "../core/config-vars.ts";
import { AppError } from "../core/error.ts";
import { oneOffCommand } from "../core/procfile.ts";
import { formatVersion, type Release } from "../core/release.ts";
import type { Actor } from "./actor.ts";
import type { Attachment } from "./attachments.ts";
import type { OneOffOrder } from "../formation/one-offs.ts";
import type { TerminalSize } from "../core/run-frames.ts";
import type { App, DynoInfo } from "./app.ts";
import { loadRelease } from "./launch.ts";
import type { Platform } from "./platform.ts";
import { isEligible } from "./rollback.ts";

export interface RunRequest {
  /** For a shell; its first word may name a process type. */
  command: string;
  /** Beside the release's config vars, and stronger. */
  env?: ConfigVars | undefined;
  /** The current release unless another is named. */
  version?: number | undefined;
  timeLimitMs?: number | undefined;
}

/** The kernel takes no argument of a program over 128 KiB. */
const COMMAND_BYTES_MAX = 64 * 1024;

/** Resolves when the process runs.
 *  @throws AppError invalid_params for a bad command, variable or release, or when there are too many already. */
export async function runDetached(platform: Platform, app: App, request: RunRequest, actor: Actor): Promise<DynoInfo> {
  return app.oneOffs.start((await prepareRun(platform, app, request, actor)).order);
}

export interface AttachedRun {
  readonly dyno: DynoInfo;
  /** Opens the way to its input and outputs, once (`Attachments`). */
  readonly secret: string;
  readonly attachment: Attachment;
}

/** Resolves when the process runs, and waits for its client.
 *  @param terminal undefined: pipes
 *  @throws AppError as `runDetached`, and unavailable where the machine cannot do it. */
export async function runAttached(
  platform: Platform,
  app: App,
  { terminal, ...request }: RunRequest & { terminal: TerminalSize | undefined },
  actor: Actor,
): Promise<AttachedRun> {
  const { order, runAttachMs } = await prepareRun(platform, app, request, actor);
  const { info, attachment } = await app.oneOffs.attach({ ...order, terminal });
  return { dyno: info, secret: platform.attachments.offer(attachment, runAttachMs), attachment };
}

interface PreparedRun {
  readonly order: OneOffOrder;
  readonly runAttachMs: number;
}

async function prepareRun(platform: Platform, app: App, request: RunRequest, actor: Actor): Promise<PreparedRun> {
  checkCommand(request.command);
  const extra = changeConfig({}, request.env ?? {}).vars;
  const release = await findRelease(app, request.version);
  const { appDir, procfile, env, confinement } = await loadRelease(platform, app, release);
  const { runTimeoutMs, runAttachMs } = (await app.state()).settings;
  if (app.isEnding) throw new AppError("unavailable", `${app.name} is being closed.`);
  const command = oneOffCommand(request.command, procfile);
  app.logChange(actor, `Run \`${command}\``);
  const order = {
    id: randomUUID(),
    release: release.version,
    command,
    cargo: { appDir, env: { ...env, ...extra }, confinement },
    timeLimitMs: Math.min(request.timeLimitMs ?? runTimeoutMs, runTimeoutMs),
  };
  return { order, runAttachMs };
}

/** @throws AppError invalid_params for what no shell can be given. */
export function checkCommand(command: string): void {
  if (command.trim() === "") {
    throw new AppError("invalid_params", "There is no command to run.", {
      hint: "Give one, such as `git heroku run:detached -- node task.js`.",
    });
  }
  if (command.includes("\0")) throw new AppError("invalid_params", "The command contains a NUL character.");
  if (Buffer.byteLength(command) > COMMAND_BYTES_MAX) {
    throw new AppError("invalid_params", "The command is longer than 64 KiB.", {
      hint: "Put it into a script of the app.",
    });
  }
}

async function findRelease(app: App, version: number | undefined): Promise<Release> {
  const release = version === undefined ? await app.ledger.current() : await app.ledger.get(version);
  if (release !== undefined && isEligible(release)) return release;
  const which = release === undefined ? app.name : formatVersion(release.version);
  const why = release?.status === "failed" ? "is a failed release" : "has no code";
  throw new AppError("invalid_params", `Nothing can be run: ${which} ${why}.`, {
    hint: "Deploy first: git push production main",
  });
}
