/** The first thing that a formation does: it finds what an earlier daemon left, gives each process its place, and hears of
 *  every end from then on. */
import { exitStatus } from "../core/dyno.ts";
import { formatDynoName } from "../core/formation-plan.ts";
import { isOneOffType } from "../core/procfile.ts";
import { sortInherited } from "./adoption.ts";
import type { DynoHost } from "./dyno-host.ts";
import { DynoProcess } from "./dyno-process.ts";
import type { Rests } from "./rest-book.ts";
import type { Roster } from "./roster.ts";
import type { Instance } from "./runtime.ts";
import { specOf, wantedDynos } from "./target.ts";
import type { Target } from "./target.ts";

export interface TakeOver {
  readonly host: DynoHost;
  readonly roster: Roster;
  readonly rests: Rests;
  readonly preboot: boolean;
  /** Told of every process of the app that has ended. */
  ended(instance: Instance): void;
}

/** @returns what ends the hearing of ends. */
export async function takeOver(target: Target, parts: TakeOver): Promise<() => void> {
  const { app, runtime } = parts.host;
  const early = new Map<string, Instance>();
  let notice = (instance: Instance): void => void early.set(instance.id, instance);
  const unwatch = runtime.watch((instance) => {
    if (instance.app === app && instance.phase === "exited") notice(instance);
  });
  try {
    const found = (await runtime.list(app))
      .filter(({ type }) => !isOneOffType(type))
      .map((instance) => early.get(instance.id) ?? instance);
    notice = (instance) => parts.ended(instance);
    await place(found, target, parts);
  } catch (error) {
    unwatch();
    throw error;
  }
  return unwatch;
}

async function place(found: readonly Instance[], target: Target, parts: TakeOver): Promise<void> {
  const { host, roster, rests, preboot } = parts;
  // Killed between the word about an end and the removal of its traces: nothing more is said.
  const told = found.filter(({ id, ps, phase }) => phase === "exited" && rests.get(ps)?.process === id);
  const { listed, retired, surplus, ended } = sortInherited(
    found.filter((instance) => !told.includes(instance)),
    target,
    preboot,
  );
  const adoptions = [
    ...listed.map((instance) => adopt(instance, host, (dyno) => roster.listed.set(dyno.ps, dyno))),
    ...[...retired, ...surplus].map((instance) => adopt(instance, host, (dyno) => roster.addRetired(dyno))),
  ];
  for (const instance of listed) if (instance.phase === "exited") parts.ended(instance);
  const traces = [...told.map(({ id }) => host.runtime.forget(id)), ...ended.map((instance) => bury(instance, host))];
  await Promise.all([...adoptions, ...traces.map((work) => work.catch((error: unknown) => host.broken(error)))]);
  restore(target, parts);
  const useless = new Set(surplus.map(({ id }) => id));
  for (const dyno of roster.retired) {
    if (!useless.has(dyno.id) || (preboot && roster.resumeRestart(dyno))) continue;
    dyno.send({ type: "stop-requested" });
  }
  roster.keepInherited();
}

async function adopt(instance: Instance, host: DynoHost, keep: (dyno: DynoProcess) => unknown): Promise<void> {
  const { type, slot, release, command } = instance;
  const dyno = new DynoProcess({ type, slot }, { release, command, web: instance.port !== undefined }, host);
  const adopted = dyno.adopt(instance);
  keep(dyno);
  await adopted;
}

/** It ended while nobody looked, and nothing follows from that. */
async function bury(instance: Instance, host: DynoHost): Promise<void> {
  host.onProcess(instance);
  await host.onExit(instance);
  const status = exitStatus(instance.exit ?? { code: null, signal: null });
  host.log({ ps: instance.ps, release: instance.release, message: `Process exited with status ${String(status)}` });
  await host.runtime.forget(instance.id);
}

/** Those without a process stay as they were, unless another release is wanted. */
function restore(target: Target, { host, roster, rests }: TakeOver): void {
  for (const name of wantedDynos(target)) {
    const rest = rests.get(formatDynoName(name));
    if (rest?.release !== target.release || roster.listed.has(formatDynoName(name))) continue;
    const dyno = new DynoProcess(name, specOf(target, name.type), host);
    roster.listed.set(dyno.ps, dyno);
    dyno.restore(rest);
  }
}
