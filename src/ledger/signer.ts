/** Who signs a ledger. The key in force is the one that its newest release announced, else the one that signed it. When
 *  that is not the platform's key, as after a move from another platform, the key that came along signs until the next
 *  release, which announces the platform's key; without it, that release is signed by the key that it announces. */
import { rm } from "node:fs/promises";
import type { Release } from "../core/release.ts";
import { readIfThere } from "./durable-file.ts";
import { parseLedgerKey, type LedgerKey } from "./ledger-key.ts";

export interface Signers {
  signingKey: LedgerKey;
  nextKey: LedgerKey | undefined;
}

const MAGIC = "SSHSIG";
/** The magic and a version of 4 bytes stand before the public key. */
const PUBLIC_KEY_AT = MAGIC.length + 4;

export function keyInForce(head: Release, signature: string | undefined): string | undefined {
  return head.ledgerKey ?? (signature === undefined ? undefined : signerOf(signature));
}

/** @param handedOverPath where the key of the platform before is kept; it goes when it has nothing left to sign. */
export async function chooseSigners(
  inForce: string | undefined,
  platformKey: LedgerKey,
  handedOverPath: string | undefined,
): Promise<Signers> {
  if (inForce === platformKey.publicKey) {
    await removeHandedOver(handedOverPath);
    return { signingKey: platformKey, nextKey: undefined };
  }
  const pem = handedOverPath === undefined ? undefined : await readIfThere(handedOverPath);
  const before = pem === undefined ? undefined : parseLedgerKey(pem);
  return { signingKey: before?.publicKey === inForce ? (before ?? platformKey) : platformKey, nextKey: platformKey };
}

export async function removeHandedOver(path: string | undefined): Promise<void> {
  if (path !== undefined) await rm(path, { force: true });
}

/** The public key that an armoured SSH signature names; undefined when it is none. */
function signerOf(armoured: string): string | undefined {
  const blob = Buffer.from(armoured.replace(/-----[A-Z ]+-----|\s/g, ""), "base64");
  if (blob.length < PUBLIC_KEY_AT + 4 || blob.toString("latin1", 0, MAGIC.length) !== MAGIC) return undefined;
  const key = sshString(blob, PUBLIC_KEY_AT);
  const type = key && sshString(key, 0);
  return key && type && `${type.toString("latin1")} ${key.toString("base64")}`;
}

/** The bytes behind a length. */
function sshString(bytes: Buffer, at: number): Buffer | undefined {
  if (bytes.length < at + 4) return undefined;
  const end = at + 4 + bytes.readUInt32BE(at);
  return end > bytes.length ? undefined : bytes.subarray(at + 4, end);
}
