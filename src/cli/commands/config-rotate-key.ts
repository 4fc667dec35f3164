/** `git heroku config:rotate-key` */
import { formatVersion } from "../../core/release.ts";
import { APP_OPTIONS, type Command } from "../command.ts";

export const configRotateKey: Command = {
  name: "config:rotate-key",
  topic: "Config",
  summary: "Encrypt the config vars with a new key and restart the app",
  details:
    "Makes one release whose values are encrypted for the new key; the values stay the same. Older keys are kept, so that a rollback to any release works.",
  options: APP_OPTIONS,
  examples: [{ command: "git heroku config:rotate-key", summary: "after somebody has seen the key file" }],
  async run(context) {
    const { client, out } = context;
    const app = context.app();
    const release = await out.action(`Rotating the config key of ${app}`, (show) => client.rotateConfigKey(app, show), {
      done: ({ version }) => `done, ${formatVersion(version)}`,
    });
    const name = formatVersion(release.version);
    await out.line(`The old key still opens every release before ${name}: values that leaked must be changed too.`);
    await out.line(`Backups need the key file once more: older copies of keys/${app}.keys do not open ${name}.`);
    return undefined;
  },
};
