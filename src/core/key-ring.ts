/** Who may sign a ledger, release by release: the key that v1 announces, until the release after one that announces
 *  another. A new key counts as vouched for when the old one signed the release that announces it; when that release is
 *  signed by the new key itself, as after a move to a machine without the old one, only a person can say that it is right. */
import type { Flaw } from "./finding.ts";
import { keyBlobOf, rawKeyOf } from "./ssh-signature.ts";

/** A signature in the ledger's form, held against the bytes that it should be over. */
export interface CheckedSignature {
  /** The key that it says it was made with. */
  publicKey: string;
  /** Whether that key has signed these bytes. */
  isRight: boolean;
}

/** Undefined for a commit that cannot be read, which is told by whoever reads it. */
export type FoundSignature = CheckedSignature | Flaw | undefined;

export interface NamedKey {
  publicKey: string;
  fingerprint: string;
  /** The release that announces it; it signs that one or the next. */
  version: number;
}

export interface KeyRingOptions {
  /** Fingerprints or public keys that a person vouches for. */
  trustedKeys: readonly string[];
  /** `SHA256:…` of a key's bytes, as ssh-keygen shows it; handed in, because rules have no cryptography of their own. */
  fingerprint(keyBlob: Uint8Array): string;
}

const MALFORMED: Flaw = { kind: "key-malformed", reason: "its Ledger-Key is no ssh-ed25519 key" };
const MISSING: Flaw = { kind: "key-missing", reason: "the ledger names no key up to here" };
const WRONG: Flaw = { kind: "signature-wrong", reason: "its signature is not over what it says" };

export class KeyRing {
  readonly named: NamedKey[] = [];
  readonly #options: KeyRingOptions;
  /** The key in force. */
  #key: string | undefined;

  constructor(options: KeyRingOptions) {
    this.#options = options;
  }

  /** Checks who signed a release, and takes over the key that it announces. */
  check(signature: FoundSignature, version: number, announced: string | undefined): Flaw[] {
    const next = announced !== undefined && rawKeyOf(announced) !== undefined ? announced : undefined;
    const flaws = next === announced ? [] : [MALFORMED];
    if (this.#key === undefined && announced === undefined) flaws.push(MISSING);
    const signerFlaws = this.#checkFound(signature, next);
    // A release whose signature does not hold hands over to nobody; but something must be held on to from the start.
    const holds = this.#key === undefined || !signerFlaws.some(({ kind }) => kind.startsWith("signature-"));
    if (holds && next !== undefined && next !== this.#key) this.#adopt(next, version);
    return [...flaws, ...signerFlaws];
  }

  /** A commit beside the releases: any key will do that the ledger has named, or that a person vouches for, since a ledger
   *  that was moved without its key names the new one only with its next release. */
  checkOther(signature: FoundSignature): Flaw[] {
    if (signature === undefined) return [];
    if ("kind" in signature) return [signature];
    const isNamed = this.named.some(({ publicKey }) => publicKey === signature.publicKey);
    if (!isNamed && !this.#isTrusted(signature.publicKey)) return [this.#foreign(signature)];
    return signature.isRight ? [] : [WRONG];
  }

  #checkFound(signature: FoundSignature, next: string | undefined): Flaw[] {
    if (signature === undefined) return [];
    return "kind" in signature ? [signature] : this.#checkSigner(signature, next);
  }

  #checkSigner(signature: CheckedSignature, next: string | undefined): Flaw[] {
    // Without a key to begin with, whoever signed first must at least have signed all of it.
    if (next === undefined) this.#key ??= signature.publicKey;
    const isInForce = signature.publicKey === (this.#key ?? next);
    if (!isInForce && signature.publicKey !== next) return [this.#foreign(signature)];
    if (!signature.isRight) return [WRONG];
    return isInForce || this.#isTrusted(signature.publicKey) ? [] : [this.#unvouched(signature)];
  }

  #adopt(publicKey: string, version: number): void {
    this.#key = publicKey;
    this.named.push({ publicKey, fingerprint: this.#fingerprint(publicKey), version });
  }

  #isTrusted(publicKey: string): boolean {
    const { trustedKeys } = this.#options;
    return trustedKeys.includes(publicKey) || trustedKeys.includes(this.#fingerprint(publicKey));
  }

  #foreign({ publicKey }: CheckedSignature): Flaw {
    const inForce = this.#key === undefined ? "one that the ledger names" : this.#fingerprint(this.#key);
    return { kind: "signature-key", reason: `it is signed by ${this.#fingerprint(publicKey)}, not by ${inForce}` };
  }

  #unvouched({ publicKey }: CheckedSignature): Flaw {
    return {
      kind: "key-unvouched",
      reason: `it hands over to the key ${this.#fingerprint(publicKey)}, and the old key did not vouch for it`,
    };
  }

  #fingerprint(publicKey: string): string {
    return this.#options.fingerprint(keyBlobOf(publicKey));
  }
}
