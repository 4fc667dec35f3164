/** builds:cancel: ends a build with all its processes; the push that waits for it is rejected. */
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import type { BuildRecord } from "./builds.ts";

/** @param idStart the beginning of its id, or `running`
 *  @throws AppError not_found when there is none, conflict when it has ended. */
export async function cancelBuild(app: App, idStart: string, actor: Actor): Promise<BuildRecord> {
  const record = await app.builds.find(idStart);
  app.builds.cancel(record, actor);
  app.logChange(actor, `Cancel build of ${record.commit.slice(0, 7) || "an archive"}`);
  return record;
}
