/** Which certificate authorities are trusted: Node's own, those of NODE_EXTRA_CA_CERTS, and those of a file in the home,
 *  which counts however the daemon was started. */
import { readFile, stat } from "node:fs/promises";
import { rootCertificates } from "node:tls";

const FRESH_PROPERTIES = ["mtimeMs", "size", "ino"] as const;

export class Trust {
  readonly #ownFile: string;
  readonly #extraFile: string | undefined;
  #known: { version: string; authorities: string[] } | undefined;

  /** @param ownFile PEM; need not be there
   *  @param extraFile the value of NODE_EXTRA_CA_CERTS */
  constructor(ownFile: string, extraFile: string | undefined) {
    this.#ownFile = ownFile;
    this.#extraFile = extraFile;
  }

  /** Undefined: as Node trusts by itself, which knows of NODE_EXTRA_CA_CERTS. */
  async authorities(): Promise<string[] | undefined> {
    const found = await stat(this.#ownFile).catch(() => undefined);
    if (found === undefined) return undefined;
    const version = FRESH_PROPERTIES.map((name) => String(found[name])).join(" ");
    if (this.#known?.version !== version) this.#known = { version, authorities: await this.#read() };
    return this.#known.authorities;
  }

  async #read(): Promise<string[]> {
    const files = [this.#ownFile, ...(this.#extraFile ? [this.#extraFile] : [])];
    const texts = await Promise.all(files.map((file) => readFile(file, "utf8").catch(() => "")));
    return [...rootCertificates, ...texts.filter((text) => text !== "")];
  }
}
