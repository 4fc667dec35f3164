/** Which certificate authorities are trusted: Node's own, those of NODE_EXTRA_CA_CERTS, and those of a file in the home,
 *  which counts however the daemon was started. */
import { readFile, stat } from "node:fs/promises";
import { createSecureContext, rootCertificates, type SecureContext } from "node:tls";
import { DeliveryError } from "./delivery-error.ts";

/** For a connection; without a context Node trusts by itself, and knows of NODE_EXTRA_CA_CERTS. */
export interface TrustOptions {
  secureContext?: SecureContext;
}

export class Trust {
  readonly #ownFile: string;
  readonly #extraFile: string | undefined;
  #known: { version: string; options: TrustOptions } | undefined;

  /** @param ownFile PEM; need not be there
   *  @param extraFile the value of NODE_EXTRA_CA_CERTS */
  constructor(ownFile: string, extraFile: string | undefined) {
    this.#ownFile = ownFile;
    this.#extraFile = extraFile;
  }

  /** @throws DeliveryError when the file cannot be read */
  async options(): Promise<TrustOptions> {
    const found = await stat(this.#ownFile).catch(() => undefined);
    if (found === undefined) return {};
    const version = [found.mtimeMs, found.size, found.ino].join(" ");
    if (this.#known?.version !== version) this.#known = { version, options: await this.#read() };
    return this.#known.options;
  }

  async #read(): Promise<TrustOptions> {
    const files = [this.#ownFile, ...(this.#extraFile ? [this.#extraFile] : [])];
    try {
      const texts = await Promise.all(files.map((file) => readFile(file, "utf8")));
      return { secureContext: createSecureContext({ ca: [...rootCertificates, ...texts] }) };
    } catch (error) {
      throw new DeliveryError("retry", `${files.join(" or ")} cannot be read: ${(error as Error).message}`);
    }
  }
}
