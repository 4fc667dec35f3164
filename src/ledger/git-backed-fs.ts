/** The file system that isomorphic-git is given: a repository that seems to hold loose objects only. Reads are answered
 *  by `git cat-file`, so packs of any size cost nothing; objects are written durably; refs cannot be written at all,
 *  because isomorphic-git would neither lock nor compare them. */
import { createHash } from "node:crypto";
import { mkdir, readFile, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { deflate, inflate } from "node:zlib";
import { writeDurably } from "./durable-file.ts";
import type { ObjectReader } from "./object-reader.ts";

type Call = (...args: never[]) => Promise<unknown>;
export interface GitBackedFs {
  promises: Record<
    | "readFile"
    | "writeFile"
    | "mkdir"
    | "rmdir"
    | "unlink"
    | "stat"
    | "lstat"
    | "readdir"
    | "readlink"
    | "symlink"
    | "chmod",
    Call
  >;
}

const pack = promisify(deflate) as (data: Buffer, options: { level: number }) => Promise<Buffer>;
const unpack = promisify(inflate) as (data: Buffer) => Promise<Buffer>;

export function makeGitBackedFs(repositoryPath: string, reader: ObjectReader): GitBackedFs {
  const oidOf = (path: string): string | undefined => {
    if (!path.startsWith(repositoryPath)) return undefined;
    const [, first, rest] = /^\/objects\/([0-9a-f]{2})\/([0-9a-f]{38})$/.exec(path.slice(repositoryPath.length)) ?? [];
    return first === undefined || rest === undefined ? undefined : first + rest;
  };
  const statObject = async (path: string): Promise<unknown> => {
    const oid = oidOf(path);
    if (oid === undefined) return stat(path);
    if (await isWhole(path, oid, reader)) return { isFile: () => true, isDirectory: () => false };
    throw noEntry(path);
  };
  return {
    promises: {
      async readFile(path: string) {
        const found = await reader.contents(oidOf(path) ?? (await forbidden(path)));
        if (found === undefined) throw noEntry(path);
        const head = Buffer.from(`${found.type} ${String(found.sizeBytes)}\0`);
        return pack(Buffer.concat([head, found.data]), { level: 0 });
      },
      async writeFile(path: string, data: Uint8Array) {
        if (oidOf(path) === undefined) await forbidden(path);
        await mkdir(dirname(path), { recursive: true });
        await writeDurably(path, data, 0o444);
      },
      stat: statObject,
      lstat: statObject,
      async readdir(path: string) {
        return path === join(repositoryPath, "objects/pack") ? [] : forbidden(path);
      },
      mkdir: forbidden,
      rmdir: forbidden,
      unlink: forbidden,
      readlink: forbidden,
      symlink: forbidden,
      chmod: forbidden,
    },
  };
}

/** A loose object that was cut short must be written again, not trusted because its name is there. */
async function isWhole(path: string, oid: string, reader: ObjectReader): Promise<boolean> {
  try {
    const bytes = await unpack(await readFile(path));
    return createHash("sha1").update(bytes).digest("hex") === oid;
  } catch (error) {
    const isLoose = (error as NodeJS.ErrnoException).code !== "ENOENT";
    return !isLoose && (await reader.info(oid)) !== undefined;
  }
}

function noEntry(path: string): Error {
  return Object.assign(new Error(`ENOENT: no such object, ${path}`), { code: "ENOENT" });
}

async function forbidden(path: string): Promise<never> {
  throw new Error(`Only git itself may touch ${path}.`);
}
