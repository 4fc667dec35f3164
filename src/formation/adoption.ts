/** What a new daemon makes of the processes that an earlier one left: which keep their names, which serve on under a name
 *  that is a newer release's, which are one too many, and which have ended with nothing to follow from it. */
import { formatDynoName } from "../core/formation-plan.ts";
import type { DynoName } from "../core/formation-plan.ts";
import { WEB_TYPE } from "../core/procfile.ts";
import type { Instance } from "./runtime.ts";
import { wantedDynos } from "./target.ts";
import type { Target } from "./target.ts";

export interface Inheritance {
  readonly listed: readonly Instance[];
  readonly retired: readonly Instance[];
  readonly surplus: readonly Instance[];
  readonly ended: readonly Instance[];
}

export function sortInherited(found: readonly Instance[], target: Target, preboot: boolean): Inheritance {
  const wanted = wantedDynos(target);
  const replacesWeb = preboot && wanted.some((name) => name.type === WEB_TYPE);
  const newestFirst = [...found].sort((a, b) => b.release - a.release || b.since - a.since);
  const running = newestFirst.filter(({ phase }) => phase === "running");
  const exited = newestFirst.filter(({ phase }) => phase === "exited");

  const retired = running.filter(({ type, release }) => replacesWeb && type === WEB_TYPE && release !== target.release);
  const candidates = running.filter((instance) => !retired.includes(instance));
  const crashes = exited.filter((instance) => isCrash(instance, target, wanted));
  const listed = firstOfEachName([...candidates, ...crashes]);
  return {
    listed,
    retired,
    surplus: candidates.filter((instance) => !listed.includes(instance)),
    ended: exited.filter((instance) => !listed.includes(instance)),
  };
}

/** One without a status went down with its machine: that is no crash of its own, so it starts again at once. */
function isCrash(instance: Instance, target: Target, wanted: readonly DynoName[]): boolean {
  if (instance.exit === undefined || instance.exit.code === null) return false;
  return instance.release === target.release && wanted.some((name) => formatDynoName(name) === instance.ps);
}

function firstOfEachName(instances: readonly Instance[]): Instance[] {
  const first = new Map<string, Instance>();
  for (const instance of instances) if (!first.has(instance.ps)) first.set(instance.ps, instance);
  return [...first.values()];
}
