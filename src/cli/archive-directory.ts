/** The directory of an archive, DIR/<app>/: segments under their own names, their indexes, and SHA256SUMS, which
 *  `sha256sum -c` reads. A file has its name only when it is whole, on the disk and checked; a sum is there only when its
 *  file is. So it can be interrupted and repeated at any time, and synced by any tool. */
import { createHash, randomBytes } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../core/error.ts";
import { syncDirectory } from "./new-file.ts";

const SUMS = "SHA256SUMS";
const TEMPORARY = /^\.tmp-[0-9a-f]{12}$/;
const SUM_LINE = /^([0-9a-f]{64}) [ *](.+)$/;

export interface CopySource {
  name: string;
  bytes: number;
  /** SHA-256 in hexadecimal. */
  sum: string;
  content: AsyncIterable<Buffer>;
}

export class ArchiveDirectory {
  private readonly path: string;
  private readonly sums: Map<string, string>;

  private constructor(path: string, sums: Map<string, string>) {
    this.path = path;
    this.sums = sums;
  }

  /** Made when it is not there; what an earlier run did not finish is removed. */
  static async open(path: string): Promise<ArchiveDirectory> {
    await mkdir(path, { recursive: true, mode: 0o700 });
    for (const name of await readdir(path)) if (TEMPORARY.test(name)) await rm(join(path, name), { force: true });
    const text = await readFile(join(path, SUMS), "utf8").catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
      return "";
    });
    const sums = text.split("\n").flatMap((line) => {
      const [, sum, name] = SUM_LINE.exec(line) ?? [];
      return sum === undefined || name === undefined ? [] : [[name, sum] as const];
    });
    return new ArchiveDirectory(path, new Map(sums));
  }

  /** Whether there is a file of this name and size that was copied whole. */
  async has(name: string, bytes: number): Promise<boolean> {
    if (!this.sums.has(name)) return false;
    const found = await stat(join(this.path, name)).catch(() => undefined);
    return found?.size === bytes;
  }

  /** @throws AppError unavailable when what came is not what was announced. */
  async add({ name, bytes, sum, content }: CopySource): Promise<void> {
    await this.place(name, content, (written, actual) => {
      if (written === bytes && actual === sum) return;
      throw new AppError("unavailable", `${name} did not arrive as it was sent.`, { hint: "Try again." });
    });
    this.sums.set(name, sum);
    await this.saveSums();
  }

  /** A file that can be made anew: without a sum. */
  async addBeside(name: string, content: AsyncIterable<Buffer>): Promise<void> {
    await this.place(name, content, () => undefined);
  }

  private async saveSums(): Promise<void> {
    const lines = [...this.sums].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, sum]) => `${sum}  ${name}\n`);
    await this.place(SUMS, asStream(Buffer.from(lines.join(""))), () => undefined);
  }

  private async place(
    name: string,
    content: AsyncIterable<Buffer>,
    check: (bytes: number, sum: string) => void,
  ): Promise<void> {
    const temporary = join(this.path, `.tmp-${randomBytes(6).toString("hex")}`);
    const file = await open(temporary, "wx", 0o600);
    try {
      const hash = createHash("sha256");
      let bytes = 0;
      for await (const piece of content) {
        hash.update(piece);
        bytes += piece.length;
        await file.appendFile(piece);
      }
      check(bytes, hash.digest("hex"));
      await file.sync();
      await rename(temporary, join(this.path, name));
      await syncDirectory(this.path);
    } finally {
      await file.close();
      await rm(temporary, { force: true });
    }
  }
}

async function* asStream(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
