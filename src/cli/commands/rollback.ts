/** `git heroku rollback` */
import type { ReleaseItem, RollbackItem } from "../../api/resources.ts";
import { formatVersion, parseVersion } from "../../core/release.ts";
import { APP_OPTIONS, type Command } from "../command.ts";

export const rollback: Command = {
  name: "rollback",
  topic: "Releases",
  summary: "Return to the code and config of an earlier release",
  details:
    "Makes a new release, so it can be undone in the same way. Without a version: the newest release before the current one that was good and is not marked bad. Add-ons, databases and your branch stay as they are.",
  parameters: "[version]",
  options: APP_OPTIONS,
  examples: [
    { command: "git heroku rollback", summary: "to the previous good release" },
    { command: "git heroku rollback v73", summary: "to a certain one" },
  ],
  async run(context) {
    const { client, out, args } = context;
    const version = args.words[0] === undefined ? undefined : parseVersion(args.words[0]);
    const app = context.app();
    const release =
      version === undefined
        ? await out.action("-----> Rolling back", (show) => client.rollback(app, undefined, show), {
            subject: (made) => `to ${/v[0-9]+$/.exec(made.description)?.[0] ?? "the release before"}`,
            done,
          })
        : await out.action(
            `-----> Rolling back to ${formatVersion(version)}`,
            (show) => client.rollback(app, version, show),
            {
              done,
            },
          );
    for (const mark of describeMarks(release)) out.warn(mark);
    return undefined;
  },
};

/** Many marks in a row are told by the first few. */
const MARKS_TOLD_MAX = 5;

function describeMarks({ skipped = [], target_mark: target }: RollbackItem): string[] {
  const told = skipped
    .slice(0, MARKS_TOLD_MAX)
    .map(({ version, reason }) => `Skipped ${formatVersion(version)}, marked bad: ${reason}`);
  const more = skipped.length - told.length;
  return [
    ...told,
    ...(more > 0 ? [`Skipped ${String(more)} more that are marked bad.`] : []),
    ...(target ? [`${formatVersion(target.version)} is marked bad: ${target.reason}`] : []),
  ];
}

function done(release: ReleaseItem): string {
  return `done, ${formatVersion(release.version)}`;
}
