/** Part of the build, a process of its own: `compile-program FILE` runs the client once as a user would, asking a
 *  platform that knows one release, or only reads the program when it is another; and keeps what V8 compiled of it. */
import { rmSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { loadCompiled, run } from "./run-compiled.ts";

const RELEASE = {
  version: 1,
  description: "Initial release",
  status: "succeeded",
  current: true,
  user: { email: "sample@git-heroku", id: null },
  created_at: new Date().toISOString(),
};
const DIFF = {
  base: RELEASE,
  release: RELEASE,
  commits: { added: [], removed: [], truncated: false },
  files: [{ path: "a", previous_path: null, status: "modified", binary: false, added: 1, removed: 1 }],
  totals: { files: 1, added: 1, removed: 1 },
  lock_files: [],
  config: { added: [], changed: [], removed: [] },
  process_types: [],
  addons: [],
};
/** The commands that people wait for most often. */
const RUNS = ["releases", "releases:diff"];
const file = resolve(process.argv[2] ?? "");
if (basename(file).startsWith("git-heroku.")) await runClient();
else keep(loadCompiled(file));

/** What a run compiles is kept too, so that the next run need not. */
async function runClient(): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), "git-heroku-build-"));
  const platform = createServer(({ url = "" }, response) => {
    response.end(JSON.stringify(url.includes("/diff") ? DIFF : [RELEASE]));
  });
  await new Promise<void>((listening) => platform.listen(join(home, "server.sock"), listening));
  platform.unref();
  process.env["GIT_HEROKU_HOME"] = home;
  const script = loadCompiled(file);
  for (const command of RUNS) {
    process.argv = [process.execPath, file, command, "--app", "sample"];
    run(script, file, createRequire(file));
  }
  process.on("exit", () => {
    keep(script);
    rmSync(home, { recursive: true });
  });
}

function keep(script: ReturnType<typeof loadCompiled>): void {
  writeFileSync(`${file}.cache`, script.createCachedData());
}
