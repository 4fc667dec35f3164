/** Part of the build, a process of its own: `compile-program FILE` runs the client as a user would, in a clone, asking a
 *  platform that knows one release, or only reads the program when it is another; and keeps what V8 compiled of it. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { loadCompiled, run } from "./run-compiled.ts";

const RELEASE = {
  version: 1,
  description: "Initial release",
  status: "succeeded",
  current: true,
  user: { email: "sample@git-heroku", id: null },
  created_at: new Date().toISOString(),
};
const ENTRY = { name: "sample", from: null, to: "1" };
const DIFF = {
  base: RELEASE,
  release: RELEASE,
  commits: { added: [{ id: "0", subject: "Sample", author: { name: "Sample" } }], removed: [], truncated: false },
  files: [{ path: "a", previous_path: null, status: "modified", binary: false, added: 1, removed: 1 }],
  totals: { files: 1, added: 1, removed: 1 },
  lock_files: [{ path: "package-lock.json", status: "changed", changes: [ENTRY], problem: null }],
  config: { added: ["NAME"], changed: [], removed: [] },
  process_types: [ENTRY],
  addons: [ENTRY],
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
  makeClone(home);
  const script = loadCompiled(file);
  for (const command of RUNS) {
    process.argv = [process.execPath, file, command];
    run(script, file, createRequire(file));
  }
  process.on("exit", () => {
    keep(script);
    rmSync(home, { recursive: true });
  });
}

/** As little of one as a client looks at. */
function makeClone(home: string): void {
  const git = join(home, "clone", ".git");
  for (const directory of ["objects", "refs"]) mkdirSync(join(git, directory), { recursive: true });
  writeFileSync(join(git, "HEAD"), "ref: refs/heads/main\n");
  writeFileSync(
    join(git, "config"),
    `# A comment\n[core]\n\trepositoryformatversion = 0\n[remote "production"]\n\turl = ${join(home, "repos", "sample.git")}\n`,
  );
  process.env["HOME"] = home;
  process.chdir(dirname(git));
}

function keep(script: ReturnType<typeof loadCompiled>): void {
  writeFileSync(`${file}.cache`, script.createCachedData());
}
