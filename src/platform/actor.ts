/** Who asks for a change, and by which way: every use-case that changes something takes one. */
import type { Person } from "../core/person.ts";

export interface Actor {
  by: Person;
  /** `local`, `ssh SHA256:…`, `http`, `api` or `platform`: the release's `Via:` trailer. */
  via: string;
  /** Where they read, as it comes, what happens before their change is done; left out where nobody reads. */
  output?: (text: string) => void;
  /** Whether they still may: asked once more before what took long enters the ledger. Left out where nobody can take it
   *  from them. Rejects with the AppError that says why not. */
  recheck?: () => Promise<void>;
}
