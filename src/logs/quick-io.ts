/** Small reads and writes at the hot end of a log, where the bytes are in the page cache: done at once they take some
 *  microseconds, by the thread pool ten times that, and a busy app asks for thousands a second. Calls that turn out slow (cold
 *  data, a disk that cannot keep up) send everything to the thread pool for fifty times as long. A call may be slow too because
 *  another process had the processor meanwhile: one alone that was not very slow is taken for that. So the event loop waits
 *  for a disk five per cent of the time at most. */
import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";

/** A larger write goes to the thread pool anyway. */
export const QUICK_BYTES_MAX = 64 * 1024;
const SLOW_MS = 3;
/** Longer than a process usually has to wait for its turn. */
const VERY_SLOW_MS = 25;
/** Two of them in this time are no chance. */
const AGAIN_MS = 500;
const CAREFUL_TIMES = 50;
const CAREFUL_MS_MAX = 10_000;

let carefulUntil = 0;
/** When a call was slow last. */
let slowAt = Number.NEGATIVE_INFINITY;
let isPatient = false;

/** For a thread that does nothing else and may wait. */
export function neverBeCareful(): void {
  isPatient = true;
}

export function mayWait(): boolean {
  return isPatient;
}

function isCareful(): boolean {
  return !isPatient && carefulUntil !== 0 && performance.now() < carefulUntil;
}

/** Whether what is small is done at once. */
export function isQuick(): boolean {
  return !isCareful();
}

function timed<T>(call: () => T): T {
  const begin = performance.now();
  const value = call();
  const end = performance.now();
  const took = end - begin;
  if (took > SLOW_MS) noteSlow(begin, end);
  return value;
}

function noteSlow(begin: number, end: number): void {
  const took = end - begin;
  if (took > VERY_SLOW_MS || begin - slowAt < AGAIN_MS)
    carefulUntil = end + Math.min(CAREFUL_MS_MAX, took * CAREFUL_TIMES);
  slowAt = end;
}

/** Fills the start of the buffer; returns how many bytes there were. */
export async function readAt(handle: FileHandle, buffer: Buffer, length: number, position: number): Promise<number> {
  if (isCareful()) return (await handle.read(buffer, 0, length, position)).bytesRead;
  return readNow(handle, buffer, length, position);
}

/** The same within this turn of the event loop. */
export function readNow(handle: FileHandle, buffer: Buffer, length: number, position: number): number {
  return timed(() => readSync(handle.fd, buffer, 0, length, position));
}

/** Does something short with a file that is read only, at once where that is quick; undefined when it cannot be opened. */
export async function withFile<T>(path: string, work: (file: ReadOnlyFile) => Promise<T>): Promise<T | undefined> {
  if (isCareful()) return withHandle(path, work);
  let fd: number;
  try {
    fd = timed(() => openSync(path, "r"));
  } catch {
    return undefined;
  }
  try {
    return await work({
      read: async (buffer, position) => timed(() => readSync(fd, buffer, 0, buffer.length, position)),
      size: async () => fstatSync(fd).size,
    });
  } finally {
    closeSync(fd);
  }
}

/** Whose reads fill the buffer, and tell how many bytes there were. */
export interface ReadOnlyFile {
  read(buffer: Buffer, position: number): Promise<number>;
  size(): Promise<number>;
}

async function withHandle<T>(path: string, work: (file: ReadOnlyFile) => Promise<T>): Promise<T | undefined> {
  const handle = await open(path, "r").catch(() => undefined);
  if (handle === undefined) return undefined;
  try {
    return await work({
      read: async (buffer, position) => (await handle.read(buffer, 0, buffer.length, position)).bytesRead,
      size: async () => (await handle.stat()).size,
    });
  } finally {
    await handle.close();
  }
}

/** Writes all bytes or throws. */
export async function writeAt(handle: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const left = bytes.length - done;
    if (left > QUICK_BYTES_MAX || isCareful())
      done += (await handle.write(bytes, done, left, position + done)).bytesWritten;
    else done += writeSome(handle, bytes, done, position);
  }
}

/** The same within this turn of the event loop. */
export function writeNow(handle: FileHandle, bytes: Buffer, position: number): void {
  for (let done = 0; done < bytes.length;) done += writeSome(handle, bytes, done, position);
}

function writeSome(handle: FileHandle, bytes: Buffer, from: number, position: number): number {
  return timed(() => writeSync(handle.fd, bytes, from, bytes.length - from, position + from));
}
