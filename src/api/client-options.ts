/** What the client of the Platform API is made with. */
import type { Person } from "../core/person.ts";

export interface PlatformClientOptions {
  /** The platform home whose `server.sock` is asked. */
  home: string;
  /** Who is asking; needed only where something changes. */
  identity: () => Person;
  /** Starts the daemon. Left out, a silent socket is the caller's `Unreachable`. */
  wake?: () => Promise<void>;
}
