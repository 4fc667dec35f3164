/** A small daemon of its own process, for tests that kill it or have a hook start it. A push option tells it what
 *  to do: `hang` builds for ever. It writes `daemon.json` into the home when it listens. */
import { rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { HookServer } from "../../src/hook/hook-server.ts";
import { accept, CLOCK } from "./push-lab.ts";

const home = process.env["GIT_HEROKU_HOME"] ?? "";

const server = await HookServer.listen({
  dir: join(home, "git"),
  clock: CLOCK,
  tcp: true,
  onReceive: async ({ commands, output, pushOptions }) => {
    output("-----> Built by another process\n");
    if (pushOptions.includes("hang")) await new Promise<never>(() => undefined);
    return accept(commands);
  },
  onPost: async ({ output, updates }) => output(`-----> Launching ${String(updates.length)}... done\n`),
  onBug: (error) => console.error(error),
});
process.on("SIGTERM", () => void server.close().then(() => process.exit(0)));

const about = JSON.stringify({ pid: process.pid, env: Object.keys(process.env).sort() });
await writeFile(join(home, "daemon.tmp"), about);
await rename(join(home, "daemon.tmp"), join(home, "daemon.json"));
console.log("listening");
