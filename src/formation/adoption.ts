/** What a new daemon makes of the processes that an earlier one left: which keep their names, which serve on under a name
 *  that is a newer release's, which are one too many, and which have ended with nothing to follow from it. */
import { formatDynoName } from "../core/formation-plan.ts";
import type { Instance } from "./runtime.ts";
import { wantedDynos, WEB_TYPE } from "./target.ts";
import type { Target } from "./target.ts";

export interface Inheritance {
  readonly listed: readonly Instance[];
  readonly retired: readonly Instance[];
  readonly surplus: readonly Instance[];
  readonly ended: readonly Instance[];
}

export function sortInherited(found: readonly Instance[], target: Target, preboot: boolean): Inheritance {
  const wanted = wantedDynos(target);
  const names = new Set(wanted.map(formatDynoName));
  const replacesWeb = preboot && wanted.some((name) => name.type === WEB_TYPE);
  const listed = new Map<string, Instance>();
  const [retired, surplus, ended] = [[], [], []] as [Instance[], Instance[], Instance[]];
  const isCurrent = (instance: Instance): boolean => instance.release === target.release;
  const newestFirst = [...found].sort((a, b) => b.release - a.release || b.since - a.since);
  for (const instance of newestFirst.filter(({ phase }) => phase === "running")) {
    if (replacesWeb && instance.type === WEB_TYPE && !isCurrent(instance)) retired.push(instance);
    else if (listed.has(instance.ps)) surplus.push(instance);
    else listed.set(instance.ps, instance);
  }
  for (const instance of newestFirst.filter(({ phase }) => phase === "exited")) {
    const isItsOwnCrash = isCurrent(instance) && names.has(instance.ps) && hasStatus(instance);
    if (isItsOwnCrash && !listed.has(instance.ps)) listed.set(instance.ps, instance);
    else ended.push(instance);
  }
  return { listed: [...listed.values()], retired, surplus, ended };
}

/** One without a status went down with its machine: that is no crash, so it starts again at once. */
function hasStatus(instance: Instance): boolean {
  return instance.exit !== undefined && instance.exit.code !== null;
}
