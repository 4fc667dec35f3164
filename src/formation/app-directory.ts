/** The directory in which a process runs: a throw-away view of its slug that the process may write to.
 *  The reasons for copy, clone and link are in docs/decisions/031-process-directory.md. */
import { existsSync, readdirSync } from "node:fs";
import { constants, copyFile, chmod, link, lstat, mkdir, readdir, readlink, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";

/** Up to these, a plain copy is quicker than it is worth to save. */
const COPY_FILES_MAX = 200;
const COPY_BYTES_MAX = 8 * 1024 * 1024;
const AT_ONCE = 32;

interface Tree {
  readonly directories: string[];
  readonly files: string[];
  readonly links: string[];
}

type Place = (from: string, to: string) => Promise<void>;

/** The built code together with the layers that belong over it, and whether other built code has files in common with it. */
export interface SlugView {
  readonly directories: readonly string[];
  readonly isShared: boolean;
}

/** What lies beside the built code says so: links to its layers, in `layers`; without that directory it shares nothing. */
export function viewOf(appDir: string): SlugView {
  const layers = join(dirname(appDir), "layers");
  if (!existsSync(layers)) return { directories: [appDir], isShared: false };
  const names = readdirSync(layers).sort();
  return { directories: [appDir, ...names.map((name) => join(layers, name))], isShared: true };
}

/** @throws when the slug cannot be read, or the signal aborts; what was made so far stays for the caller to remove. */
export async function makeAppDirectory(appDir: string, target: string, signal?: AbortSignal): Promise<void> {
  const { directories, isShared } = viewOf(appDir);
  await mkdir(target, { recursive: true });
  for (const directory of directories) await fill(directory, target, { isShared, signal });
}

async function fill(
  slug: string,
  target: string,
  { isShared, signal }: { isShared: boolean; signal: AbortSignal | undefined },
): Promise<void> {
  const tree = await survey(slug);
  const place = isShared ? copyWritable : await choosePlace(slug, target, tree);
  for (const directory of tree.directories) await mkdir(join(target, directory), { recursive: true });
  for (let index = 0; index < tree.files.length; index += AT_ONCE) {
    signal?.throwIfAborted();
    await Promise.all(
      tree.files.slice(index, index + AT_ONCE).map((file) => place(join(slug, file), join(target, file))),
    );
  }
  // Links stay links: one to a shared cache of dependencies costs nothing.
  for (const file of tree.links) await symlink(await readlink(join(slug, file)), join(target, file));
}

/** Everything but sockets, pipes and devices, parents before their children. */
async function survey(slug: string): Promise<Tree> {
  const tree: Tree = { directories: [], files: [], links: [] };
  const waiting = [""];
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    for (const entry of await readdir(join(slug, directory), { withFileTypes: true })) {
      const path = join(directory, entry.name);
      if (entry.isSymbolicLink()) tree.links.push(path);
      else if (entry.isFile()) tree.files.push(path);
      else if (entry.isDirectory()) {
        tree.directories.push(path);
        waiting.push(path);
      }
    }
  }
  return tree;
}

async function choosePlace(slug: string, target: string, tree: Tree): Promise<Place> {
  const isSmall = tree.files.length <= COPY_FILES_MAX && (await isUnder(slug, tree.files, COPY_BYTES_MAX));
  if (isSmall) return copyWritable;
  if (await canClone(slug, target, tree.files)) return copyWritable;
  // Modes do not hold root back: through a link it would write into the slug itself.
  return process.getuid?.() === 0 ? copyWritable : linkOrCopy;
}

async function isUnder(slug: string, files: readonly string[], max: number): Promise<boolean> {
  let bytes = 0;
  for (let index = 0; index < files.length && bytes <= max; index += AT_ONCE) {
    const stats = await Promise.all(files.slice(index, index + AT_ONCE).map((file) => lstat(join(slug, file))));
    for (const { size } of stats) bytes += size;
  }
  return bytes <= max;
}

/** Does this file system share the blocks of a copy (btrfs, xfs, APFS …)? */
async function canClone(slug: string, target: string, files: readonly string[]): Promise<boolean> {
  const [file] = files;
  if (file === undefined) return false;
  const probe = `${target}.clone`;
  const cloned = await copyFile(join(slug, file), probe, constants.COPYFILE_FICLONE_FORCE).then(
    () => true,
    () => false,
  );
  await rm(probe, { force: true });
  return cloned;
}

async function copyWritable(from: string, to: string): Promise<void> {
  await copyFile(from, to, constants.COPYFILE_FICLONE);
  const { mode } = await lstat(to);
  if ((mode & 0o200) === 0) await chmod(to, (mode & 0o777) | 0o200);
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  const { mode } = await lstat(from);
  // A file that the builder left writable must not be shared.
  if ((mode & 0o222) !== 0) return copyWritable(from, to);
  // Another file system, or a file with too many names already.
  return link(from, to).catch(() => copyWritable(from, to));
}
