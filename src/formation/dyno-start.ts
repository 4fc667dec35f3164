/** What a runtime is asked for when a dyno starts a process. */
import type { DynoSpec } from "../core/dyno.ts";
import { formatDynoName } from "../core/formation-plan.ts";
import type { DynoName } from "../core/formation-plan.ts";
import type { DynoHost } from "./dyno-host.ts";
import type { StartSpec } from "./runtime.ts";

export interface DynoStart {
  readonly name: DynoName;
  readonly spec: DynoSpec;
  readonly id: string;
  readonly attempt: number;
  /** Of a web process. */
  readonly port: number | undefined;
}

/** @throws Error when the release's code is gone */
export function startSpecOf({ name, spec, id, attempt, port }: DynoStart, host: DynoHost): StartSpec {
  const cargo = host.cargo(spec.release);
  if (cargo === undefined) throw new Error(`there is no code of v${String(spec.release)} to run`);
  const ownPort = port === undefined ? {} : { PORT: String(port) };
  return {
    id,
    app: host.app,
    type: name.type,
    slot: name.slot,
    release: spec.release,
    attempt,
    command: spec.command,
    env: { ...cargo.env, DYNO: formatDynoName(name), ...ownPort },
    appDir: cargo.appDir,
    ...(cargo.confinement === undefined ? {} : { confinement: cargo.confinement }),
    limits: host.limits(name.type),
    ...(port === undefined ? {} : { port }),
  };
}
