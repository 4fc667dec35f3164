/** The file system that isomorphic-git is given: a repository that seems to hold loose objects only. Reads are answered
 *  by `git cat-file`, so packs of any size cost nothing; objects are written durably; refs cannot be written at all,
 *  because isomorphic-git would neither lock nor compare them. */
import { pack, type LooseObjects } from "./loose-objects.ts";
import type { ObjectReader } from "./object-reader.ts";

type Call = (...args: never[]) => Promise<unknown>;
type CallName = "mkdir" | "rmdir" | "unlink" | "stat" | "lstat" | "readdir" | "readlink" | "symlink" | "chmod";
export interface GitBackedFs {
  promises: Record<CallName | "readFile" | "writeFile", Call>;
}

export function makeGitBackedFs(repositoryPath: string, reader: ObjectReader, loose: LooseObjects): GitBackedFs {
  const oidOf = async (path: string): Promise<string> => {
    const inside = path.startsWith(repositoryPath) ? path.slice(repositoryPath.length) : "";
    const [, first, rest] = /^\/objects\/([0-9a-f]{2})\/([0-9a-f]{38})$/.exec(inside) ?? [];
    return first === undefined || rest === undefined ? forbidden(path) : first + rest;
  };
  const stat = async (path: string): Promise<unknown> => {
    if (path === repositoryPath) return { isFile: () => false, isDirectory: () => true };
    if (await loose.has(await oidOf(path))) return { isFile: () => true, isDirectory: () => false };
    throw noEntry(path);
  };
  return {
    promises: {
      async readFile(path: string) {
        // The library probes for a promise by calling this without a path.
        const found = await reader.contents(await oidOf(path ?? ""));
        if (found === undefined) throw noEntry(path);
        const head = Buffer.from(`${found.type} ${String(found.sizeBytes)}\0`);
        return pack(Buffer.concat([head, found.data]), { level: 0 });
      },
      async writeFile(path: string, data: Uint8Array) {
        await loose.store(await oidOf(path), data);
      },
      stat,
      lstat: stat,
      // No packs to be seen here.
      async readdir(path: string) {
        return path === `${repositoryPath}/objects/pack` ? [] : forbidden(path);
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

function noEntry(path: string): Error {
  return Object.assign(new Error(`ENOENT: no such object, ${path}`), { code: "ENOENT" });
}

async function forbidden(path: string): Promise<never> {
  throw new Error(`Only git itself may touch ${path}.`);
}
