import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { lstat, readdir, readFile, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import { cleanBuilds, findSlug, findSlugOfTree } from "../../src/build/slug-store.ts";
import { appUser } from "../../src/core/app-user.ts";
import { giveOnce } from "../../src/formation/give-files.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";
import { Beacon, BuildLab, CLOCK } from "./build-lab.ts";

const MOUNTABLE = spawnSync("unshare", ["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]).status === 0;
const IS_ROOT = process.getuid?.() === 0;
const USER = appUser("b2c4d6e8-0000-4000-8000-000000000000");
const PROGRAM = fileURLToPath(new URL("build-program.js", import.meta.url));

describe("build slug", (test) => {
  test("an app with a Procfile is laid out, read-only, and told in Heroku's words", async (t) => {
    const lab = await BuildLab.make(t);
    const commit = await lab.commit({ Procfile: "worker: sh work.sh\nweb: ./serve\n", "bin/serve": "#!/bin/sh\n" });
    const slug = await lab.build(commit);
    assert.is(
      lab.text,
      `-----> Procfile app detected
-----> Discovering process types
       Procfile declares types -> web, worker
`,
    );
    assert.equal(
      [...slug.procfile],
      [
        ["web", "./serve"],
        ["worker", "sh work.sh"],
      ],
    );
    assert.is(await readFile(join(slug.dir, "bin/serve"), "utf8"), "#!/bin/sh\n");
    assert.is((await stat(join(slug.dir, "bin/serve"))).mode & 0o777, 0o444);
    assert.ok(((await stat(join(slug.dir, "bin"))).mode & 0o200) !== 0);
    assert.is(slug.reused, false);
    assert.is(slug.sizeBytes, 42);
    assert.is(slug.detected, "Procfile");
    assert.equal(await lab.slugs(), [slug.id]);
    assert.equal(await findSlug(lab.appDir, slug.id), { ...slug, declared: true, reused: true });
    assert.is((await findSlugOfTree(lab.appDir, commit.tree))?.dir, slug.dir);
  });

  test("the same tree is the same slug: nothing is laid out again", async (t) => {
    const lab = await BuildLab.make(t);
    const first = await lab.build(await lab.commit({ Procfile: "web: ./serve\n" }));
    const again = await lab.commit({ Procfile: "web: ./serve\n" });
    const second = await lab.build(again, { repo: "/nowhere" });
    assert.equal(second, { ...first, declared: true, reused: true });
    assert.match(lab.text, "Same code as before");
    assert.match(lab.text, "Procfile declares types -> web");
  });

  test("two builds of one tree at the same time are one slug", async (t) => {
    const lab = await BuildLab.make(t);
    const commit = await lab.commit({ Procfile: "web: ./serve\n" });
    const [one, two] = await Promise.all([lab.build(commit), lab.build(commit)]);
    assert.is(one.dir, two.dir);
    assert.equal(new Set([one.reused, two.reused]), new Set([false, true]));
    assert.equal(await lab.slugs(), [one.id]);
  });

  test("refuses what cannot be started, and says what to do", async (t) => {
    const lab = await BuildLab.make(t);
    const cases: [Record<string, string>, string, string][] = [
      [{ "index.php": "" }, "No Procfile, and no package.json", "Add a file named Procfile"],
      [{ "procfile.txt": "web: x\n" }, "No Procfile", "Rename procfile.txt to Procfile"],
      [{ Procfile: "# none\n" }, "declares no process types", "Add a line"],
      [{ Procfile: "web: ok\nnonsense\n" }, 'Procfile line 2 is not "type: command"', "A line looks like"],
      [{ "package.json": "{" }, "package.json is not a JSON object", "Check it"],
      [{ "package.json": "{}" }, "Nothing says how to start", "Add a Procfile"],
    ];
    for (const [files, message, hint] of cases) {
      const error = await refuses("invalid_params", async () => lab.build(await lab.commit(files)));
      assert.match(error.message, message);
      assert.match(error.hint ?? "", hint);
    }
    assert.equal(await lab.slugs(), []);
  });

  test("refuses Git LFS pointers, unless they are kept out", async (t) => {
    const lab = await BuildLab.make(t);
    const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${"1".repeat(64)}\nsize 12345\n`;
    const files = { Procfile: "web: ./serve\n", ".gitattributes": "*.png filter=lfs\n", "a/b.png": pointer };
    const error = await refuses("invalid_params", async () => lab.build(await lab.commit(files)));
    assert.is(error.message, "The code has pointers of Git LFS in the place of files (1): a/b.png");
    assert.match(error.hint ?? "", "git lfs migrate export");
    assert.equal(await lab.slugs(), []);
    await lab.build(await lab.commit({ ...files, ".slugignore": "*.png\n" }));
  });

  test("keeps the commit as it is: links, export attributes, odd names", async (t) => {
    const lab = await BuildLab.make(t);
    const outside = join(lab.root, "outside");
    await writeFile(outside, "", { mode: 0o644 });
    await lab.commit({
      Procfile: "web: ./serve\n",
      ".gitattributes": "docs export-ignore\n*.txt export-subst\n",
      "docs/page": "",
      "a.txt": "$Format:%H$\n",
      "-rf *\n'": "odd\n",
    });
    await symlink(outside, join(lab.work, "link"));
    const { dir } = await lab.build(await lab.commitAll());
    assert.ok((await lstat(join(dir, "link"))).isSymbolicLink());
    assert.is((await stat(outside)).mode & 0o777, 0o644);
    assert.is(await readFile(join(dir, "docs/page"), "utf8"), "");
    assert.is(await readFile(join(dir, "a.txt"), "utf8"), "$Format:%H$\n");
    assert.is(await readFile(join(dir, "-rf *\n'"), "utf8"), "odd\n");
  });

  test("many files are made read-only too", async (t) => {
    const lab = await BuildLab.make(t);
    const files = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`f/${String(index)}`, "x"]));
    const { dir } = await lab.build(await lab.commit({ Procfile: "web: ./serve\n", ...files }));
    assert.is((await stat(join(dir, "f/299"))).mode & 0o222, 0);
  });

  test.needing(
    IS_ROOT ? undefined : "root",
    "what an app's user has already is given to it again where something is new",
    async (t) => {
      const lab = await BuildLab.make(t);
      const many = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`f/${String(index)}`, "x"]));
      const base = { Procfile: "web: ./serve\n", ...many };
      const first = await lab.build(await lab.commit(base), { shares: true });
      await giveOnce(first.dir, USER);
      const second = await lab.build(await lab.commit({ ...base, "f/7": "changed", "new/file": "x" }), {
        shares: true,
      });
      assert.equal([(await lstat(join(second.dir, "f/8"))).uid, (await lstat(second.dir)).uid], [USER, 0]);
      await giveOnce(second.dir, USER);
      for (const path of ["", "f/7", "new", "new/file"]) {
        const { uid, mode } = await lstat(join(second.dir, path));
        assert.equal([uid, mode & 0o200], [USER, 0o200], path);
      }
    },
  );

  test("of a large app only what has changed is laid out again, the rest is shared", async (t) => {
    const lab = await BuildLab.make(t);
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`f/${String(index)}`, String(index)]));
    const base = { Procfile: "web: ./serve\n", "dir/gone": "x", "dir/deep/gone": "x", kind: "file", ...many };
    const first = await lab.build(await lab.commit(base), { shares: true });
    const { "dir/gone": _gone, "dir/deep/gone": _deep, kind: _kind, ...kept } = base;
    const next = { ...kept, "f/7": "changed", "f/new *": "new", "kind/of": "directory" };
    const second = await lab.build(await lab.commit(next), { shares: true });
    const read = (path: string): Promise<string> => readFile(join(second.dir, path), "utf8");
    assert.equal([await read("f/7"), await read("f/new *"), await read("kind/of")], ["changed", "new", "directory"]);
    assert.equal((await readdir(second.dir)).sort(), ["Procfile", "f", "kind"]);
    assert.is(await readFile(join(first.dir, "f/7"), "utf8"), "7");
    const [one, two] = await Promise.all([first, second].map(({ dir }) => stat(join(dir, "f/8"))));
    assert.is(one?.ino, two?.ino);
    const files = await Promise.all(Object.keys(next).map((path) => stat(join(second.dir, path))));
    assert.ok(files.every(({ mode }) => (mode & 0o222) === 0));
    // A process that nothing shuts in gets copies of such a slug, not links.
    for (const { dir } of [first, second]) assert.equal(await readdir(join(dir, "..", "layers")), []);
    const third = await lab.build(await lab.commit({ ...next, "f/9": "again" }));
    const [own, other] = await Promise.all([second, third].map(({ dir }) => stat(join(dir, "f/8"))));
    assert.is.not(own?.ino, other?.ino);
  });

  test.needing(
    MOUNTABLE ? undefined : "unshare and mount, to have a small disk",
    "a full disk is told, and nothing is left",
    async (t) => {
      const lab = await BuildLab.make(t);
      const big = Object.fromEntries(Array.from({ length: 4 }, (_, n) => [`big${String(n)}`, "x".repeat(500_000)]));
      const { commit, tree } = await lab.commit({ Procfile: "web: ./serve\n", ...big });
      const disk = await t.tempDir();
      const script = `mount -t tmpfs -o size=1m tmpfs "$1" && "$2" "$3" "$4" "$1/app" "$5" "$6"; echo "left: $(ls -A "$1/app/slugs")"`;
      const words = ["sh", "-c", script, "sh", disk, process.execPath, PROGRAM, lab.repo, commit, tree];
      const child = spawn("unshare", ["-rm", ...words], { stdio: ["ignore", "pipe", "pipe"] });
      const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr)]);
      assert.match(errors, "The disk of the platform is full.");
      assert.match(output, /left: \n$/);
    },
  );

  test("refuses a slug over the limit", async (t) => {
    const lab = await BuildLab.make(t);
    const commit = await lab.commit({ Procfile: "web: ./serve\n", big: "x".repeat(20_000) });
    const error = await refuses("invalid_params", () => lab.build(commit, { settings: { sizeBytesMax: 10_000 } }));
    assert.is(error.message, "Slug is too large: 21K.");
    assert.equal(await lab.slugs(), []);
  });

  test("a build that is cancelled takes all its processes with it", async (t) => {
    const lab = await BuildLab.make(t);
    const beacon = await Beacon.light(t);
    const cancel = new AbortController();
    const built = lab.build(await lab.commit(beacon.hangingApp()), { signal: cancel.signal });
    await beacon.seen(2);
    cancel.abort();
    const error = await refuses("unavailable", () => built);
    assert.is(error.message, "build cancelled");
    assert.equal(await lab.slugs(), []);
    await beacon.allLeft();
  });

  test("a build that takes too long fails", async (t) => {
    const lab = await BuildLab.make(t);
    const beacon = await Beacon.light(t);
    const clock = { ...CLOCK, sleep: async () => beacon.seen(2) };
    const commit = await lab.commit(beacon.hangingApp());
    const error = await refuses("invalid_params", () => lab.build(commit, { clock }));
    assert.is(error.message, "build failed");
    assert.is(error.hint, "It took longer than 15 minutes, the setting build-timeout.");
    await beacon.allLeft();
  });

  test("killed in the middle: no slug, and the next build clears the rest away", async (t) => {
    const lab = await BuildLab.make(t);
    const beacon = await Beacon.light(t);
    const { commit, tree } = await lab.commit(beacon.hangingApp());
    const program = spawn(process.execPath, [PROGRAM, lab.repo, lab.appDir, commit, tree], {
      env: { PATH: process.env["PATH"] },
      stdio: "ignore",
    });
    const exited = once(program, "exit");
    await beacon.seen(2);
    program.kill("SIGKILL");
    await exited;
    assert.is(await findSlugOfTree(lab.appDir, tree), undefined);
    assert.match((await lab.slugs()).join(), /^\.build-[0-9a-f]+$/);
    await cleanBuilds(lab.appDir);
    await beacon.allLeft();
    assert.equal(await lab.slugs(), []);
  });
});
