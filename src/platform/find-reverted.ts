/** Which change a revert is about: the release that made it, and the one that it started from. */
import { AppError } from "../core/error.ts";
import { formatVersion, type Release } from "../core/release.ts";
import type { App } from "./app.ts";

export interface Reverted {
  release: Release;
  /** The newest succeeded release before it. */
  before: Release;
}

const PAGE = 50;

/** @throws AppError not_found for an unknown release, invalid_params for one whose change cannot be taken back. */
export async function findReverted(app: App, version: number): Promise<Reverted> {
  const release = await app.ledger.get(version);
  const name = formatVersion(version);
  if (release.status === "failed") {
    throw new AppError("invalid_params", `Cannot revert ${name}: it is a failed release, which never ran.`, {
      hint: "There is nothing to take back; `git heroku releases` lists the releases that succeeded.",
    });
  }
  const before = await startOf(app, release);
  if (before === undefined) {
    throw new AppError("invalid_params", `Cannot revert ${name}: it is the first release, nothing was before it.`, {
      hint: "To take the app away use `git heroku destroy`.",
    });
  }
  if (release.code !== undefined && before.code === undefined) {
    throw new AppError(
      "invalid_params",
      `Cannot revert ${name}: it is the first deploy, there was no code before it.`,
      {
        hint: "To stop the app use `git heroku scale web=0`, or deploy other code.",
      },
    );
  }
  return { release, before };
}

async function startOf(app: App, { version }: Release): Promise<Release | undefined> {
  for (let before = version; before > 1; before -= PAGE) {
    const page = await app.ledger.list({ max: PAGE, before });
    const found = page.find((release) => release.status === "succeeded");
    if (found !== undefined) return found;
  }
  return undefined;
}
