/** The deploy branch: `main` or `master`, fixed by the first deploy, and from then on what HEAD points to. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../core/error.ts";
import type { Release } from "../core/release.ts";
import { runGit, type Repository } from "./git-process.ts";
import type { Ink } from "./ink.ts";

export const DEPLOY_REFS: ReadonlySet<string> = new Set(["refs/heads/main", "refs/heads/master"]);

/** The full name of the deploy branch; undefined until the first deploy. */
export async function readDeployBranch(repository: Repository, ink: Ink): Promise<string | undefined> {
  const ref = await readHead(repository);
  return (await ink.objects.reader.ref(ref)) === undefined ? undefined : ref;
}

/** Makes the branch of a first deploy the app's deploy branch.
 *  @throws AppError conflict when the app deploys from the other one. */
export async function claimDeployBranch(repository: Repository, ink: Ink, ref: string): Promise<void> {
  if (!DEPLOY_REFS.has(ref)) throw new Error(`${ref} can be no deploy branch.`);
  const current = await readHead(repository);
  if (current === ref) return;
  if ((await ink.objects.reader.ref(current)) !== undefined) {
    const [wanted, asked] = [shortName(current), shortName(ref)];
    throw new AppError("conflict", `This app deploys from ${wanted}, not from ${asked}.`, {
      hint: `Use \`git push <remote> ${asked}:${wanted}\`.`,
    });
  }
  await runGit(repository, ["symbolic-ref", "HEAD", ref]);
}

/** Puts the deploy branch back to where the newest succeeded deploy left it, as a crash between two refs of one
 *  transaction or a restore may have left it elsewhere. */
export async function restoreDeployBranch(repository: Repository, ink: Ink, deploy: Release): Promise<void> {
  if (deploy.code === undefined) throw new Error(`v${String(deploy.version)} deployed nothing.`);
  const ref = await readHead(repository);
  const from = await ink.objects.reader.ref(ref);
  if (from === deploy.code) return;
  const outcome = await ink.refs.move([{ ref, from, to: deploy.code }]);
  if (outcome.kind !== "moved") throw new Error(`Could not restore ${ref}: ${outcome.reason}`);
}

async function readHead(repository: Repository): Promise<string> {
  const text = await readFile(join(repository.path, "HEAD"), "utf8");
  const ref = /^ref: (refs\/heads\/\S+)\n?$/.exec(text)?.[1];
  if (ref === undefined) throw new Error(`HEAD of ${repository.path} names no branch.`);
  return ref;
}

function shortName(ref: string): string {
  return ref.replace("refs/heads/", "");
}
