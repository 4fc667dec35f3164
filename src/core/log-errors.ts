/** What `logs:errors` tells. */

export interface ErrorGroup {
  /** How often, in the time that was asked for. */
  count: number;
  /** RFC 3339; the first of all that is kept, also before that time. */
  first_seen: string;
  last_seen: string;
  /** That of the first line; null when it is not known. */
  release: number | null;
  /** Whether older releases have lines in what is kept, and none of them had this error. */
  new: boolean;
  processes: string[];
  /** The newest line of it. */
  message: string;
  /** Where it was thrown, if a stack trace tells. */
  frame: string | null;
  /** What all of them have in common. */
  shape: string;
}

export interface LogErrors {
  /** The most frequent first. */
  groups: ErrorGroup[];
  /** All in the time that was asked for. */
  total: { errors: number; groups: number };
}
