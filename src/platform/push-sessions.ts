/** Pushes whose git the daemon has started for somebody it knows. git's hooks come back with the session's id, which nobody
 *  can guess, and so it is known for whom they come, whatever their environment says. */
import { randomBytes } from "node:crypto";
import type { Actor } from "./actor.ts";

const ID_BYTES = 24;

export class PushSessions {
  readonly #actors = new Map<string, Actor>();

  /** @returns the id for git's environment */
  open(actor: Actor): string {
    const id = randomBytes(ID_BYTES).toString("hex");
    this.#actors.set(id, actor);
    return id;
  }

  /** Undefined when it is over, or of a daemon before this one. */
  find(id: string): Actor | undefined {
    return this.#actors.get(id);
  }

  close(id: string): void {
    this.#actors.delete(id);
  }
}
