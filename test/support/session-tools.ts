/** What a person does between commands in a session: look at the app in a browser, wait until something is so.
 *    visit APP [PATH]          prints the answer
 *    until-ps STATE COUNT APP  waits until COUNT processes are listed and all are in the state
 *    until-served APP TEXT     waits until the app answers 200 with the text */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { untilState } from "./deploy.ts";
import { get, getUntil } from "./http.ts";

const [tool, ...words] = process.argv.slice(2);
const home = process.env["GIT_HEROKU_HOME"] ?? "";

async function routerPort(): Promise<number> {
  const about = JSON.parse(await readFile(join(home, "server.json"), "utf8")) as { router: string };
  return Number(new URL(about.router).port);
}

if (tool === "visit") {
  const answer = await get(await routerPort(), words[0] ?? "", words[1]);
  process.stdout.write(answer.body);
} else if (tool === "until-ps") {
  await untilState({ home }, words[2] ?? "", words[0] ?? "", Number(words[1]));
} else if (tool === "until-served") {
  await getUntil(await routerPort(), words[0] ?? "", words[1] ?? "");
} else {
  throw new Error(`no tool ${String(tool)}`);
}
