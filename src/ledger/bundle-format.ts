/** The head of a git bundle (gitformat-bundle), both ways: which refs it has. The pack behind it is git's. A bundle that
 *  builds upon commits it does not hold, or whose objects are of another kind, is refused here. */
import { AppError } from "../core/error.ts";

export type Refs = ReadonlyMap<string, string>;

export interface BundleHead {
  refs: Refs;
  /** Where the pack begins. */
  packAt: number;
}

const SIGNATURE = "# v2 git bundle";
const SIGNATURE_V3 = "# v3 git bundle";
const REF_LINE = /^([0-9a-f]{40}) (\S+)$/;

/** @param branch what HEAD stands for, if anything. */
export function formatBundleHead(refs: Refs, branch: string | undefined): string {
  const lines = [...refs].map(([name, oid]) => `${oid} ${name}\n`);
  const head = branch === undefined ? undefined : refs.get(branch);
  return `${SIGNATURE}\n${lines.join("")}${head === undefined ? "" : `${head} HEAD\n`}\n`;
}

/** @param bytes the beginning of the bundle; undefined when its head does not end in them.
 *  @throws AppError invalid_params when they are no bundle, or none that can be restored. */
export function parseBundleHead(bytes: Buffer): BundleHead | undefined {
  if (!/^# v[23] git bundle\n/.test(bytes.toString("latin1", 0, SIGNATURE.length + 1))) throw noBundle();
  const end = bytes.indexOf("\n\n");
  if (end < 0) return undefined;
  const [signature, ...lines] = bytes.toString("utf8", 0, end).split("\n");
  const known = signature === SIGNATURE_V3 ? lines.filter((line) => line !== "@object-format=sha1") : lines;
  const refs = new Map(known.map((line) => parseRef(line)));
  refs.delete("HEAD");
  return { refs, packAt: end + 2 };
}

function parseRef(line: string): [name: string, oid: string] {
  const [, oid, name] = REF_LINE.exec(line) ?? [];
  if (oid !== undefined && name !== undefined) return [name, oid];
  throw line.startsWith("-") ? incremental() : noBundle();
}

function noBundle(): AppError {
  return new AppError("invalid_params", "This is no git bundle that can be restored.", {
    hint: "Restore a file that `git heroku backup` wrote, a bundle of all refs, or a mirror clone.",
  });
}

function incremental(): AppError {
  return new AppError("invalid_params", "This bundle holds only what came after an earlier one.", {
    hint: "Fetch it into a mirror clone that has the earlier one, and restore the mirror.",
  });
}
