/** The answers about slugs as this client reads them (docs/api.md, "Slug"). */

export interface SlugItem {
  id: string;
  created_at: string;
  /** The kind of app. */
  buildpack_provided_description: string;
  /** Bytes of its files, shared ones too. */
  size: number;
  /** Bytes on the disk that no older slug has. */
  own_size: number;
  checksum: string | null;
  /** It could be built again as it is. */
  locked: boolean;
  /** Versions, newest first. */
  releases: number[];
  running: boolean;
  /** Null when nobody looked. */
  intact: boolean | null;
}

/** Bytes on the disk. */
export interface DiskItem {
  repository: number;
  slugs: number;
  cache: number;
  logs: number;
  run: number;
}
