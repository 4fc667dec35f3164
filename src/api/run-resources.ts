/** One-off processes, as they are asked for and answered. */
import type { Dyno } from "./resources.ts";

export interface RunRequest {
  command: string;
  env?: Record<string, string>;
  /** `v73`; the current release unless given. */
  release?: string;
}

/** A one-off process with the way to its input and outputs. */
export interface AttachedDyno extends Dyno {
  attach_url: string;
}

export interface AttachRequest extends RunRequest {
  /** Pipes instead of a terminal, whose size is in the variables COLUMNS and LINES. */
  force_no_tty?: boolean;
}

/** The client comes by an upgrade. */
export function attachedBy(request: AttachRequest): object {
  return { attach: true, door: "upgrade", ...request };
}
