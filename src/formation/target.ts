/** What should run of an app: one release, and how many of each of its process types. */
import type { DynoSpec } from "../core/dyno.ts";
import { plannedDynos } from "../core/formation-plan.ts";
import type { DynoName, Quantities } from "../core/formation-plan.ts";
import type { Confinement } from "./isolation.ts";
import type { Procfile } from "../core/procfile.ts";

export interface Target {
  readonly release: number;
  /** The slug; absent until the first deploy. */
  readonly appDir: string | undefined;
  readonly procfile: Procfile;
  readonly quantities: Quantities;
  /** Without PORT, DYNO and HOME, which differ from process to process. */
  readonly env: Readonly<Record<string, string>>;
  readonly confinement?: Confinement;
}

export const WEB_TYPE = "web";

export function wantedDynos(target: Target): DynoName[] {
  return target.appDir === undefined ? [] : plannedDynos(target.procfile, target.quantities);
}

export function specOf(target: Target, type: string): DynoSpec {
  return { release: target.release, command: target.procfile.get(type) ?? "", web: type === WEB_TYPE };
}
