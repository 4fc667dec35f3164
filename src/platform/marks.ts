/** releases:mark: says of a release that it is bad, so that a rollback does not choose it by itself. Makes no release. */
import { AppError } from "../core/error.ts";
import { formatDate } from "../core/duration.ts";
import { changeMark, cleanReason, readMarks, type Mark, type Marks } from "../core/marks.ts";
import { formatVersion, type Release } from "../core/release.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import type { Platform } from "./platform.ts";

const FILE = "marks";

/** Newest release first. */
export async function marksOf(app: App): Promise<Marks> {
  return readMarks((await app.ledger.readState())[FILE]);
}

/** @param reason why it is bad, or null to take the mark away. One that is marked with the same reason stays as it is.
 *  @throws AppError invalid_params for a reason that says nothing or a mark too many, not_found for a mark to be taken
 *  away that is not there. */
export async function markRelease(
  { clock }: Platform,
  app: App,
  change: { release: Release; reason: string | null },
  actor: Actor,
): Promise<Mark | undefined> {
  const { version } = change.release;
  const reason = change.reason === null ? undefined : cleanReason(change.reason);
  const name = formatVersion(version);
  const words = reason === undefined ? `Clear mark of ${name}` : `Mark ${name} bad (${reason})`;
  let mark: Mark | undefined;
  const hasChanged = await app.ledger.changeState({ ...actor, message: words }, (files) => {
    const before = readMarks(files[FILE]).get(version);
    if (reason === undefined && before === undefined) throw notMarked(version);
    const isSame = reason !== undefined && before?.reason === reason;
    if (isSame) mark = before;
    else if (reason !== undefined) mark = { version, reason, by: actor.by.email, at: formatDate(clock.now()) };
    return isSame ? undefined : { ...files, [FILE]: changeMark(files[FILE], version, mark) };
  });
  if (hasChanged) app.logChange(actor, words);
  return mark;
}

function notMarked(version: number): AppError {
  return new AppError("not_found", `${formatVersion(version)} is not marked.`, {
    hint: "`git heroku releases:mark` lists the marks there are.",
  });
}
