/** The buildpack API as buildpacks see it, and what can go wrong with one. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import * as assert from "uvu/assert";
import type { BuildConfig } from "../../src/build/choose-packs.ts";
import type { Slug } from "../../src/build/slug-store.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";
import { Beacon, BuildLab, type Commit } from "./build-lab.ts";

const run = promisify(execFile);
const PAGES = fileURLToPath(new URL("../../../fixtures/buildpacks/pages", import.meta.url));
const APP = { Procfile: "web: ./serve\n" };

/** A directory with a buildpack; what is not given does nothing. */
async function writePack(lab: BuildLab, name: string, scripts: Record<string, string>): Promise<string> {
  const dir = join(lab.root, name);
  const all = { "bin/detect": "echo Test", "bin/compile": "true", ...scripts };
  for (const [path, text] of Object.entries(all)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), path.startsWith("bin/") ? `#!/bin/sh\n${text}\n` : text, { mode: 0o755 });
  }
  return dir;
}

function config(vars: Record<string, string>): BuildConfig {
  return { key: JSON.stringify(vars), read: () => Promise.resolve(vars) };
}

function buildWith(lab: BuildLab, commit: Commit, sources: string[], vars?: Record<string, string>): Promise<Slug> {
  const buildpacks = sources.map((source) => ({ source }));
  return lab.build(commit, { buildpacks, ...(vars && { config: config(vars) }) });
}

async function fails(lab: BuildLab, scripts: Record<string, string>): Promise<string> {
  const pack = await writePack(lab, "bad", scripts);
  const error = await refuses("invalid_params", async () => buildWith(lab, await lab.commit(APP), [pack]));
  await rm(pack, { recursive: true });
  assert.equal(await lab.slugs(), []);
  return `${error.message} ${error.hint ?? ""}`.replaceAll(pack, "BAD");
}

describe("buildpacks", (test) => {
  test("one written for Heroku runs as it is", async (t) => {
    const lab = await BuildLab.make(t);
    const commit = await lab.commit({ "pages/hello.txt": "Hello\n" });
    const vars = { SITE_TITLE: "Two\nlines", PATH: "/nowhere" };
    const slug = await buildWith(lab, commit, [PAGES], vars);
    assert.match(lab.text, `-----> Using buildpack: ${PAGES}\n`);
    assert.match(
      lab.text,
      `-----> Pages app detected
-----> Installing the page tool for heroku-24
       Making the tool
-----> Rendering pages
       hello.html
-----> Discovering process types
       Default types for Pages -> console, web
`,
    );
    assert.is(await readFile(join(slug.dir, "public/hello.html"), "utf8"), "<title>Two\nlines</title>\nHello\n");
    assert.is((await stat(join(slug.dir, "public/hello.html"))).mode & 0o222, 0);
    assert.is(slug.procfile.get("web"), 'python3 -m http.server "$PORT" --directory "$SITE_ROOT"');
    assert.equal(slug.first, { configVars: { SITE_LANG: "en" }, addons: ["heroku-postgresql:dev"] });
    assert.equal((await readdir(join(slug.dir, ".."))).sort(), ["app", "slug.json"]);
    await buildWith(lab, await lab.commit({ "pages/other.txt": "" }), [PAGES], vars);
    assert.match(lab.text, "Using the tool from the cache");
  });

  test("the same code with the same buildpacks and config is the same slug, with others it is not", async (t) => {
    const lab = await BuildLab.make(t);
    const commit = await lab.commit({ ...APP, "pages/hello.txt": "Hello\n" });
    const pages = join(lab.root, "pages");
    await cp(PAGES, pages, { recursive: true });
    const first = await buildWith(lab, commit, [pages], { A: "1" });
    assert.is((await buildWith(lab, commit, [pages], { A: "1" })).id, first.id);
    assert.match(lab.text, "Same code and buildpacks as before");
    assert.match(lab.text, "Procfile declares types -> web\n       Default types for Pages -> console\n");
    const plain = await lab.build(commit);
    const ids = [first, plain, await buildWith(lab, commit, [pages], { A: "2" })].map(({ id }) => id);
    await writeFile(join(pages, "README.md"), "Changed\n");
    ids.push((await buildWith(lab, commit, [pages], { A: "1" })).id);
    assert.is(new Set(ids).size, 4);
    assert.equal([first.buildpacks?.[0]?.source, plain.buildpacks], [pages, undefined]);
  });

  test("several run in their order, each with what those before it export", async (t) => {
    const lab = await BuildLab.make(t);
    const one = await writePack(lab, "one", {
      "bin/compile": `mkdir -p "$1/tools"; printf '#!/bin/sh\\necho from the tool' >"$1/tools/tool"; chmod +x "$1/tools/tool"
        printf 'export PATH="%s/tools:$PATH" MORE="a\nb"; HOME=/nowhere' "$1" >"$(dirname "$0")/../export"`,
      "bin/release": "echo 'default_process_types: {one: never}'",
    });
    const two = await writePack(lab, "two", {
      "bin/detect": 'test -x "$1/tools/tool" && echo Two',
      "bin/compile": 'tool; echo "$MORE"; test -d "$HOME"; printf "clock: tick\\nweb: ours" >"$1/Procfile"',
      "bin/release": "printf 'default_process_types:\\n  web: theirs\\n  two: run two\\n'",
    });
    const slug = await buildWith(lab, await lab.commit({ "index.html": "" }), [one, "static", two]);
    assert.match(lab.text, `-----> Using buildpacks:\n       1. ${one}\n       2. static\n       3. ${two}\n`);
    assert.match(lab.text, "-----> Two app detected\nfrom the tool\na\nb\n");
    assert.equal(Object.fromEntries(slug.procfile), { clock: "tick", two: "run two", web: "ours" });
    assert.equal(
      slug.buildpacks?.map(({ source }) => source),
      [one, "static", two],
    );
  });

  test("the code names its buildpacks in .buildpacks, the app's own list goes before it", async (t) => {
    const lab = await BuildLab.make(t);
    const pack = await writePack(lab, "pack", { "bin/compile": "echo compiled" });
    const commit = await lab.commit({ ...APP, ".buildpacks": `# ours\n${pack}\r\n\n` });
    await lab.build(commit);
    assert.match(lab.text, "-----> Test app detected\ncompiled\n");
    await buildWith(lab, commit, ["procfile"]);
    assert.not.match(lab.text, "compiled");
    const bad = await lab.commit({ ...APP, ".buildpacks": "./here\n" });
    assert.match((await refuses("invalid_params", () => lab.build(bad))).message, '"./here" is not a buildpack');
  });

  test("from git by branch, tag or commit, and again from the cache once it is known", async (t) => {
    const lab = await BuildLab.make(t);
    const dir = await writePack(lab, "pack", { "bin/compile": "echo first" });
    const git = async (...args: string[]): Promise<string> =>
      (
        await run("git", ["-C", dir, "-c", "user.name=Ned", "-c", "user.email=ned@foobazco.com", ...args])
      ).stdout.trim();
    const save = async (): Promise<string> => {
      await git("add", ".");
      await git("commit", "-q", "-m", "x");
      return git("rev-parse", "HEAD");
    };
    await git("init", "-q", "-b", "main");
    const first = await save();
    await git("tag", "v1");
    await writePack(lab, "pack", { "bin/compile": "echo second" });
    const second = await save();
    const commit = await lab.commit(APP);
    const url = `file://${dir}`;
    for (const [ref, oid, said] of [
      ["", second, "second"],
      ["#v1", first, "first"],
      ["#main", second, "second"],
      [`#${first.slice(0, 10)}`, first, "first"],
      [`#${first}`, first, "first"],
    ] as const) {
      const slug = await buildWith(lab, commit, [url + ref]);
      assert.equal(slug.buildpacks, [{ source: url + ref, commit: oid }]);
      assert.match(lab.text, `\n${said}\n`);
    }
    const last = await buildWith(lab, commit, [dir]);
    assert.is(last.buildpacks?.[0]?.commit, second);
    const missing = await refuses("invalid_params", () => buildWith(lab, commit, [`${url}#no-such`]));
    assert.match(`${missing.message} ${missing.hint ?? ""}`, /cannot be fetched. fatal: .*no-such/);
    await rm(dir, { recursive: true });
    const gone = await refuses("invalid_params", () => buildWith(lab, commit, [url]));
    assert.match(`${gone.message} ${gone.hint ?? ""}`, /cannot be fetched. fatal: /);
    await rm(join(lab.appDir, "slugs"), { recursive: true });
    assert.is((await lab.build(commit, { buildpacks: last.buildpacks ?? [] })).id, last.id);
  });

  test("from a tarball, by path and by URL", async (t) => {
    const lab = await BuildLab.make(t);
    const file = join(lab.root, "pages.tgz");
    await run("tar", ["-czf", file, "-C", dirname(PAGES), "pages"]);
    const commit = await lab.commit({ "pages/hello.txt": "Hello\n" });
    const slug = await buildWith(lab, commit, [file]);
    assert.match(slug.buildpacks?.[0]?.commit ?? "", /^[0-9a-f]{40}$/);
    const bytes = await readFile(file);
    const server = createServer((request, response) => {
      response.statusCode = request.url === "/pages.tgz" ? 200 : 404;
      response.end(bytes);
    });
    t.after(() => server.close());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    const other = await buildWith(lab, commit, [`${url}/pages.tgz`]);
    assert.is(other.buildpacks?.[0]?.commit, slug.buildpacks?.[0]?.commit);
    const missing = await refuses("invalid_params", () => buildWith(lab, commit, [`${url}/other.tgz`]));
    assert.is(missing.hint, "The server answers 404 Not Found.");
    await writeFile(file, "no archive");
    const broken = await refuses("invalid_params", () => buildWith(lab, commit, [file]));
    assert.match(broken.hint ?? "", "not in gzip format");
    assert.equal(
      (await readdir(join(lab.appDir, "cache"))).filter((name) => name.startsWith(".")),
      [],
    );
  });

  test("what fails is told with its exit status, and nothing stays", async (t) => {
    const lab = await BuildLab.make(t);
    const cases: [Record<string, string>, string][] = [
      [{ "bin/detect": "echo looking; exit 7" }, "App not compatible with buildpack: BAD"],
      [{ "bin/compile": "echo oops; exit 9" }, "build failed bin/compile of BAD ended with exit status 9."],
      [{ "bin/compile": "kill -SEGV $$" }, "build failed bin/compile of BAD ended with signal SIGSEGV."],
      [{ "bin/release": "exit 4" }, "build failed bin/release of BAD ended with exit status 4."],
      [{ "bin/release": "echo '{a: b'" }, "bin/release of BAD: what it prints is no YAML: "],
      [{ "bin/release": "echo just words" }, "what it prints is no YAML of names and values."],
      [{ "bin/release": "echo 'default_process_types: [web]'" }, "default_process_types is no YAML of names"],
      [{ "bin/release": "echo 'default_process_types: {web: {a: b}}'" }, "something else than text for web"],
      [{ "bin/release": "echo 'default_process_types: {a b: x}'" }, '"a b" in default_process_types is no process'],
      [{ "bin/release": "echo 'config_vars: {a-b: x}'" }, '"a-b" in config_vars is no name'],
      [{ "bin/release": "echo 'addons: postgres'" }, "addons is no list of names"],
      [{ "bin/compile": 'echo exit 3 >"$(dirname "$0")/../export"' }, "export of BAD ended with exit status 3"],
      [{ "bin/compile": 'rm "$1/Procfile"' }, "Nothing says which processes to run."],
    ];
    for (const [scripts, told] of cases) assert.match(await fails(lab, scripts), told);
    assert.match(lab.text, "-----> Test app detected\n");
    const pack = await writePack(lab, "odd", {});
    const commit = await lab.commit(APP);
    const failing = async (): Promise<string> => {
      const error = await refuses("invalid_params", () => buildWith(lab, commit, [pack]));
      return `${error.message} ${lab.text}`;
    };
    await chmod(join(pack, "bin/detect"), 0o644);
    assert.match(await failing(), /Permission denied[^]*bin\/detect of .* ended with exit status 126/);
    await writeFile(join(pack, "bin/detect"), "#!/no/such/interpreter\n");
    await chmod(join(pack, "bin/detect"), 0o755);
    assert.match(await failing(), /bin\/detect of .* ended with exit status 12[67]/);
    await rm(join(pack, "bin/detect"));
    assert.match(await failing(), "is not a buildpack: it has no bin/detect");
  });

  test("a hundred megabytes of output are cut, a process left behind is ended, a hanging script too", async (t) => {
    const lab = await BuildLab.make(t);
    const beacon = await Beacon.light(t);
    const wait = `env -i HOME=/ ${process.execPath} -e 'require("net").connect("${beacon.path}")'`;
    const flood = "head -c 50000000 /dev/zero | tr '\\0' 'x'";
    const compile = `setsid ${wait} & ${flood}; ${flood} | fold -w 99`;
    const pack = await writePack(lab, "pack", { "bin/compile": compile });
    const commit = await lab.commit(APP);
    await buildWith(lab, commit, [pack]);
    assert.ok(lab.text.length < 1_200_000, String(lab.text.length));
    assert.match(lab.text, /\(\d+ more bytes are not shown\)\n/);
    const hanging = await writePack(lab, "hanging", { "bin/detect": wait });
    const cancel = new AbortController();
    const built = lab.build(commit, { buildpacks: [{ source: hanging }], signal: cancel.signal });
    await beacon.seen(1);
    cancel.abort();
    assert.is((await refuses("unavailable", () => built)).message, "build cancelled");
    await beacon.allLeft();
    assert.is((await lab.slugs()).length, 1);
  });

  test("a build sees no config but in ENV_DIR, which goes with it", async (t) => {
    const lab = await BuildLab.make(t);
    const pack = await writePack(lab, "pack", {
      "bin/compile": 'env | grep TOKEN; stat -c %a "$3" "$3"/*; cat "$3/TOKEN" | wc -c',
    });
    const slug = await buildWith(lab, await lab.commit(APP), [pack], { TOKEN: "abc" });
    assert.match(lab.text, "detected\n700\n600\n3\n");
    assert.equal((await readdir(join(slug.dir, ".."))).sort(), ["app", "slug.json"]);
  });

  test("pointers of Git LFS may be there for a buildpack that replaces them", async (t) => {
    const lab = await BuildLab.make(t);
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"1".repeat(64)}\nsize 12345\n`;
    const commit = await lab.commit({ ...APP, ".gitattributes": "*.png filter=lfs\n", "b.png": pointer });
    const fetching = await writePack(lab, "fetching", { "bin/compile": 'echo picture >"$1/b.png"' });
    await buildWith(lab, commit, [fetching]);
    const other = await writePack(lab, "other", {});
    const error = await refuses("invalid_params", () => buildWith(lab, commit, [other]));
    assert.match(error.message, "pointers of Git LFS");
  });

  test("links that lead out of the app are told", async (t) => {
    const lab = await BuildLab.make(t);
    await lab.commit(APP);
    await mkdir(join(lab.work, "a"));
    for (const [path, target] of [
      ["a/in", "../Procfile"],
      ["a/out", "../../x"],
      ["app", "/app/x"],
      ["etc", "/etc"],
    ] as const) {
      await symlink(target, join(lab.work, path));
    }
    await lab.build(await lab.commitAll());
    assert.match(lab.text, " !     Symbolic links lead out of the app (2): a/out -> ../../x, etc -> /etc\n");
  });
});
