/** Keys under a passphrase, as an age file. The scrypt behind it takes a second and 256 MB, which is why this is done
 *  here and not in the daemon, where every app's requests would wait for it. */
import { AppError } from "../core/error.ts";

export async function sealKeys(text: string, passphrase: string): Promise<Uint8Array> {
  const { Encrypter } = await import("age-encryption");
  const encrypter = new Encrypter();
  encrypter.setPassphrase(passphrase);
  return encrypter.encrypt(text);
}

/** @throws AppError invalid_params for another passphrase, or a file that is damaged. */
export async function openKeys(sealed: Uint8Array, passphrase: string): Promise<string> {
  const { Decrypter } = await import("age-encryption");
  const decrypter = new Decrypter();
  decrypter.addPassphrase(passphrase);
  try {
    return await decrypter.decrypt(sealed, "text");
  } catch (error) {
    throw explain(sealed, error);
  }
}

/** For one answer of the platform: nobody else can open it. */
export async function oneTimeKey(): Promise<{ recipient: string; open(sealed: Uint8Array): Promise<string> }> {
  const { Decrypter, generateX25519Identity, identityToRecipient } = await import("age-encryption");
  const identity = await generateX25519Identity();
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  return {
    recipient: await identityToRecipient(identity),
    open: (sealed) => decrypter.decrypt(sealed, "text"),
  };
}

function explain(sealed: Uint8Array, cause: unknown): AppError {
  const head = Buffer.from(sealed.subarray(0, 200)).toString("latin1");
  if (!head.startsWith("age-encryption.org/v1\n")) {
    return new AppError("invalid_params", "The keys in the backup are damaged.", { hint: "Use another copy of it." });
  }
  if (!head.includes("\n-> scrypt ")) {
    return new AppError("invalid_params", "The keys in the backup are encrypted for somebody's age key.", {
      hint: "Decrypt keys.age with `age -d -i KEY`, and give the result with --keys FILE.",
    });
  }
  const isOther = cause instanceof Error && cause.message.startsWith("no identity matched");
  return new AppError(
    "invalid_params",
    isOther ? "That is not the passphrase of this backup." : "The keys in the backup are damaged.",
    {
      hint: "Nothing was restored.",
    },
  );
}
