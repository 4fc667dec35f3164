/** ps:restart and ps:stop: they touch processes only, never the ledger. */
import { AppError } from "../core/error.ts";
import type { Actor } from "./actor.ts";
import type { App } from "./app.ts";
import type { Platform } from "./platform.ts";

/** @param name a process (`web.1`), a type (`web`), or undefined for all.
 *  @throws AppError not_found when nothing of that name is in the formation. */
export async function restart(platform: Platform, app: App, name: string | undefined, actor: Actor): Promise<void> {
  await platform.knowsProcesses(app);
  checkName(app, name);
  app.logChange(actor, `Restart ${name ?? "all processes"}`);
  app.formation.restart(name);
}

/** A stopped process of the formation is started again, as on Heroku. */
export async function stop(platform: Platform, app: App, name: string, actor: Actor): Promise<void> {
  await platform.knowsProcesses(app);
  checkName(app, name);
  app.logChange(actor, `Stop ${name}`);
  app.formation.stop(name);
}

function checkName(app: App, name: string | undefined): void {
  if (name === undefined) return;
  const dynos = app.formation.list().filter((dyno) => dyno.listed);
  if (dynos.some((dyno) => dyno.name === name || dyno.type === name)) return;
  const names = dynos.map((dyno) => dyno.name).join(", ");
  throw new AppError("not_found", `No process ${JSON.stringify(name.slice(0, 60))} on ${app.name}.`, {
    hint: names === "" ? "Nothing runs; `git heroku scale web=1` starts a process." : `Running are ${names}.`,
  });
}
