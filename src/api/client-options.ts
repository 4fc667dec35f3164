/** What the client of the Platform API is made with, and what some of its calls are told. */
import type { Person } from "../core/person.ts";

export interface PlatformClientOptions {
  /** The platform home whose `server.sock` is asked, or the URL of a platform elsewhere. */
  home: string;
  /** For a URL: the token. */
  token?: (() => string | undefined) | undefined;
  /** Who is asking; needed only where something changes. */
  identity: () => Person;
  /** Starts the daemon. Left out, a silent socket is the caller's `Unreachable`. */
  wake?: () => Promise<void>;
  /** How many milliseconds a JSON answer may take; as long as it likes when left out. */
  patienceMs?: number;
}

/** A version, or the newest release of all, or the newest that ran. */
export type ReleaseWord = number | "newest" | "current";
