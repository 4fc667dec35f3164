/** Moves refs through one long-lived `git update-ref --stdin`: all moves of a call in one transaction, each only from
 *  the value that was expected, so that nobody else's change is ever overwritten. */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { GitChild, type ChildEnd } from "./git-child.ts";
import type { Repository } from "./git-process.ts";
import { SerialQueue } from "../core/serial-queue.ts";

export interface RefMove {
  ref: string;
  /** Undefined: the ref must not exist yet. */
  from: string | undefined;
  to: string;
}

/** `refused`: nothing was moved. `unknown`: git died on the way; look at the refs. */
export type MoveOutcome = { kind: "moved" } | { kind: "refused" | "unknown"; reason: string };

const ABSENT = "0".repeat(40);

export class RefUpdater {
  readonly #repository: Repository;
  readonly #child: GitChild;
  readonly #queue = new SerialQueue();
  #output = "";
  #settle: ((outcome: MoveOutcome) => void) | undefined;

  constructor(repository: Repository) {
    this.#repository = repository;
    this.#child = new GitChild({
      repository,
      args: ["update-ref", "--stdin"],
      onOutput: (chunk) => this.#take(chunk.toString("latin1")),
      onEnd: (end) => this.#ended(end),
      isIdle: () => this.#settle === undefined,
    });
  }

  move(moves: readonly RefMove[]): Promise<MoveOutcome> {
    return this.#queue.run(() => this.#move(moves));
  }

  async close(): Promise<void> {
    await this.#queue.drained();
    await this.#child.close();
  }

  async #move(moves: readonly RefMove[]): Promise<MoveOutcome> {
    const updates = moves.map(({ ref, from, to }) => `update ${ref} ${to} ${from ?? ABSENT}\n`);
    this.#output = "";
    const outcome = await new Promise<MoveOutcome>((resolve) => {
      this.#settle = resolve;
      this.#child.write(`start\n${updates.join("")}prepare\ncommit\n`);
    });
    if (outcome.kind === "unknown") await this.#removeLocks(moves);
    return outcome;
  }

  #take(text: string): void {
    this.#output += text;
    if (this.#output.includes("commit: ok\n")) this.#finish({ kind: "moved" });
  }

  #ended({ signal, stderr }: ChildEnd): void {
    if (signal === null) this.#finish({ kind: "refused", reason: stderr });
    else this.#finish({ kind: "unknown", reason: `git update-ref was killed by ${signal}` });
  }

  #finish(outcome: MoveOutcome): void {
    const settle = this.#settle;
    this.#settle = undefined;
    settle?.(outcome);
  }

  /** A killed git leaves its locks behind, and nothing else ever clears them. Only this room moves these refs, so the
   *  locks are its own; HEAD is locked along with the branch that it names. */
  async #removeLocks(moves: readonly RefMove[]): Promise<void> {
    for (const ref of ["HEAD", ...moves.map((move) => move.ref)]) {
      await rm(join(this.#repository.path, `${ref}.lock`), { force: true });
    }
  }
}
