/** `git heroku run:detached` */
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";
import { ENV_OPTION, readVariables } from "../run-variables.ts";
import { shellCommand } from "../shell-words.ts";

export const runDetached: Command = {
  name: "run:detached",
  topic: "Processes",
  summary: "Run a command once, in a process of its own",
  details:
    "The process has the code and config of the current release, no port, and ends by itself, by ps:stop or after 24 hours; its output goes to the log. A process type as the first word stands for its command. What has dashes goes behind --; what needs a shell's pipes or variables is given as one quoted word.",
  parameters: "<command...>",
  options: [...APP_OPTIONS, ENV_OPTION, JSON_OPTION],
  examples: [
    { command: "git heroku run:detached -- node task.js --all", summary: "a script of the app" },
    { command: "git heroku run:detached 'node dump.js | gzip | wc -c'", summary: "a line for the shell" },
    { command: "git heroku run:detached worker", summary: "one more worker, once" },
  ],
  async run(context) {
    const { client, out, args } = context;
    const command = shellCommand(args.words);
    const env = readVariables(args.values("env"));
    const app = context.app();
    const run = (): ReturnType<typeof client.runDetached> => client.runDetached(app, { command, env });
    if (args.has("json")) return out.json(await run());
    const dyno = await out.action(`Running ${command} on ${app}`, run, { done: ({ name }) => `done, ${name}` });
    return out.line(`Run git heroku logs --app ${app} --ps ${dyno.name} to view the output.`);
  },
};
