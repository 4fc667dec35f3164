/** Who asks for a change, and by which way: every use-case that changes something takes one. */
import type { Person } from "../core/person.ts";

export interface Actor {
  by: Person;
  /** `local`, `ssh SHA256:…`, `http`, `api` or `platform`: the release's `Via:` trailer. */
  via: string;
  /** Where they read, as it comes, what happens before their change is done; left out where nobody reads. */
  output?: (text: string) => void;
  /** Left out where nobody can take it from them. */
  pass?: Pass;
}

/** What lets somebody do what takes long, and may be taken from them meanwhile. */
export interface Pass {
  /** Asked again before it enters the ledger. Rejects with NoLongerAllowed. */
  check(): Promise<void>;
  /** Calls back when they may no longer.
   *  @returns to be called when it is over */
  watch(cut: () => void): () => void;
}
