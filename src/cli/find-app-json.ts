/** Where the app.json of `create --from` is: in a directory, in a git repository, or at a URL of its own. */
import { readFile, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { isGitUrl, readClonedFile } from "../clone/clone-file.ts";
import { AppError } from "../core/error.ts";
import type { World } from "./command.ts";
import { decodeText } from "./read-dotenv.ts";

const FILE = "app.json";
const BYTES_MAX = 1024 * 1024;
const FETCH_PATIENCE_MS = 30_000;

/** The text of the app.json.
 *  @throws AppError when it is not there or cannot be read */
export async function findAppJson(world: World, from: string): Promise<string> {
  const bytes = await read(world, from);
  if (bytes.length > BYTES_MAX) throw new AppError("invalid_params", `The ${FILE} of ${from} is larger than 1 MiB.`);
  return decodeText(bytes);
}

async function read(world: World, from: string): Promise<Uint8Array> {
  if (/^https?:\/\/[^?#]*\.json(?:[?#]|$)/.test(from)) return fetchFile(from);
  if (!isGitUrl(from)) return readFrom(resolve(world.cwd, from));
  const bytes = readClonedFile(world, from, FILE);
  if (bytes === undefined) throw hasNone(from);
  return bytes;
}

/** Of a directory, or the file itself. */
async function readFrom(path: string): Promise<Uint8Array> {
  try {
    const isDirectory = (await stat(path)).isDirectory();
    return await readFile(isDirectory ? join(path, FILE) : path);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ENOTDIR") throw hasNone(path);
    throw new AppError("bad_request", `The ${FILE} of ${path} cannot be read (${code}).`, { cause: error });
  }
}

function hasNone(from: string): AppError {
  return new AppError("not_found", `There is no ${FILE} in ${from}.`, {
    hint: "Name a directory or a git URL that has one at its top, or the URL of the file; or create the app without --from.",
  });
}

async function fetchFile(url: string): Promise<Uint8Array> {
  const hint = "Check the address; or fetch the file yourself and name its directory.";
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(FETCH_PATIENCE_MS) });
    if (answer.ok) return await readBody(answer);
    throw new AppError("bad_request", `${url} answered ${String(answer.status)}.`, { hint });
  } catch (error) {
    if (error instanceof AppError) throw error;
    const { cause } = error as { cause?: unknown };
    const reason = cause instanceof Error ? cause.message : String(error);
    throw new AppError("bad_request", `${url} could not be fetched: ${reason}.`, { hint, cause: error });
  }
}

/** Not more than is looked at. */
async function readBody({ body }: Response): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of (body ?? []) as AsyncIterable<Uint8Array>) {
    pieces.push(piece);
    if ((length += piece.length) > BYTES_MAX) break;
  }
  return Buffer.concat(pieces);
}
