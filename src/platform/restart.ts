/** ps:restart and ps:stop: they touch processes only, never the ledger. A one-off process is never started again, so
 *  that a restart of one, which the API knows, is its stop; a restart of all leaves it alone. */
import { AppError } from "../core/error.ts";
import { parseDynoName } from "../core/formation-plan.ts";
import { ONE_OFF_TYPE } from "../core/procfile.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import type { Platform } from "./platform.ts";
import { wake } from "./wake.ts";

/** @param name a process (`web.1`), a type (`web`), or undefined for all.
 *  @throws AppError not_found when nothing of that name is in the formation. */
export async function restart(platform: Platform, app: App, name: string | undefined, actor: Actor): Promise<void> {
  await platform.knowsProcesses(app);
  // Who has just scaled may name what was scaled.
  await app.formation.looked();
  if (name !== undefined && isOneOff(app, name)) return stopOneOffs(app, name, actor);
  checkName(app, name);
  app.logChange(actor, `Restart ${name ?? "all processes"}`);
  await wake(platform, app);
  app.formation.restart(name);
}

/** A stopped process of the formation is started again, as on Heroku. */
export async function stop(platform: Platform, app: App, name: string, actor: Actor): Promise<void> {
  await platform.knowsProcesses(app);
  // Who has just scaled may name what was scaled.
  await app.formation.looked();
  if (isOneOff(app, name)) return stopOneOffs(app, name, actor);
  checkName(app, name);
  app.logChange(actor, `Stop ${name}`);
  app.formation.stop(name);
}

/** One-off processes: `run.1`, or all of them as `run`. */
function isOneOff(app: App, name: string): boolean {
  return app.oneOffs.list().some((dyno) => dyno.name === name || dyno.type === name);
}

/** They do not come back. */
async function stopOneOffs(app: App, name: string, actor: Actor): Promise<void> {
  const ids = app.oneOffs.list().flatMap((dyno) => (dyno.name === name || dyno.type === name ? [dyno.id] : []));
  app.logChange(actor, `Stop ${name}`);
  // A probe that somebody stops says nothing about its release.
  await app.bisect.giveUpProbe(ids);
  app.oneOffs.stop(name);
}

function checkName(app: App, name: string | undefined): void {
  if (name === undefined) return;
  const dynos = app.formation.list().filter((dyno) => dyno.listed);
  if (parseDynoName(name)?.type === ONE_OFF_TYPE || name === ONE_OFF_TYPE) throw noSuchOneOff(app, name);
  if (dynos.some((dyno) => dyno.name === name || dyno.type === name)) return;
  const names = dynos.map((dyno) => dyno.name).join(", ");
  throw new AppError("not_found", `No process ${JSON.stringify(name.slice(0, 60))} on ${app.name}.`, {
    hint: names === "" ? "Nothing runs; `git heroku scale web=1` starts a process." : `Running are ${names}.`,
  });
}

function noSuchOneOff(app: App, name: string): AppError {
  const names = app.oneOffs.list().map((dyno) => dyno.name);
  return new AppError("not_found", `No one-off process ${name} on ${app.name}.`, {
    hint:
      names.length === 0
        ? "None runs; `git heroku run:detached COMMAND` starts one."
        : `Running are ${names.join(", ")}.`,
  });
}
