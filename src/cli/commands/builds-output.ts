/** `git heroku builds:output` */
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";
import { printOutput } from "../print-output.ts";

export const buildsOutput: Command = {
  name: "builds:output",
  topic: "Releases",
  summary: "Show what a build printed, of a running one to its end",
  details: "A build is named by the beginning of its id.",
  parameters: "[id]",
  completes: "builds",
  options: [...APP_OPTIONS, JSON_OPTION],
  examples: [
    { command: "git heroku builds:output", summary: "of the newest build" },
    { command: "git heroku builds:output 7ffc8cfe", summary: "of a certain one" },
  ],
  async run(context) {
    const { client, args } = context;
    const app = context.app();
    const { id } = await client.build(app, args.words[0] ?? "newest");
    await printOutput(context, await client.buildOutput(app, id), { id });
    return undefined;
  },
};
