/** `git heroku releases:revert` */
import type { RevertChanges, RevertItem } from "../../api/resources.ts";
import { remoteOf } from "../../clone/find-app.ts";
import type { AppName } from "../../core/app-name.ts";
import { formatVersion, parseVersion } from "../../core/release.ts";
import { APP_OPTIONS, JSON_OPTION, type Command, type Context } from "../command.ts";
import { describeRestart } from "../restart-words.ts";

export const releasesRevert: Command = {
  name: "releases:revert",
  topic: "Releases",
  summary: "Take one release back and keep everything later",
  details:
    "Makes a new release without the change of that one: config vars and add-ons name by name, and code as git merges it. What was changed again since is a conflict: then nothing is done, and what collides is listed. Your branch does not move.",
  parameters: "<version>",
  options: [...APP_OPTIONS, { name: "dry-run", summary: "only show what would change" }, JSON_OPTION],
  examples: [
    { command: "git heroku releases:revert v71", summary: "take back what v71 did" },
    { command: "git heroku releases:revert v71 --dry-run", summary: "see what that would change" },
  ],
  async run(context) {
    const { client, out, args } = context;
    const version = parseVersion(args.words[0] ?? "");
    const app = context.app();
    const name = formatVersion(version);
    if (args.has("dry-run")) return showPlan(context, name, (await client.planRevert(app, version)).changes);
    if (args.has("json")) return out.json((await client.revert(app, version)) ?? null);
    const release = await out.action(`-----> Reverting ${name}`, (show) => client.revert(app, version, show), {
      done: (made) => describeRestart(made?.version),
    });
    if (release !== undefined && release.changes.files.length > 0) await tellOfCode(context, app, { name, release });
    return undefined;
  },
};

async function tellOfCode(
  { out, world, platform, args }: Context,
  app: AppName,
  { name, release }: { name: string; release: RevertItem },
): Promise<void> {
  const remote = args.value("remote") ?? remoteOf(world, platform, app);
  await out.line(`       Your branch did not move. To take ${name} back there too:`);
  await out.line(`       git fetch ${remote} && git cherry-pick ${(release.commit ?? "").slice(0, OID_LENGTH)}`);
  out.warn(`The next push without that brings the change of ${name} back.`);
}

/** Longer than git's shortest: other clones may have more commits that begin alike. */
const OID_LENGTH = 12;

async function showPlan({ out, args }: Context, name: string, changes: RevertChanges): Promise<undefined> {
  if (args.has("json")) return out.json({ changes });
  const lines = [
    ...listNames("config var", changes.config),
    ...listNames("add-on", changes.addons),
    ...changes.files.map(({ path, change }) => `file ${JSON.stringify(path).slice(1, -1)} ${change}`),
  ];
  await out.line(`-----> Reverting ${name} would change ${lines.length === 0 ? "nothing" : "this:"}`);
  for (const line of lines) await out.line(`       ${line}`);
  return undefined;
}

function listNames(kind: string, changes: RevertChanges["config"]): string[] {
  return (["added", "changed", "removed"] as const).flatMap((change) =>
    changes[change].map((name) => `${kind} ${name} ${change}`),
  );
}
