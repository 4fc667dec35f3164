/** Sources: code that is uploaded to be built. One is a file in `uploads/` of the home for an hour, at a URL that only its
 *  maker knows. */
import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { AppError } from "../core/error.ts";
import { formatBytes } from "../core/byte-size.ts";
import { exists } from "./home.ts";
import type { Platform } from "./platform.ts";

/** Packed. */
export const SOURCE_BYTES_MAX = 500_000_000;
const KEPT_MS = 3_600_000;

/** @returns tickets to put the archive and to get it */
export async function createSource(platform: Platform): Promise<{ put: string; get: string }> {
  await forgetOld(platform);
  const facts = { id: randomUUID(), until: platform.clock.now() + KEPT_MS };
  const write = await platform.tickets.writer();
  return { put: write("upload", facts), get: write("source", facts) };
}

/** @throws AppError not_found for a ticket that is none */
export async function checkUpload(platform: Platform, ticket: string): Promise<void> {
  await pathOf(platform, "upload", ticket);
}

/** Whole or not at all; a second upload replaces the first.
 *  @throws AppError not_found for a ticket that is none, invalid_params for too much */
export async function storeSource(platform: Platform, ticket: string, bytes: AsyncIterable<Buffer>): Promise<void> {
  const path = await pathOf(platform, "upload", ticket);
  const part = `${path}.${randomUUID()}`;
  await mkdir(platform.home.uploads, { recursive: true, mode: 0o700 });
  try {
    await pipeline(bytes, atMost(SOURCE_BYTES_MAX), createWriteStream(part, { mode: 0o600, flags: "wx" }));
    await rename(part, path);
  } finally {
    await rm(part, { force: true });
  }
}

/** @returns the path of the file
 *  @throws AppError not_found */
export async function findSource(platform: Platform, ticket: string): Promise<string> {
  const path = await pathOf(platform, "source", ticket);
  if (await exists(path)) return path;
  throw new AppError("not_found", "Nothing has been uploaded to that source yet.", {
    hint: "PUT the archive to its put_url first.",
    resource: "source",
  });
}

/** @throws AppError invalid_params when there is more */
export function atMost(bytesMax: number): (bytes: AsyncIterable<Buffer>) => AsyncGenerator<Buffer> {
  return async function* (bytes) {
    let left = bytesMax;
    for await (const piece of bytes) {
      left -= piece.length;
      if (left < 0) throw new AppError("invalid_params", `A source may have ${formatBytes(bytesMax)}.`);
      yield piece;
    }
  };
}

async function pathOf(platform: Platform, purpose: "upload" | "source", ticket: string): Promise<string> {
  const facts = await platform.tickets.read(purpose, ticket);
  if (facts !== undefined && facts.until > platform.clock.now()) {
    return join(platform.home.uploads, `${facts.id}.tar.gz`);
  }
  throw new AppError("not_found", "This source has expired.", {
    hint: "Make another one: POST /sources.",
    resource: "source",
  });
}

async function forgetOld(platform: Platform): Promise<void> {
  for (const name of await readdir(platform.home.uploads).catch(() => [])) {
    const path = join(platform.home.uploads, name);
    const changedAt = (await stat(path).catch(() => undefined))?.mtimeMs ?? 0;
    if (changedAt < platform.clock.now() - 2 * KEPT_MS) await rm(path, { force: true });
  }
}
