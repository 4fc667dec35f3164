/** Building: a large tree laid out, against `git archive | tar x`; the dependencies of a Node.js app of 200 packages, against
 *  `npm ci` with a warm cache; what fifty releases of it take of the disk; and a rollback to one of them. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import { must, platformClient } from "../support/deploy.ts";
import { startPlatform } from "../support/platform.ts";
import type { TestContext } from "../support/suite.ts";
import { BuildLab, type Commit } from "../build/build-lab.ts";
import type { BuildRequest } from "../../src/build/build-slug.ts";
import { pickToolEnv } from "../../src/build/tool-env.ts";
import { inPairs, median, ms, timed, times, withContext, type Row } from "./measure.ts";

const run = promisify(execFile);
const FILES = 10_000;
const FILES_IN_A_DIRECTORY = 100;
const PAIRS = 7;
const PACKAGES = 200;
const FILES_OF_A_PACKAGE = 20;
const RELEASES = 50;
const SCRIPTED_RELEASES = 10;

export async function benchBuilds(): Promise<Row[]> {
  return withContext(async (t) => [...(await benchCheckouts(t)), ...(await benchDependencies(t))]);
}

async function benchCheckouts(t: TestContext): Promise<Row[]> {
  const lab = await BuildLab.make(t);
  const files: Record<string, string> = { Procfile: "web: ./serve\n" };
  for (let n = 0; n < FILES; n += 1) {
    const name = `d${String(Math.floor(n / FILES_IN_A_DIRECTORY))}/f${String(n)}.js`;
    files[name] = `// ${String(n)}\n`.repeat(400 + ((n * 7) % 1_000));
  }
  const first = await lab.commit(files);
  await lab.git("repack", "-adq");
  const next: Commit[] = [];
  for (let n = 0; n <= PAIRS; n += 1) {
    await writeFile(join(lab.work, "d7/f700.js"), `// changed ${String(n)}\n`);
    next.push(await lab.commitAll());
  }
  // Nothing is removed meanwhile: for some seconds after that ext4 finds new inodes slowly.
  let round = 0;
  const unpack = async (): Promise<number> => {
    const outside = join(lab.root, `plain-${String(round++)}`);
    await mkdir(outside);
    return timed(() => run("sh", ["-c", `git --git-dir="$0" archive HEAD | tar -x -C "$1"`, lab.repo, outside]));
  };
  const build = (commit: Commit, appDir: string): Promise<number> =>
    timed(() => lab.build(commit, { shares: true, appDir }));
  const [whole, peer] = await inPairs(
    PAIRS,
    () => build(first, join(lab.root, "apps", `first-${String(round)}`)),
    unpack,
  );
  let place = 0;
  const [shared, again] = await inPairs(
    PAIRS,
    () => build(next[place++] ?? first, join(lab.root, "apps", "first-0")),
    unpack,
  );
  return [
    row("slug of 10,000 files, the first", whole, peer, "1.2 ×"),
    row("slug of the same, one file changed", shared, again, "1 ×"),
  ];
}

function row(what: string, ours: number, other: number, limit: string): Row {
  return {
    what,
    ours: ms(ours),
    peer: `${ms(other)} git archive \\| tar`,
    ratio: times(ours, other),
    limit,
  };
}

async function fresh(dir: string): Promise<void> {
  await rm(dir, { recursive: true, force: true });
  await mkdir(dir);
}

async function benchDependencies(t: TestContext): Promise<Row[]> {
  const lab = await BuildLab.make(t);
  const url = await registry(t);
  const app = await nodeApp(url);
  const toolEnv = { ...pickToolEnv(process.env), npm_config_registry: url, npm_config_cache: join(lab.root, "npm") };
  const options: Partial<BuildRequest> = { shares: true, toolEnv };
  let edits = 0;
  const edited = (): Promise<Commit> => lab.commit({ ...app, "index.js": `// ${String(edits++)}\n` });
  await lab.build(await edited(), options);
  const one = await diskUse(lab.appDir);
  const [ours, peer] = await inPairs(
    PAIRS,
    async () => dependencyStep(lab, await edited(), options),
    () => npmCi(lab, app, toolEnv),
  );
  const pushed: number[] = [];
  while ((await lab.slugs()).length < RELEASES) {
    const commit = await edited();
    pushed.push(await timed(() => lab.build(commit, options)));
  }
  const fifty = await diskUse(lab.appDir);
  return [
    {
      what: `dependency step, ${String(PACKAGES)} packages, same lockfile`,
      ours: ms(ours),
      peer: `${ms(peer)} npm ci, warm`,
      ratio: `${(ours / peer).toFixed(4)} ×`,
      limit: "0.1 ×",
    },
    {
      what: "the whole build of that, one line changed",
      ours: ms(median(pushed)),
      peer: `${ms(peer)} npm ci, warm`,
      ratio: `${(median(pushed) / peer).toFixed(3)} ×`,
      limit: "",
    },
    {
      what: `disk of ${String(RELEASES)} releases of it`,
      ours: `${(fifty / 1024).toFixed(1)} MB`,
      peer: `${(one / 1024).toFixed(1)} MB one slug`,
      ratio: times(fifty, one),
      limit: "2 ×",
    },
    await benchScripted(lab, app, options),
    await benchRollback(t, app),
  ];
}

/** The same packages, with a script that runs among them in each build. */
async function benchScripted(lab: BuildLab, app: Record<string, string>, options: Partial<BuildRequest>): Promise<Row> {
  const appDir = join(lab.root, "apps", "scripted");
  const manifest = JSON.parse(app["package.json"] ?? "{}") as object;
  const scripts = { build: "node -e \"require('fs').writeFileSync('built.txt', 'built')\"" };
  const used: number[] = [];
  for (let release = 0; release < SCRIPTED_RELEASES; release += 1) {
    const files = { "package.json": JSON.stringify({ ...manifest, scripts }), "index.js": `// ${String(release)}\n` };
    await lab.build(await lab.commit({ ...app, ...files }), { ...options, appDir });
    used.push(await diskUse(appDir));
  }
  const [one = Number.NaN] = used;
  const all = used.at(-1) ?? Number.NaN;
  return {
    what: `disk of ${String(SCRIPTED_RELEASES)} releases of one with a build script`,
    ours: `${(all / 1024).toFixed(1)} MB`,
    peer: `${(one / 1024).toFixed(1)} MB one slug, and what is kept for builds`,
    ratio: times(all, one),
    limit: "2 ×",
  };
}

/** From the line that it begins to the line that it is done: both are printed by the builder. */
async function dependencyStep(lab: BuildLab, commit: Commit, options: Partial<BuildRequest>): Promise<number> {
  let [begun, done] = [0, 0];
  const output = (text: string): void => {
    if (text.includes("Installing dependencies")) begun = performance.now();
    if (text.includes("Discovering process types")) done = performance.now();
  };
  const slug = await lab.build(commit, { ...options, output });
  if (slug.plain !== true) throw new Error("something was run");
  return done - begun;
}

async function npmCi(
  lab: BuildLab,
  app: Record<string, string>,
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const dir = join(lab.root, "npm-ci");
  await fresh(dir);
  for (const name of ["package.json", "package-lock.json"]) await writeFile(join(dir, name), app[name] ?? "");
  const words = ["ci", "--omit=dev", "--prefer-offline", "--no-audit", "--no-fund"];
  return timed(() => run("npm", words, { cwd: dir, env: { ...env, HOME: lab.root, PATH: process.env["PATH"] } }));
}

/** KiB. */
async function diskUse(appDir: string): Promise<number> {
  const dirs = (await readdir(appDir)).filter((name) => name === "slugs" || name === "layers");
  const { stdout } = await run("du", ["-skc", ...dirs], { cwd: appDir });
  return Number.parseInt(stdout.trim().split("\n").at(-1) ?? "", 10);
}

/** What a rollback to an older release of it builds and copies. */
async function benchRollback(t: TestContext, app: Record<string, string>): Promise<Row> {
  const platform = await startPlatform(t);
  const clone = join(platform.dir, "node200");
  await mkdir(clone);
  await must(platform, clone, "init", "-q", "-b", "main");
  const push = async (index: string): Promise<void> => {
    for (const [name, text] of Object.entries({ ...app, "index.js": index })) await writeFile(join(clone, name), text);
    await must(platform, clone, "add", ".");
    await must(platform, clone, "commit", "-q", "-m", "Edit");
    await must(platform, clone, "push", "-q", "production", "main");
  };
  await must(platform, clone, "init", "-q");
  await must(platform, clone, "heroku", "create", "node200");
  const serve = 'require("http").createServer((_, res) => res.end("ok")).listen(process.env.PORT);\n';
  await push(serve);
  await push(`${serve}// two\n`);
  const appDir = join(platform.home, "apps", "node200");
  const state = async (): Promise<string> =>
    JSON.stringify([await readdir(join(appDir, "slugs")), (await readdir(join(appDir, "builds"))).length]);
  const client = platformClient(platform);
  const before = await state();
  const elapsed = await timed(() => client.rollback("node200", 2));
  if ((await state()) !== before) throw new Error("something was built");
  const runs = await readdir(join(appDir, "run"));
  const copied = (await Promise.all(runs.map((name) => readdir(join(appDir, "run", name, "app"))))).flat().length;
  return {
    what: "rollback to a kept slug of it: builds, files copied",
    ours: `0, ${String(copied)} (${ms(elapsed)})`,
    peer: "",
    ratio: "",
    limit: "0, 0",
  };
}

async function nodeApp(url: string): Promise<Record<string, string>> {
  const lock = JSON.parse(await (await fetch(`${url}lock`)).text()) as { packages: Record<string, object> };
  const names = Object.keys(lock.packages).map((path) => path.slice("node_modules/".length));
  const root = {
    name: "app",
    version: "1.0.0",
    dependencies: Object.fromEntries(names.map((name) => [name, "1.0.0"])),
  };
  return {
    Procfile: "web: node index.js\n",
    "package.json": JSON.stringify(root),
    "package-lock.json": JSON.stringify({
      lockfileVersion: 3,
      requires: true,
      packages: { "": root, ...lock.packages },
    }),
  };
}

/** A registry on the loopback, and at `lock` what a lockfile says of its packages. */
async function registry(t: TestContext): Promise<string> {
  const dir = await t.tempDir();
  const tarballs = new Map<string, Buffer>();
  const packages: Record<string, object> = {};
  const server = createServer((request, response) => {
    if (request.url === "/lock") response.end(JSON.stringify({ packages }));
    else response.end(tarballs.get(request.url ?? ""));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  t.after(() => server.closeAllConnections());
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
  for (let n = 0; n < PACKAGES; n += 1) {
    const name = `package-${String(n)}`;
    await fresh(join(dir, "package"));
    await mkdir(join(dir, "package", "lib"));
    await writeFile(join(dir, "package", "package.json"), JSON.stringify({ name, version: "1.0.0" }));
    for (let file = 0; file < FILES_OF_A_PACKAGE; file += 1) {
      const text = `// ${name} ${String(file)}\n`.repeat(100 + file * 20);
      await writeFile(join(dir, "package", "lib", `${String(file)}.js`), text);
    }
    await run("tar", ["-czf", "package.tgz", "package"], { cwd: dir });
    const tarball = await readFile(join(dir, "package.tgz"));
    const path = `/${name}/-/${name}-1.0.0.tgz`;
    tarballs.set(path, tarball);
    const integrity = `sha512-${createHash("sha512").update(tarball).digest("base64")}`;
    packages[`node_modules/${name}`] = { version: "1.0.0", resolved: `${url}${path.slice(1)}`, integrity };
  }
  return url;
}
