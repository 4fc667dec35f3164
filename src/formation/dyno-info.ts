/** One row of `ps`. */
import type { DynoState } from "../core/dyno.ts";
import type { DynoProcess } from "./dyno-process.ts";

export interface DynoInfo {
  /** UUID of its process; another one after each restart. */
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly state: DynoState;
  /** When the state began, milliseconds since the epoch. */
  readonly since: number;
  readonly command: string;
  readonly release: number;
  readonly restarts: number;
  /** Gets requests. */
  readonly serving: boolean;
  /** False for a process of an older release that serves on or finishes under a name that is a newer one's now. */
  readonly listed: boolean;
  readonly pid?: number;
  readonly port?: number;
}

export function describeDyno(dyno: DynoProcess, serving: boolean, listed: boolean): DynoInfo {
  const { pid, port } = dyno.instance ?? {};
  return {
    id: dyno.id,
    name: dyno.ps,
    type: dyno.name.type,
    state: dyno.state,
    since: dyno.since,
    command: dyno.spec.command,
    release: dyno.runningRelease ?? dyno.spec.release,
    restarts: dyno.restarts,
    serving,
    listed,
    ...(pid === undefined ? {} : { pid }),
    ...(port === undefined ? {} : { port }),
  };
}
