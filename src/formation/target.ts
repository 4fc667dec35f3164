/** What should run of an app: one release, and how many of each of its process types. */
import type { DynoSpec } from "../core/dyno.ts";
import { plannedDynos } from "../core/formation-plan.ts";
import type { DynoName, Quantities } from "../core/formation-plan.ts";
import type { Confinement } from "./isolation.ts";
import { WEB_TYPE, type Procfile } from "../core/procfile.ts";

export interface Target {
  readonly release: number;
  /** The slug; absent until the first deploy. */
  readonly appDir: string | undefined;
  readonly procfile: Procfile;
  readonly quantities: Quantities;
  /** Types whose processes sleep. */
  readonly asleep: ReadonlySet<string>;
  /** Without PORT, DYNO and HOME, which differ from process to process. */
  readonly env: Readonly<Record<string, string>>;
  readonly confinement?: Confinement;
}

export const NOTHING: Target = {
  release: 0,
  appDir: undefined,
  procfile: new Map(),
  quantities: {},
  asleep: new Set(),
  env: {},
};

export function wantedDynos(target: Target): DynoName[] {
  return target.appDir === undefined ? [] : plannedDynos(target.procfile, target.quantities);
}

export function specOf(target: Target, type: string): DynoSpec {
  return { release: target.release, command: target.procfile.get(type) ?? "", web: type === WEB_TYPE };
}
