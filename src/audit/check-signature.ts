/** The cryptography of an audit, by Node, on its threads: a key is made once and kept, a check is a tenth of a
 *  millisecond, and who waits for it may do something else. */
import { createHash, createPublicKey, verify, type KeyObject } from "node:crypto";
import type { Flaw } from "../core/finding.ts";
import type { CheckedSignature } from "../core/key-ring.ts";
import { parseSshSignature, rawKeyOf, signedBytes } from "../core/ssh-signature.ts";
import type { StrictCommit } from "../core/strict-commit.ts";

const NAMESPACE = "git";
/** SubjectPublicKeyInfo of an Ed25519 key, up to the key itself (RFC 8410). */
const SPKI_HEAD = Buffer.from("302a300506032b6570032100", "hex");
/** A ledger has one key, or a few. */
const KEYS_MAX = 64;

/** `SHA256:…` */
export function fingerprint(keyBlob: Uint8Array): string {
  return `SHA256:${createHash("sha256").update(keyBlob).digest("base64").replace(/=+$/, "")}`;
}

export class SignatureChecker {
  readonly #keys = new Map<string, KeyObject>();

  async check({ commit, payload }: StrictCommit): Promise<CheckedSignature | Flaw> {
    if (commit.signature === undefined) return { kind: "signature-missing", reason: "it is not signed" };
    const signature = parseSshSignature(commit.signature);
    if (signature === undefined) {
      return { kind: "signature-malformed", reason: "its signature is not one of an ed25519 key in the ledger's form" };
    }
    const { publicKey, namespace, bytes } = signature;
    if (namespace !== NAMESPACE) {
      const shown = JSON.stringify(namespace.slice(0, 40));
      return { kind: "signature-namespace", reason: `its signature was made for ${shown}, not for git` };
    }
    const data = signedBytes(namespace, createHash("sha512").update(payload).digest());
    return { publicKey, isRight: await this.#verify(publicKey, data, bytes) };
  }

  #verify(publicKey: string, data: Uint8Array, signature: Uint8Array): Promise<boolean> {
    return new Promise((resolve) => {
      // An error means bytes that are no point of the curve.
      verify(null, data, this.#keyOf(publicKey), signature, (error, isRight) => resolve(error === null && isRight));
    });
  }

  #keyOf(publicKey: string): KeyObject {
    const known = this.#keys.get(publicKey);
    if (known !== undefined) return known;
    const der = Buffer.concat([SPKI_HEAD, rawKeyOf(publicKey) ?? Buffer.alloc(0)]);
    const made = createPublicKey({ key: der, format: "der", type: "spki" });
    if (this.#keys.size < KEYS_MAX) this.#keys.set(publicKey, made);
    return made;
  }
}
