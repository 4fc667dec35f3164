/** What a person does between commands in a session: look at the app in a browser, wait until something is so.
 *    visit APP [PATH]          prints the answer
 *    until-ps STATE COUNT APP  waits until COUNT processes are listed and all are in the state
 *    until-served APP TEXT     waits until the app answers 200 with the text */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { PlatformClient } from "../../src/api/platform-client.ts";
import { get, getUntil } from "./http.ts";
import { poll } from "./poll.ts";

const [tool, ...words] = process.argv.slice(2);
const home = process.env["GIT_HEROKU_HOME"] ?? "";

async function routerPort(): Promise<number> {
  const about = JSON.parse(await readFile(join(home, "server.json"), "utf8")) as { router: string };
  return Number(new URL(about.router).port);
}

async function untilPs(state: string, count: number, app: string): Promise<void> {
  const client = new PlatformClient({ home, identity: () => ({ name: "", email: "" }) });
  await poll(async () => {
    const dynos = await client.dynos(app);
    return dynos.length === count && dynos.every((dyno) => dyno.state === state) ? true : undefined;
  });
}

if (tool === "visit") {
  const answer = await get(await routerPort(), words[0] ?? "", words[1]);
  process.stdout.write(answer.body);
} else if (tool === "until-ps") {
  await untilPs(words[0] ?? "", Number(words[1]), words[2] ?? "");
} else if (tool === "until-served") {
  await getUntil(await routerPort(), words[0] ?? "", words[1] ?? "");
} else {
  throw new Error(`no tool ${String(tool)}`);
}
