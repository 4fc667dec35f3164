/** Questions and answers of the Platform API about logs (docs/api.md). */

/** Which log is asked about; the live one unless one of these is given. */
export interface WhichLog {
  trash?: boolean;
  imported?: string | undefined;
}

/** The parameters of the log endpoint. */
export interface LogQuery extends WhichLog {
  lines?: number | undefined;
  ps?: string | undefined;
  source?: string | undefined;
  since?: string | undefined;
  until?: string | undefined;
  around?: string | undefined;
  release?: string | undefined;
  level?: string | undefined;
  search?: string | undefined;
  regex?: string | undefined;
  ignoreCase?: boolean;
  invert?: boolean;
  context?: number | undefined;
  tail?: boolean;
  after?: string;
  cursors?: boolean;
  leavesRest?: boolean;
}

/** Whole lines, good until the next are asked for. */
export interface FoundLines {
  lines: Buffer;
  /** Whether each is known to begin and end as the platform writes them. */
  areOurs: boolean;
}

/** What is left of a long answer, and where it is. */
export interface LogRestItem {
  dir: string;
  segments: string[];
  end: { segment: string; offset: number };
  filter: object;
}

export interface LogRange extends WhichLog {
  since?: string | undefined;
  until?: string | undefined;
}

export interface LogStatsQuery extends LogRange {
  by?: string | undefined;
  every?: string | undefined;
}

export interface LogSegmentItem {
  name: string;
  bytes: number;
}

export interface LogImportItem {
  name: string;
  bytes: number;
  imported_at: string;
}

export interface LogImportResult {
  name: string;
  lines: number;
  /** That were no log lines. */
  rejected: number;
  rejected_example: string | null;
  first: string;
  last: string;
}
