/** A bisection as it is kept on disk, `bisect.json` (docs/formats.md, "Bisection"). It holds no value of a config var. */
import type { Verdict } from "./bisect.ts";
import { AppError } from "./error.ts";
import { formatJson, isJsonObject, type Json } from "./json.ts";

export interface BisectVerdict {
  readonly version: number;
  readonly tree: string;
  readonly verdict: Verdict;
  /** Why it is so, in a few words: `exit status 125`. */
  readonly reason: string;
}

/** The probe under way: written before its process is started. */
export interface BisectProbe {
  readonly version: number;
  readonly tree: string;
  /** UUID of the process. */
  readonly id: string;
}

export interface BisectRecord {
  readonly command: string;
  readonly good: number;
  readonly bad: number;
  /** The object ids of both, by which a ledger that was replaced is known. */
  readonly goodOid: string;
  readonly badOid: string;
  readonly timeoutMs: number;
  readonly trusting: boolean;
  /** In the order in which they were reached. */
  readonly verdicts: readonly BisectVerdict[];
  readonly probe?: BisectProbe;
}

/** As `git bisect run` has it. */
const SKIP_STATUS = 125;

/** What the end of a probe's process says about its release. */
export function judgeProbe(
  { status, hasRunOut }: { status: number; hasRunOut: boolean },
  timeoutMs: number,
): Pick<BisectVerdict, "verdict" | "reason"> {
  // A command that came to no answer has given none: whoever looks for a hang writes `timeout 60 …` into the command.
  if (hasRunOut) return { verdict: "skip", reason: `not finished within ${String(timeoutMs / 1000)} seconds` };
  const reason = `exit status ${String(status)}`;
  if (status === 0) return { verdict: "good", reason };
  return { verdict: status === SKIP_STATUS ? "skip" : "bad", reason };
}

/** The record with one verdict more, and no probe under way. */
export function withVerdict({ probe: _probe, ...record }: BisectRecord, verdict: BisectVerdict): BisectRecord {
  return { ...record, verdicts: [...record.verdicts, verdict] };
}

export function withoutProbe({ probe: _probe, ...record }: BisectRecord): BisectRecord {
  return record;
}

const FORMAT = 1;

export function formatBisect({ verdicts, probe, ...record }: BisectRecord): string {
  return formatJson({
    format: FORMAT,
    ...record,
    verdicts: verdicts.map((verdict) => ({ ...verdict })),
    ...(probe && { probe: { ...probe } }),
  });
}

/** @throws AppError conflict for a text that is no bisection, or one of a newer version. */
export function parseBisect(text: string): BisectRecord {
  const value = parseJson(text);
  if (!isJsonObject(value) || value["format"] !== FORMAT || !isRecord(value)) throw unreadable();
  const { format: _format, ...record } = value as unknown as BisectRecord & { format: number };
  return record;
}

const FIELDS = {
  command: "string",
  good: "number",
  bad: "number",
  goodOid: "string",
  badOid: "string",
  timeoutMs: "number",
  trusting: "boolean",
} as const;

function isRecord(value: Readonly<Record<string, Json>>): boolean {
  const { verdicts, probe } = value;
  return (
    Object.entries(FIELDS).every(([name, type]) => typeof value[name] === type) &&
    Array.isArray(verdicts) &&
    verdicts.every((verdict) => hasTexts(verdict, ["tree", "verdict", "reason"])) &&
    (probe === undefined || hasTexts(probe, ["tree", "id"]))
  );
}

function hasTexts(value: Json, names: readonly string[]): boolean {
  return (
    isJsonObject(value) &&
    typeof value["version"] === "number" &&
    names.every((name) => typeof value[name] === "string")
  );
}

function parseJson(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    throw unreadable();
  }
}

function unreadable(): AppError {
  return new AppError("conflict", "The bisection of this app cannot be read; a newer version may have written it.", {
    hint: "`git heroku releases:bisect --reset` forgets it.",
  });
}
