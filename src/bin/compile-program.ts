/** Part of the build, a process of its own: `compile-program FILE` runs the program as it will be run and keeps what V8
 *  compiled of it. The client is run in a clone, asking a platform that knows one release; the daemon in a home of its own,
 *  with one app for a moment; the router is only read. */
import { chmodSync, existsSync, mkdirSync, watch, rmSync, writeFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { setFlagsFromString } from "node:v8";
import { PlatformClient } from "../api/platform-client.ts";
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
/** What V8 has when nothing is said; the cache is for a V8 whose flags are as at the start of a program. */
const USUAL_FLAGS = "--semi-space-growth-factor=2";
const [program] = basename(file).split(".");
if (program === "git-heroku") await runClient();
else if (program === "platformd") await runDaemon();
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

async function runDaemon(): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), "git-heroku-build-"));
  process.env["GIT_HEROKU_HOME"] = home;
  process.env["GIT_HEROKU_ROUTER_PORT"] = "0";
  const script = loadCompiled(file);
  run(script, file, createRequire(file));
  process.on("exit", () => {
    setFlagsFromString(USUAL_FLAGS);
    keep(script);
    rmSync(home, { recursive: true });
  });
  await writtenIn(home, "server.json");
  const client = new PlatformClient({ home, identity: () => ({ name: "Sample", email: "sample@git-heroku" }) });
  await client.createApp("sample");
  await client.changeConfig("sample", { SAMPLE: "value" });
  await Promise.all([client.releases("sample", 15), client.dynos("sample"), client.formation("sample")]);
  await client.destroyApp("sample");
  await client.stopPlatform(true);
}

function writtenIn(directory: string, name: string): Promise<void> {
  return new Promise((written) => {
    const look = (): void => {
      if (!existsSync(join(directory, name))) return;
      watcher.close();
      written();
    };
    const watcher = watch(directory, look);
    look();
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
  // The daemon keeps to itself what it writes.
  chmodSync(`${file}.cache`, 0o644);
}
