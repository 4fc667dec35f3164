/** What an app has that is no release (formation, settings, …): a tree of JSON files on `refs/heroku/state`, one signed
 *  commit for each change. */
import type { Json } from "../core/json.ts";
import { formatJson } from "../core/json.ts";
import type { Person } from "../core/person.ts";
import { formatStateMessage } from "../core/release-commit.ts";
import { stamp, type Ink } from "./ink.ts";
import { SerialQueue } from "../core/serial-queue.ts";

/** File name without `.json` → value. */
export type State = Readonly<Record<string, Json>>;

export interface StateChange {
  by: Person;
  via: string;
  /** The subject of the commit: `Scale to web=4`. */
  message: string;
}

export const STATE_REF = "refs/heroku/state";
/** git's own id of a tree without entries. */
const EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
const FILE_NAME = /^[a-z][a-z0-9-]*$/;
const ATTEMPTS_MAX = 10;

export class StateBranch {
  readonly #ink: Ink;
  readonly #queue = new SerialQueue();
  #cached: { oid: string; tree: string; state: State } | undefined;

  constructor(ink: Ink) {
    this.#ink = ink;
  }

  async read(): Promise<State> {
    return (await this.#load())?.state ?? {};
  }

  /** `change` is given the state and returns the whole new one, or undefined to leave it. Returns whether a commit
   *  was made; a change that changes nothing makes none. */
  change(what: StateChange, change: (state: State) => State | undefined): Promise<boolean> {
    return this.#queue.run(() => this.#change(what, change));
  }

  /** Who made the newest change. */
  async author(): Promise<Person | undefined> {
    const { objects } = this.#ink;
    const oid = await objects.reader.ref(STATE_REF);
    return oid === undefined ? undefined : (await objects.readCommit(oid)).author.person;
  }

  drained(): Promise<void> {
    return this.#queue.drained();
  }

  async #change(what: StateChange, change: (state: State) => State | undefined): Promise<boolean> {
    let reason = "";
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const base = (await this.#load()) ?? { oid: undefined, tree: EMPTY_TREE, state: {} };
      const state = change(base.state);
      const tree = state && (await this.#writeTree(state));
      if (tree === undefined || tree === base.tree) return false;
      const oid = await this.#writeCommit(what, tree, base.oid);
      const outcome = await this.#ink.refs.move([{ ref: STATE_REF, from: base.oid, to: oid }]);
      if (outcome.kind === "moved" || (await this.#ink.objects.reader.ref(STATE_REF)) === oid) return true;
      ({ reason } = outcome);
    }
    throw new Error(`Could not move ${STATE_REF}: ${reason}`);
  }

  async #load(): Promise<{ oid: string; tree: string; state: State } | undefined> {
    const { objects } = this.#ink;
    if (objects.reader.isStillAt(STATE_REF, this.#cached?.oid)) return this.#cached;
    const oid = await objects.reader.ref(STATE_REF);
    if (oid === undefined || this.#cached?.oid === oid) return oid === undefined ? undefined : this.#cached;
    const { tree } = await objects.readCommit(oid);
    const files = [...(await objects.readTree(tree))].filter(([path]) => path.endsWith(".json"));
    const entries = files.map(async ([path, entry]): Promise<[string, Json]> => [
      path.slice(0, -".json".length),
      JSON.parse(await objects.readText(entry.oid)) as Json,
    ]);
    this.#cached = { oid, tree, state: Object.fromEntries(await Promise.all(entries)) };
    return this.#cached;
  }

  #writeTree(state: State): Promise<string> {
    const files = Object.entries(state).map(([name, value]) => {
      if (!FILE_NAME.test(name)) throw new Error(`${JSON.stringify(name)} cannot name a state file.`);
      return [`${name}.json`, formatJson(value)];
    });
    return this.#ink.objects.writeTree(Object.fromEntries(files) as Record<string, string>, {});
  }

  async #writeCommit(what: StateChange, tree: string, parent: string | undefined): Promise<string> {
    const commit = {
      tree,
      parents: parent === undefined ? [] : [parent],
      ...(await stamp(this.#ink, what, parent)),
      message: formatStateMessage(what.message, what.via),
    };
    return this.#ink.objects.writeCommit(commit, this.#ink.signingKey);
  }
}
