/** What the client of the Platform API is made with, and what some of its calls are told. */
import type { Person } from "../core/person.ts";
import type { Line } from "./line.ts";

export interface PlatformClientOptions {
  /** The platform home whose `server.sock` is asked, where there is no other line. */
  home: string;
  /** Another way to a platform; undefined when it is the home after all. */
  line?: () => Line | undefined;
  /** Who is asking; needed only where something changes. */
  identity: () => Person;
  /** Starts the daemon. Left out, a silent socket is the caller's `Unreachable`. */
  wake?: () => Promise<void>;
  /** How many milliseconds a JSON answer may take; as long as it likes when left out. */
  patienceMs?: number;
}

/** A version, or the newest release of all, or the newest that ran. */
export type ReleaseWord = number | "newest" | "current";
