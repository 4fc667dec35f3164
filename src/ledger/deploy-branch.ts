/** The deploy branch: `main` or `master`, fixed by the first deploy, and from then on what HEAD points to. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../core/error.ts";
import type { Release } from "../core/release.ts";
import { runGit, type Repository } from "./git-process.ts";
import type { Ink } from "./ink.ts";
import type { ReleaseLog } from "./release-log.ts";

export const DEPLOY_REFS: ReadonlySet<string> = new Set(["refs/heads/main", "refs/heads/master"]);

export class DeployBranch {
  readonly #repository: Repository;
  readonly #ink: Ink;
  readonly #log: ReleaseLog;
  #fixed: string | undefined;

  constructor(repository: Repository, ink: Ink, log: ReleaseLog) {
    this.#repository = repository;
    this.#ink = ink;
    this.#log = log;
  }

  /** The full name; undefined until the first deploy. */
  async name(): Promise<string | undefined> {
    // Once fixed it never changes, and nobody else may change it.
    this.#fixed ??= await this.#find();
    return this.#fixed;
  }

  /** Makes the branch of a first deploy the app's deploy branch, and looks whether it is where the deploy expects it.
   *  @throws AppError conflict when the app deploys from the other one, or it has moved. */
  async claim(deploy: { ref: string; old: string | undefined } | undefined): Promise<void> {
    if (deploy === undefined) return;
    const { ref, old } = deploy;
    if (ref !== (await this.name())) await this.#claimNew(ref);
    if ((await this.#at(ref)) === old) return;
    throw new AppError("conflict", `${shortName(ref)} has moved meanwhile.`, {
      hint: "Fetch, look at what was deployed, and push again.",
    });
  }

  /** Puts the branch back to where the newest succeeded deploy left it, as a crash between two refs of one transaction
   *  or a restore may have left it elsewhere. Two refs of one transaction can part only when its release is the newest;
   *  a branch that is missing is looked for in all of the ledger. */
  async restore(head: Release): Promise<void> {
    if (head.code === undefined) return;
    const isThere = (await this.name()) !== undefined;
    if (isThere && !(head.change === "deploy" && head.status === "succeeded")) return;
    const deploy = await this.#log.newest("deployed", head);
    if (deploy?.code === undefined) return;
    const ref = await this.#head();
    const from = await this.#at(ref);
    if (from === deploy.code) return;
    const outcome = await this.#ink.refs.move([{ ref, from, to: deploy.code }]);
    if (outcome.kind !== "moved") throw new Error(`Could not restore ${ref}: ${outcome.reason}`);
  }

  async #find(): Promise<string | undefined> {
    const ref = await this.#head();
    return (await this.#at(ref)) === undefined ? undefined : ref;
  }

  async #claimNew(ref: string): Promise<void> {
    if (!DEPLOY_REFS.has(ref)) throw new Error(`${ref} can be no deploy branch.`);
    const current = await this.#head();
    if (current === ref) return;
    if ((await this.#at(current)) !== undefined) {
      const [wanted, asked] = [shortName(current), shortName(ref)];
      throw new AppError("conflict", `This app deploys from ${wanted}, not from ${asked}.`, {
        hint: `Use \`git push <remote> ${asked}:${wanted}\`.`,
      });
    }
    await runGit(this.#repository, ["symbolic-ref", "HEAD", ref]);
  }

  #at(ref: string): Promise<string | undefined> {
    return this.#ink.objects.reader.ref(ref);
  }

  async #head(): Promise<string> {
    const text = await readFile(join(this.#repository.path, "HEAD"), "utf8");
    const ref = /^ref: (refs\/heads\/\S+)\n?$/.exec(text)?.[1];
    if (ref === undefined) throw new Error(`HEAD of ${this.#repository.path} names no branch.`);
    return ref;
  }
}

function shortName(ref: string): string {
  return ref.replace("refs/heads/", "");
}
