/** `git heroku logs:archive` */
import { join, resolve } from "node:path";
import type { StreamedAnswer } from "../../api/line.ts";
import { formatBytes } from "../../core/byte-size.ts";
import { AppError } from "../../core/error.ts";
import { ArchiveDirectory } from "../archive-directory.ts";
import { APP_OPTIONS, JSON_OPTION, type Command, type Context } from "../command.ts";
import { ByteProgress } from "../progress.ts";
import { unbroken } from "../stored-lines.ts";

/** What is asked of a segment that comes from the platform before its name becomes that of a file. */
const SEGMENT = /^\d{8}T\d{6}\.\d{6}Z\.ndjson$/;
const DIGEST = /^sha-256=:([A-Za-z0-9+/]{43}=):$/;

export const logsArchive: Command = {
  name: "logs:archive",
  topic: "Logs",
  summary: "Copy finished segments of the log into a directory",
  details:
    "They go to DIR/<app>/, with SHA256SUMS, which `sha256sum -c` reads. Only what is not there yet is copied, and a file is there only when it is whole: run it as often as you like, by cron too, and let any tool sync the directory to a bucket. The newest segment, which is still written to, comes when it is finished. What retention removes from the platform stays in the archive.",
  parameters: "<dir>",
  options: [...APP_OPTIONS, JSON_OPTION],
  examples: [
    { command: "git heroku logs:archive /backup", summary: "what is new since last time" },
    { command: "git heroku logs:import /backup/foobaz/*.ndjson", summary: "search it later" },
  ],
  async run(context) {
    const { args, client, out, world } = context;
    const app = context.app();
    const segments = await client.logSegments(app);
    const directory = await ArchiveDirectory.open(join(resolve(world.cwd, args.words[0] ?? ""), app));
    const copied: { name: string; bytes: number }[] = [];
    const progress = new ByteProgress(out, `Archiving the log of ${app}...`);
    try {
      for (const { name, bytes } of segments) {
        if (await directory.has(name, bytes)) continue;
        if (await copy({ context, app, directory, progress }, name)) copied.push({ name, bytes });
      }
    } finally {
      progress.end();
    }
    if (args.has("json")) return out.json({ copied, segments: segments.length });
    const size = copied.reduce((sum, { bytes }) => sum + bytes, 0);
    const what = copied.length === 1 ? "1 new segment" : `${String(copied.length)} new segments`;
    const done = copied.length === 0 ? "nothing new" : `${what}, ${formatBytes(size)}`;
    return out.line(`Archiving the log of ${app}... done, ${done}`);
  },
};

interface Copying {
  context: Context;
  app: string;
  directory: ArchiveDirectory;
  progress: ByteProgress;
}

/** False when retention was faster. The index first: whoever finds the segment finds it too. */
async function copy({ context, app, directory, progress }: Copying, name: string): Promise<boolean> {
  if (!SEGMENT.test(name)) throw new AppError("bad_request", `${JSON.stringify(name)} is no segment.`);
  const { client } = context;
  const index = await ifThere(client.logSegmentIndex(app, name));
  if (index !== undefined) await directory.addBeside(name.replace(/\.ndjson$/, ".idx"), unbroken(index));
  const segment = await ifThere(client.logSegment(app, name));
  if (segment === undefined) return false;
  const [, digest = ""] = DIGEST.exec(String(segment.headers["repr-digest"])) ?? [];
  await directory.add({
    name,
    bytes: Number(segment.headers["content-length"]),
    sum: Buffer.from(digest, "base64").toString("hex"),
    content: counted(segment, progress),
  });
  return true;
}

async function* counted(segment: StreamedAnswer, progress: ByteProgress): AsyncGenerator<Buffer> {
  for await (const piece of unbroken(segment)) {
    progress.add(piece.length);
    yield piece;
  }
}

async function ifThere(answer: Promise<StreamedAnswer>): Promise<StreamedAnswer | undefined> {
  return answer.catch((error: unknown) => {
    if (error instanceof AppError && error.id === "not_found") return undefined;
    throw error;
  });
}
