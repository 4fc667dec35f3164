/** `git heroku rollback` */
import type { ReleaseItem } from "../../api/resources.ts";
import { AppError } from "../../core/error.ts";
import { formatVersion, parseVersion } from "../../core/release.ts";
import { APP_OPTIONS, type Command } from "../command.ts";

export const rollback: Command = {
  name: "rollback",
  topic: "Releases",
  summary: "Return to the code and config of an earlier release",
  details:
    "Makes a new release, so it can be undone in the same way. Without a version: the release before the current one that was good. Add-ons, databases and your branch stay as they are.",
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
        ? await out.action("-----> Rolling back", () => client.rollback(app, undefined), {
            subject: (made) => `to ${/v[0-9]+$/.exec(made.description)?.[0] ?? "the release before"}`,
            done,
          })
        : await out.action(`-----> Rolling back to ${formatVersion(version)}`, () => client.rollback(app, version), {
            done,
          });
    if (release.status !== "failed") return undefined;
    throw new AppError(
      "bad_request",
      `The release phase of ${formatVersion(release.version)} failed; the release before it keeps running.`,
      {
        hint: "See why with `git heroku logs --ps release`.",
      },
    );
  },
};

function done(release: ReleaseItem): string {
  return `${release.status === "failed" ? "failed" : "done"}, ${formatVersion(release.version)}`;
}
