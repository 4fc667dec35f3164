/** `git heroku releases:diff` */
import type { ReleaseDiff } from "../../api/history-resources.ts";
import type { ReleaseWord } from "../../api/client-options.ts";
import type { StreamedAnswer } from "../../api/line.ts";
import type { PlatformClient } from "../../api/platform-client.ts";
import { AppError } from "../../core/error.ts";
import { parseVersion } from "../../core/release.ts";
import { APP_OPTIONS, JSON_OPTION, type Command, type Context } from "../command.ts";
import { formatDiff } from "../diff-text.ts";
import { paged } from "../pager.ts";
import { usageError } from "../parse-arguments.ts";
import type { Terminal } from "../terminal.ts";

export const releasesDiff: Command = {
  name: "releases:diff",
  topic: "Releases",
  summary: "Show what differs between two releases",
  details:
    "Commits, files, dependencies, config vars, process types and add-ons. Without versions: the current release against the one before it that ran; with one: the current release against that one. Pages and colours as git does.",
  parameters: "[version] [version]",
  options: [
    ...APP_OPTIONS,
    { name: "patch", short: "p", summary: "the code alone, as git diff prints it" },
    { name: "show-values", summary: "with the values of config vars" },
    JSON_OPTION,
  ],
  examples: [
    { command: "git heroku releases:diff", summary: "what the current one changed" },
    { command: "git heroku releases:diff v70 v74", summary: "between two" },
    { command: "git heroku releases:diff v70 -p | git apply -R", summary: "take its code back" },
  ],
  async run(context) {
    const { client, out, args, world } = context;
    const [base, release = "current"] = args.words.map(parseVersion) as [number?, ReleaseWord?];
    checkOptions(context);
    const app = context.app();
    if (args.has("patch")) {
      await paged(context, (pager) => printPatch(pager, client, app, { release, base }));
      return undefined;
    }
    const diff = await client.diff(app, release, base);
    const values = args.has("show-values") ? await readValues(client, app, diff) : undefined;
    if (args.has("json")) return out.json(values === undefined ? diff : { ...diff, config_values: values });
    await paged(context, (pager) =>
      pager.write(formatDiff(diff, { now: world.now(), paint: (text, colour) => pager.paint(text, colour), values })),
    );
    return undefined;
  },
};

function checkOptions({ args }: Context): void {
  if (!args.has("patch")) return;
  for (const other of ["json", "show-values"]) {
    if (args.has(other)) throw usageError(releasesDiff, `--patch shows code only, without --${other}`);
  }
}

/** From the endpoints that are made for values; the diff itself has none. */
async function readValues(
  client: PlatformClient,
  app: string,
  { base, release, config }: ReleaseDiff,
): Promise<{ base: Record<string, string>; release: Record<string, string> }> {
  const names = new Set([...config.added, ...config.changed, ...config.removed]);
  const pick = (vars: Record<string, string>): Record<string, string> =>
    Object.fromEntries(Object.entries(vars).filter(([name]) => names.has(name)));
  const [before, after] = await Promise.all([base, release].map(({ version }) => client.releaseConfig(app, version)));
  return { base: pick(before ?? {}), release: pick(after ?? {}) };
}

async function printPatch(
  out: Terminal,
  client: PlatformClient,
  app: string,
  { release, base }: { release: ReleaseWord; base: number | undefined },
): Promise<void> {
  const stream = await client.patch(app, release, { base, color: out.isColoured });
  try {
    await (out.isTerminal ? printLines(stream, out) : printBytes(stream, out));
  } catch (error) {
    if (!stream.errored || (error as NodeJS.ErrnoException).code === "EPIPE") throw error;
    throw new AppError("unavailable", "The patch broke off: the platform stopped, or it is larger than 256 MiB.", {
      hint: "Fetch the releases and compare them with `git diff` in your clone.",
      cause: error,
    });
  }
}

/** Whole lines, so that nothing that a terminal obeys is cut in two and slips through. */
async function printLines(stream: StreamedAnswer, out: Terminal): Promise<void> {
  let rest = "";
  stream.setEncoding("utf8");
  for await (const chunk of stream as AsyncIterable<string>) {
    const text = rest + chunk;
    const end = text.lastIndexOf("\n") + 1;
    rest = text.slice(end);
    if (end > 0) await out.write(text.slice(0, end));
  }
  if (rest !== "") await out.write(rest);
}

/** A patch may hold bytes of any encoding. */
async function printBytes(stream: StreamedAnswer, out: Terminal): Promise<void> {
  for await (const chunk of stream as AsyncIterable<Buffer>) await out.data(chunk);
}
