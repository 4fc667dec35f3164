/** Backup files of any kind, good and hostile, without a platform. */
import { Header, type HeaderData } from "tar";

export type TarEntry = HeaderData & { path: string; data: Uint8Array };

const BLOCK = 512;
export const TAR_END = Buffer.alloc(2 * BLOCK);

export const KEYS = { config: { privateKeys: ["11".repeat(32)] } };

export const FACTS = {
  app: "foobaz",
  createdAt: "2026-11-25T09:52:46.882Z",
  format: 1,
  head: "17382ef0902c3a231ca3da7f9d46ae4690a577a3",
  id: "12ca1953-a0ff-4d11-b2f0-e0f5f03143d0",
  keys: { config: [] },
  version: 3,
};

export function tarEntry(path: string, content: unknown, more: HeaderData = {}): TarEntry {
  const data = content instanceof Uint8Array ? content : Buffer.from(JSON.stringify(content));
  return { path, data, type: "File", ...more };
}

/** What a good backup has, of a bundle that no platform was asked about. */
export function goodEntries(): TarEntry[] {
  return [
    tarEntry("backup.json", FACTS),
    tarEntry("keys.json", KEYS),
    tarEntry("repo.bundle", Buffer.from("# v2 git bundle\n\nPACK")),
  ];
}

export function formatTar(entries: readonly TarEntry[], end: Uint8Array = TAR_END): Buffer {
  const blocks = entries.flatMap(({ data, ...head }) => {
    const block = Buffer.alloc(BLOCK);
    new Header({ mode: 0o600, size: data.length, mtime: new Date(0), ...head }).encode(block, 0);
    return [block, data, Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK)];
  });
  return Buffer.concat([...blocks, end]);
}
