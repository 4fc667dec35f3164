/** What a bisection has found: the release, and what it changed. */
import type { ReleaseDiff } from "../api/history-resources.ts";
import { AppError } from "../core/error.ts";
import { formatVersion } from "../core/release.ts";
import type { Context } from "./command.ts";
import { formatDiff } from "./diff-text.ts";

export interface FirstBad {
  version: number;
  /** The last release before it that can run: what it is compared with. */
  before: number;
}

export async function showFirstBad(context: Context, app: string, found: FirstBad): Promise<void> {
  const { out, world } = context;
  await out.line(`${formatVersion(found.version)} is the first bad release\n`);
  const diff = await readDiff(context, app, found);
  if (diff === undefined) return;
  await out.write(formatDiff(diff, { now: world.now(), paint: (text, colour) => out.paint(text, colour) }));
}

/** A difference that cannot be shown, as one that is too large, makes the finding no less true. */
export async function readDiff(
  { client, out }: Context,
  app: string,
  { version, before }: FirstBad,
): Promise<ReleaseDiff | undefined> {
  try {
    return await client.diff(app, version, before);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    out.complain(error);
    return undefined;
  }
}
