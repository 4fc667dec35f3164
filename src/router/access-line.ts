/** The router's log line, field for field as Heroku writes it. Whatever a client can choose is escaped: no request
 *  can forge a line or a field. */
import type { Failure } from "./failure.ts";
import type { Origin } from "./headers.ts";

export interface AccessRecord {
  readonly failure: Failure | undefined;
  /** What is wrong with the request (H26); else empty. */
  readonly cause: string;
  readonly status: number;
  readonly method: string;
  readonly path: string;
  readonly host: string;
  readonly origin: Pick<Origin, "requestId" | "fwd" | "protocol">;
  /** Empty when no process was chosen. */
  readonly dyno: string;
  /** Negative when unknown, as the next two. */
  readonly connectMs: number;
  readonly serviceMs: number;
  readonly bytes: number;
}

const PATH_MAX = 2048;
const FWD_MAX = 512;

export function formatAccessLine(record: AccessRecord): string {
  return (
    `${outcome(record)} method=${record.method} path="${quotable(record.path, PATH_MAX)}" host=${record.host}` +
    ` request_id=${record.origin.requestId} fwd="${quotable(record.origin.fwd, FWD_MAX)}" dyno=${record.dyno}` +
    ` connect=${duration(record.connectMs)} service=${duration(record.serviceMs)} status=${String(record.status)}` +
    ` bytes=${record.bytes < 0 ? "" : String(record.bytes)} protocol=${record.origin.protocol}`
  );
}

function outcome({ failure, cause }: AccessRecord): string {
  if (failure === undefined) return "at=info";
  const sock = failure.sock === undefined ? "" : `sock=${failure.sock} `;
  return `${sock}at=${failure.at} code=${failure.code ?? ""} desc="${failure.desc}"${cause === "" ? "" : ` cause="${cause}"`}`;
}

/** Whole milliseconds, as Heroku writes them, however fine the clock is. */
function duration(ms: number): string {
  return ms < 0 ? "" : `${String(Math.round(ms))}ms`;
}

const UNSAFE = /["\\\x00-\x1f\x7f-\uffff]/;
const UNSAFE_ALL = /["\\\x00-\x1f\x7f-\uffff]/g;

/** Percent-encoded where a character could end the field or the line; strings of node's parser are one byte a character. */
function quotable(text: string, max: number): string {
  const cut = text.length > max ? text.slice(0, max) : text;
  return UNSAFE.test(cut) ? cut.replace(UNSAFE_ALL, percent) : cut;
}

function percent(character: string): string {
  return `%${(character.charCodeAt(0) & 0xff).toString(16).toUpperCase().padStart(2, "0")}`;
}
