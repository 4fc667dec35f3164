/** The answers about builds as this client reads them (docs/api.md, "Build"). */

/** One attempt to build. */
export interface BuildItem {
  id: string;
  /** Null as long as an upload has not become one. */
  commit: string | null;
  status: "pending" | "succeeded" | "failed";
  created_at: string;
  ended_at: string | null;
  user: { id: string; email: string };
  /** Why it failed. */
  reason: string | null;
  /** The kind of app. */
  detected: string | null;
  slug: { id: string } | null;
  /** What came of it; null also while that is not decided. */
  release: { id: string; version: number } | null;
  output_stream_url: string;
}
