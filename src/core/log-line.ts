/** One line of an app's log: the NDJSON record that is stored and the text that people read (docs/formats.md, "Log line"). */

export type LogSource = "app" | "heroku";

/** A line before it is stamped. */
export interface NewLogLine {
  /** `web.1`, `run.1`, `router`, `api`, `build` … */
  ps: string;
  source: LogSource;
  release?: number;
  level?: string;
  /** 1 on the later parts of a line that was cut. */
  cont?: number;
  /** One line, without its newline. */
  msg: string;
}

export interface LogLine extends NewLogLine {
  /** `2011-06-19T08:35:19.123456Z`: UTC with microseconds, always 27 characters. */
  ts: string;
}

/** `2011-06-19T08:35:19+00:00 heroku[web.1]: State changed from starting to up` */
export function formatLogText(line: LogLine): string {
  return `${line.ts.slice(0, 19)}+00:00 ${line.source}[${line.ps}]: ${line.msg}`;
}
