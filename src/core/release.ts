/** A release as everybody above the ledger sees it; the commit it is read from is specified in docs/formats.md. */
import { AppError } from "./error.ts";
import type { Person } from "./person.ts";

export type ReleaseChange = "initial" | "deploy" | "rollback" | "config" | "addon" | "revert" | "promotion";
export type ReleaseStatus = "succeeded" | "failed";

export interface Release {
  /** 1, 2, 3 … without gaps. */
  version: number;
  /** Object id of the release commit. */
  oid: string;
  /** Object id of its tree: equal trees are equal releases. */
  tree: string;
  /** Object id of the release before it; absent only in v1. */
  parent: string | undefined;
  /** Object id of the deployed code commit; absent until the first deploy. */
  code: string | undefined;
  change: ReleaseChange;
  /** The subject without its version: `Deploy 20a5742`, `Rollback to v73`. */
  description: string;
  status: ReleaseStatus;
  /** `local`, `ssh SHA256:…`, `http`, `api` or `platform`. */
  via: string;
  /** Who asked for it. */
  by: Person;
  /** When it was asked for, milliseconds since the epoch (git keeps whole seconds). */
  createdAt: number;
  rollbackTo: { version: number; oid: string } | undefined;
  /** The release whose change this one takes back. */
  reverts?: { version: number; oid: string } | undefined;
  /** The public key that signs from here on; in v1 and where the key changes. */
  ledgerKey: string | undefined;
}

/** Reads `v73`, `V73` or `73`.
 *  @throws AppError invalid_params for anything else. */
export function parseVersion(text: string): number {
  const digits = /^v?([1-9][0-9]{0,8})$/i.exec(text)?.[1];
  if (digits === undefined) {
    throw new AppError("invalid_params", `${JSON.stringify(text.slice(0, 40))} is not a release.`, {
      hint: "Name a release as v73; `git heroku releases` lists them.",
    });
  }
  return Number(digits);
}

export function formatVersion(version: number): string {
  return `v${String(version)}`;
}

const NAMES_BYTES_MAX = 100;

/** `Config add A, B`, `Config remove A` or `Config change A, B`, the list cut at 100 bytes. */
export function describeConfigChange(added: readonly string[], removed: readonly string[]): string {
  const verb = removed.length === 0 ? "add" : added.length === 0 ? "remove" : "change";
  return `Config ${verb} ${listNames([...added, ...removed].sort())}`;
}

function listNames(names: readonly string[]): string {
  const whole = names.join(", ");
  if (whole.length <= NAMES_BYTES_MAX) return whole;
  const suffix = `, … (${String(names.length)} names)`;
  let kept = "";
  for (const name of names) {
    const next = kept === "" ? name : `${kept}, ${name}`;
    if (next.length > NAMES_BYTES_MAX) break;
    kept = next;
  }
  if (kept !== "") return kept + suffix;
  return `${whole.slice(0, NAMES_BYTES_MAX)}…${names.length > 1 ? suffix : ""}`;
}

export function describeDeploy(commit: string): string {
  return `Deploy ${commit.slice(0, 7)}`;
}

/** Of the app that the code comes from. */
export function describePromotion(app: string, version: number, commit: string): string {
  return `Promote ${app} ${formatVersion(version)} ${commit.slice(0, 7)}`;
}

export function describeRollback(version: number): string {
  return `Rollback to ${formatVersion(version)}`;
}

export function describeRevert(version: number): string {
  return `Revert ${formatVersion(version)}`;
}
