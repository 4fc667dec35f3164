/** How much, in the words of Heroku's builds. */

/** `8.3MB`, and `12K` under a megabyte. */
export function formatBytes(bytes: number): string {
  return bytes < 1_000_000 ? `${String(Math.ceil(bytes / 1_000))}K` : `${(bytes / 1_000_000).toFixed(1)}MB`;
}
