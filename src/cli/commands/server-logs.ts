/** `git heroku server:logs` */
import { join } from "node:path";
import { readLog } from "../../api/daemon.ts";
import type { Command } from "../command.ts";
import { countOption } from "../parse-arguments.ts";

const LINES_USUAL = 100;
const BYTES_MAX = 4 * 1024 * 1024;

export const serverLogs: Command = {
  name: "server:logs",
  topic: "Platform",
  isAboutThisMachine: true,
  summary: "Show the platform's own log",
  details: "It is the file platform.log in the platform's home; `git heroku logs` shows those of an app.",
  options: [{ name: "num", short: "n", value: "COUNT", summary: `how many lines (usually ${String(LINES_USUAL)})` }],
  examples: [{ command: "git heroku server:logs -n 20", summary: "the last twenty lines" }],
  async run({ home, out, args }) {
    const lines = countOption(serverLogs, args, { name: "num", usual: LINES_USUAL, max: 100_000 });
    const text = await readLog(home, { from: 0, lines, bytesMax: BYTES_MAX });
    if (text === "") out.warn(`${join(home, "platform.log")} is empty or does not exist.`);
    await out.write(text);
    return undefined;
  },
};
