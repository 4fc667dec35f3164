/** The newest release of a remote that this clone has verified, and whom it trusts to sign (docs/formats.md, "What a clone
 *  remembers"). The configuration is what counts: no fetch can change it, and it goes with the remote. A ref keeps the
 *  objects, so that what was seen can still be shown when the remote shows something else. */
import { AppError } from "../core/error.ts";
import { demandGit, runGit, type Place } from "./git.ts";

export interface Memory {
  /** The release that was verified last. */
  seen: string | undefined;
  /** Fingerprints and public keys. */
  trustedKeys: string[];
}

const OID = /^[0-9a-f]{40}$/;
/** What a mirror fetches must not overwrite or prune these. */
const KEPT = ["^refs/heroku/seen/*", "^refs/heroku/evidence/*"];

export function readMemory(place: Place, remote: string): Memory {
  const seen = runGit(place, ["config", "--get", `remote.${remote}.ledgerseen`]).stdout.trim();
  const keys = runGit(place, ["config", "-z", "--get-all", `remote.${remote}.ledgerkey`]).stdout.split("\0");
  return { seen: OID.test(seen) ? seen : undefined, trustedKeys: keys.filter((key) => key !== "") };
}

export function rememberKey(place: Place, remote: string, key: string): void {
  if (readMemory(place, remote).trustedKeys.includes(key)) return;
  demandGit(place, ["config", "--add", `remote.${remote}.ledgerkey`, key]);
}

/** The ref first: whatever the configuration names is kept. */
export function rememberSeen(place: Place, remote: string, oid: string, isMirror: boolean): void {
  if (isMirror) protectRefs(place, remote);
  demandGit(place, ["update-ref", `refs/heroku/seen/${remote}/releases`, oid]);
  demandGit(place, ["config", "--replace-all", `remote.${remote}.ledgerseen`, oid]);
}

/** Keeps both heads of a ledger that was rewritten; the same pair is kept once. Returns the refs.
 *  @param heads `isHere` tells whether what was seen is in this repository still. */
export function keepEvidence(
  place: Place,
  remote: string,
  heads: { seen: string; found: string; isHere: boolean },
  isMirror: boolean,
): string[] {
  if (isMirror) protectRefs(place, remote);
  const { seen, found, isHere } = heads;
  const directory = `refs/heroku/evidence/${remote}/${seen.slice(0, 12)}-${found.slice(0, 12)}`;
  const refs: [ref: string, oid: string][] = [[`${directory}/found`, found]];
  if (isHere) refs.unshift([`${directory}/seen`, seen]);
  for (const [ref, oid] of refs) demandGit(place, ["update-ref", ref, oid]);
  return refs.map(([ref]) => ref);
}

function protectRefs(place: Place, remote: string): void {
  const specs = runGit(place, ["config", "--get-all", `remote.${remote}.fetch`]).stdout.split("\n");
  for (const kept of KEPT.filter((spec) => !specs.includes(spec))) {
    demandGit(place, ["config", "--add", `remote.${remote}.fetch`, kept]);
  }
}

/** Reads what a person gives as a key to trust: a fingerprint, or a public key with or without a comment.
 *  @throws AppError invalid_params */
export function parseTrustedKey(text: string): string {
  const key = /^(SHA256:[A-Za-z0-9+/]{43}|ssh-ed25519 AAAA[A-Za-z0-9+/=]+)( .*)?$/.exec(text.trim())?.[1];
  if (key !== undefined) return key;
  throw new AppError("invalid_params", `${JSON.stringify(text.slice(0, 60))} is not a key that a ledger can have.`, {
    hint: "Give its fingerprint, SHA256:…, or the public key, ssh-ed25519 AAAA…",
  });
}
