/** Writes a repository as one git bundle: exactly the refs that are given, whatever moves meanwhile. git makes the pack
 *  in a process of its own, so the size of the repository is no matter to this one. */
import { randomBytes } from "node:crypto";
import { open, rm, type FileHandle } from "node:fs/promises";
import { dirname, basename, join } from "node:path";
import { formatBundleHead, type Refs } from "./bundle-format.ts";
import { UNFINISHED } from "./create-repository.ts";
import { openRepository } from "./git-process.ts";
import { streamGit } from "./git-stream.ts";
import { PACK_ARGUMENTS, packTips } from "./pack-arguments.ts";

export interface BundleRequest {
  repoPath: string;
  refs: Refs;
  /** What HEAD stands for, if anything. */
  branch: string | undefined;
  signal: AbortSignal;
}

const NOBODY = { name: "git-heroku", email: "platform@git-heroku" };

/** The bundle in a file that has no name any more: it is gone when it is closed, or when this process dies.
 *  @throws Error when git fails; an AbortError of the signal. */
export async function writeBundle(request: BundleRequest): Promise<FileHandle> {
  const file = await openNameless(request.repoPath);
  try {
    await file.write(formatBundleHead(request.refs, request.branch));
    const repository = openRepository(request.repoPath, NOBODY);
    await streamGit(repository, PACK_ARGUMENTS, {
      stdin: packTips(request.refs),
      stdout: file.fd,
      signal: request.signal,
    });
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** On the disk of the repository. What a crash between the two calls leaves is removed with unfinished repositories. */
async function openNameless(repoPath: string): Promise<FileHandle> {
  const path = join(dirname(repoPath), `${UNFINISHED}${basename(repoPath)}-${randomBytes(6).toString("hex")}`);
  const file = await open(path, "wx+", 0o600);
  await rm(path);
  return file;
}
