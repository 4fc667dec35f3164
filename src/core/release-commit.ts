/** The bytes of a release commit, both ways (docs/formats.md, "Release commit"). Everything that a person chose (names,
 *  addresses, descriptions) is cleaned on the way in, so that no header and no trailer can be forged; on the way out
 *  a commit counts as a release only when its subject, its trailers and its parents say the same. */
import { AppError } from "./error.ts";
import { cleanName, type Person } from "./person.ts";
import { describeRevert, formatVersion, type Release, type ReleaseChange, type ReleaseStatus } from "./release.ts";

/** A person and a moment, as they stand in an `author` or `committer` header. */
export interface Stamp {
  person: Person;
  /** Whole seconds since the epoch; the time zone is always UTC. */
  seconds: number;
}

export interface Commit {
  tree: string;
  parents: readonly string[];
  author: Stamp;
  committer: Stamp;
  /** The armoured text of `gpgsig`, without its indentation and final newline. */
  signature?: string | undefined;
  message: string;
}

/** What the message of a release commit says. */
export interface ReleaseMessage {
  version: number;
  change: ReleaseChange;
  description: string;
  code: string | undefined;
  rollbackTo: { version: number; oid: string } | undefined;
  /** The release whose change this one takes back. */
  reverts?: { version: number; oid: string } | undefined;
  status: ReleaseStatus;
  via: string;
  /** The ledger's public key, in v1 and where the key changes. */
  ledgerKey?: string | undefined;
}

/** Which rule a commit breaks, so that it is no release. */
export type ReleaseFlaw =
  | "commit-malformed"
  | "parents-wrong"
  | "code-mismatch"
  | "version-malformed"
  | "message-malformed"
  | "trailer-repeated"
  | "change-unknown"
  | "status-unknown"
  | "rollback-malformed"
  | "revert-malformed";

/** A commit that should be a release and is none. */
export class MalformedRelease extends AppError {
  readonly flaw: ReleaseFlaw;
  /** What is wrong with it: `its Change is not known`. */
  readonly reason: string;

  constructor(flaw: ReleaseFlaw, reason: string) {
    super("internal_server_error", `A commit in the ledger is not a release: ${reason}.`);
    this.flaw = flaw;
    this.reason = reason;
  }
}

const CHANGES: ReadonlySet<string> = new Set<ReleaseChange>([
  "initial",
  "deploy",
  "rollback",
  "config",
  "addon",
  "revert",
  "promotion",
]);
const LINE_LENGTH_MAX = 300;
/** Control characters but the line end. */
const UNSAFE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/;
const OID = /^[0-9a-f]{40}$/;
const STAMP = /^(.*) <([^<>]*)> ([0-9]{1,15}) [+-][0-9]{4}$/;

/** One line of a subject or a trailer: control characters and line ends become spaces, the length is limited. */
export function cleanLine(text: string): string {
  const line = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ").trim();
  return wellFormed(line.slice(0, LINE_LENGTH_MAX)).trim();
}

/** Half a character, as a cut may leave it, has no UTF-8. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\uFFFD");
}

export function formatCommit(commit: Commit): string {
  const lines = [`tree ${commit.tree}`, ...commit.parents.map((parent) => `parent ${parent}`)];
  lines.push(`author ${formatStamp(commit.author)}`, `committer ${formatStamp(commit.committer)}`);
  if (commit.signature !== undefined) lines.push(`gpgsig ${commit.signature.trimEnd().replaceAll("\n", "\n ")}`);
  return `${lines.join("\n")}\n\n${commit.message}`;
}

function formatStamp({ person, seconds }: Stamp): string {
  const email = wellFormed(cleanName(person.email)).trim();
  const name = wellFormed(cleanName(person.name)).trim() || email || "unknown";
  return `${name} <${email}> ${String(seconds)} +0000`;
}

/** @throws MalformedRelease when the text is no commit; headers that are not known here are passed over. */
export function parseCommit(text: string): Commit {
  const end = text.indexOf("\n\n");
  if (end < 0) throw malformed("commit-malformed", "it has no message");
  const headers = parseHeaders(text.slice(0, end));
  const only = (name: string): string => {
    const value = headers.get(name)?.[0];
    if (value === undefined) throw malformed("commit-malformed", `it has no ${name}`);
    return value;
  };
  return {
    tree: only("tree"),
    parents: headers.get("parent") ?? [],
    author: parseStamp(only("author")),
    committer: parseStamp(only("committer")),
    signature: headers.get("gpgsig")?.[0],
    message: text.slice(end + 2),
  };
}

/** A line that begins with a space continues the header before it. */
function parseHeaders(block: string): Map<string, string[]> {
  const headers = new Map<string, string[]>();
  for (const header of block.split(/\n(?! )/)) {
    const space = header.indexOf(" ");
    const name = header.slice(0, space);
    headers.set(name, [...(headers.get(name) ?? []), header.slice(space + 1).replaceAll("\n ", "\n")]);
  }
  return headers;
}

function parseStamp(text: string): Stamp {
  const [, name, email, seconds] = STAMP.exec(text) ?? [];
  if (name === undefined || email === undefined) throw malformed("commit-malformed", "a person in it cannot be read");
  return { person: { name, email }, seconds: Number(seconds) };
}

export function formatReleaseMessage(release: ReleaseMessage): string {
  const version = formatVersion(release.version);
  return formatMessage(`${version}: ${cleanLine(release.description) || release.change}`, [
    ["Release", version],
    ["Change", release.change],
    ["Code", release.code],
    ["Rollback-To", formatOther(release.rollbackTo)],
    ["Reverts", formatOther(release.reverts)],
    ["Status", release.status],
    ["Via", release.via],
    ["Ledger-Key", release.ledgerKey],
  ]);
}

/** Another release, as a trailer names it: `v73 <object id>`. */
function formatOther(release: ReleaseMessage["rollbackTo"]): string | undefined {
  return release && `${formatVersion(release.version)} ${release.oid}`;
}

/** The message of the code commit that a revert makes; it is nobody's release, so it has no trailers. */
export function formatCodeRevertMessage(reverted: Release): string {
  const name = formatVersion(reverted.version);
  const subject = cleanLine(`${describeRevert(reverted.version)}: ${reverted.description}`);
  const what = `This takes back what release ${name} changed in the code.`;
  return `${subject}\n\n${what}\n\n${name} is ${reverted.oid},\nits code is ${String(reverted.code)}.\n`;
}

/** The message of a commit on `refs/heroku/state`. */
export function formatStateMessage(message: string, via: string): string {
  return formatMessage(cleanLine(message) || "Change state", [
    ["Change", "state"],
    ["Via", via],
  ]);
}

function formatMessage(subject: string, trailers: readonly (readonly [string, string | undefined])[]): string {
  const lines = trailers
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${cleanLine(value ?? "")}\n`);
  return `${subject}\n\n${lines.join("")}`;
}

/** @throws MalformedRelease when the commit is no release, or when what it says of itself does not agree. */
export function parseRelease(oid: string, commit: Commit): Release {
  const message = parseReleaseMessage(commit.message);
  const [parent, code, ...more] = commit.parents;
  if ((message.version === 1) !== (parent === undefined) || more.length > 0)
    throw malformed("parents-wrong", "its parents are wrong");
  if (message.code !== code) throw malformed("code-mismatch", "its second parent is not its Code");
  return {
    version: message.version,
    oid,
    tree: commit.tree,
    parent,
    code,
    change: message.change,
    description: message.description,
    status: message.status,
    via: message.via,
    by: commit.author.person,
    createdAt: commit.author.seconds * 1000,
    rollbackTo: message.rollbackTo,
    reverts: message.reverts,
    ledgerKey: message.ledgerKey,
  };
}

/** @throws MalformedRelease when the message is not that of a release. */
export function parseReleaseMessage(message: string): ReleaseMessage {
  // git shows a message only up to a NUL: people and programs would read two different releases.
  if (UNSAFE.test(message)) throw malformed("message-malformed", "its message has control characters");
  const subject = /^v([1-9][0-9]{0,8}): (.*)$/.exec(message.split("\n", 1)[0] ?? "");
  if (subject === null) throw malformed("version-malformed", "its subject names no version");
  const trailers = parseTrailers(message);
  const version = Number(subject[1]);
  if (trailers.get("Release") !== formatVersion(version))
    throw malformed("version-malformed", "subject and Release trailer differ");
  const change = trailers.get("Change") ?? "";
  if (!CHANGES.has(change)) throw malformed("change-unknown", "its Change is not known");
  return {
    version,
    change: change as ReleaseChange,
    description: subject[2] ?? "",
    code: parseCode(trailers.get("Code")),
    rollbackTo: parseOther("Rollback-To", trailers),
    reverts: parseOther("Reverts", trailers),
    status: parseStatus(trailers.get("Status")),
    via: trailers.get("Via") ?? "",
    ledgerKey: trailers.get("Ledger-Key"),
  };
}

/** Trailers are the last paragraph and nothing else; one that is said twice is said by nobody. */
function parseTrailers(message: string): Map<string, string> {
  const trailers = new Map<string, string>();
  const paragraphs = message.replace(/\n+$/, "").split(/\n\n+/);
  if (paragraphs.length < 2) throw malformed("message-malformed", "it has no trailers");
  for (const line of (paragraphs.at(-1) ?? "").split("\n")) {
    const [, name, value] = /^([A-Za-z][A-Za-z-]*): (.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined)
      throw malformed("message-malformed", "its last paragraph is not trailers only");
    if (trailers.has(name)) throw malformed("trailer-repeated", `it has two ${name} trailers`);
    trailers.set(name, value);
  }
  return trailers;
}

function parseStatus(status: string | undefined): ReleaseStatus {
  if (status !== "succeeded" && status !== "failed") throw malformed("status-unknown", "its Status is not known");
  return status;
}

function parseCode(code: string | undefined): string | undefined {
  if (code !== undefined && !OID.test(code)) throw malformed("code-mismatch", "its Code is not an object id");
  return code;
}

/** What a release names another one with. */
const KINDS_OF_OTHERS = { "Rollback-To": "rollback-malformed", Reverts: "revert-malformed" } as const;

function parseOther(
  name: keyof typeof KINDS_OF_OTHERS,
  trailers: ReadonlyMap<string, string>,
): ReleaseMessage["rollbackTo"] {
  const text = trailers.get(name);
  if (text === undefined) return undefined;
  const [, version, oid] = /^v([1-9][0-9]{0,8}) ([0-9a-f]{40})$/.exec(text) ?? [];
  if (version === undefined || oid === undefined) throw malformed(KINDS_OF_OTHERS[name], `its ${name} cannot be read`);
  return { version: Number(version), oid };
}

function malformed(flaw: ReleaseFlaw, reason: string): MalformedRelease {
  return new MalformedRelease(flaw, reason);
}
