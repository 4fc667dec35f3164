/** Git objects made of bytes, whatever they hold, and written into a bare repository as one pack: git's own tools would
 *  refuse most of what the tests of an audit need. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { deflateSync } from "node:zlib";

const TYPES = { commit: 1, tree: 2, blob: 3 };
type ObjectType = keyof typeof TYPES;

export interface RawEntry {
  mode: string;
  name: string;
  oid: string;
}

export class RawObjects {
  readonly #objects = new Map<string, { type: ObjectType; data: Buffer }>();

  put(type: ObjectType, data: string | Buffer): string {
    const bytes = Buffer.from(data);
    const oid = createHash("sha1")
      .update(`${type} ${String(bytes.length)}\0`)
      .update(bytes)
      .digest("hex");
    this.#objects.set(oid, { type, data: bytes });
    return oid;
  }

  /** Sorted as git sorts, unless told otherwise. */
  putTree(entries: readonly RawEntry[], sorted = true): string {
    const key = ({ mode, name }: RawEntry): string => (mode === "40000" ? `${name}/` : name);
    const order = sorted ? entries.toSorted((a, b) => (key(a) < key(b) ? -1 : 1)) : entries;
    const parts = order.map(({ mode, name, oid }) =>
      Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(oid, "hex")]),
    );
    return this.put("tree", Buffer.concat(parts));
  }

  text(oid: string): string {
    return this.#objects.get(oid)?.data.toString() ?? "";
  }

  lose(oid: string): void {
    this.#objects.delete(oid);
  }

  /** Makes the repository, or adds to it. */
  async writeTo(gitDir: string, refs: Readonly<Record<string, string>>): Promise<void> {
    await mkdir(join(gitDir, "objects"), { recursive: true });
    await mkdir(join(gitDir, "refs", "heads"), { recursive: true });
    if (!existsSync(join(gitDir, "HEAD"))) {
      await writeFile(join(gitDir, "HEAD"), "ref: refs/heads/main\n");
      await writeFile(join(gitDir, "config"), "[core]\n\trepositoryformatversion = 0\n\tbare = true\n");
    }
    await indexPack(gitDir, this.#pack());
    for (const [ref, oid] of Object.entries(refs)) {
      await mkdir(join(gitDir, ref, ".."), { recursive: true });
      await writeFile(join(gitDir, ref), `${oid}\n`);
    }
  }

  #pack(): Buffer {
    const head = Buffer.alloc(12);
    head.write("PACK");
    head.writeUInt32BE(2, 4);
    head.writeUInt32BE(this.#objects.size, 8);
    const parts: Buffer[] = [head];
    for (const { type, data } of this.#objects.values())
      parts.push(packHead(TYPES[type], data.length), deflateSync(data));
    const body = Buffer.concat(parts);
    return Buffer.concat([body, createHash("sha1").update(body).digest()]);
  }
}

/** Type and size, 4 bits and then 7 at a time, lowest first. */
function packHead(type: number, size: number): Buffer {
  const bytes = [(type << 4) | (size & 15)];
  for (let rest = Math.floor(size / 16); rest > 0; rest = Math.floor(rest / 128)) {
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) | 128;
    bytes.push(rest & 127);
  }
  return Buffer.from(bytes);
}

async function indexPack(gitDir: string, pack: Buffer): Promise<void> {
  const child = spawn("git", [`--git-dir=${gitDir}`, "index-pack", "--stdin"], {
    env: { PATH: process.env["PATH"] ?? "", HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1" },
    stdio: ["pipe", "ignore", "pipe"],
  });
  child.stdin.end(pack);
  const [complaint, [status]] = await Promise.all([text(child.stderr), once(child, "close")]);
  if (status !== 0) throw new Error(`index-pack: ${complaint}`);
}
