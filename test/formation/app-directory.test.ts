/** The throw-away view of a slug. */
import { chmod, lstat, mkdir, readdir, readFile, readlink, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { makeAppDirectory } from "../../src/formation/app-directory.ts";
import { rejects } from "../support/assert.ts";
import { describe } from "../support/suite.ts";

describe("app directory", (test) => {
  test("has every file with its mode, links as links, and directories of its own", async (t) => {
    const directory = await t.tempDir();
    const slug = join(directory, "slug");
    await mkdir(join(slug, "bin", "empty"), { recursive: true });
    await writeFile(join(slug, "bin", "start"), "#!/bin/sh\n");
    await chmod(join(slug, "bin", "start"), 0o555);
    await symlink("/some/cache/node_modules", join(slug, "node_modules"));
    await symlink("bin/start", join(slug, "start"));
    await chmod(join(slug, "bin"), 0o555);
    t.after(() => chmod(join(slug, "bin"), 0o755));
    const view = join(directory, "view");
    await makeAppDirectory(slug, view);
    assert.equal((await readdir(view, { recursive: true })).sort(), (await readdir(slug, { recursive: true })).sort());
    assert.is((await lstat(join(view, "bin", "start"))).mode & 0o777, 0o755);
    assert.is(await readlink(join(view, "node_modules")), "/some/cache/node_modules");
    assert.is(await readlink(join(view, "start")), "bin/start");
    await writeFile(join(view, "bin", "start"), "changed\n");
    await writeFile(join(view, "bin", "new"), "");
    assert.is(await readFile(join(slug, "bin", "start"), "utf8"), "#!/bin/sh\n");
  });

  test("of a large slug protects the slug all the same", async (t) => {
    const directory = await t.tempDir();
    const slug = join(directory, "slug");
    await mkdir(slug);
    const names = Array.from({ length: 600 }, (_, index) => `file-${String(index)}`);
    await Promise.all(names.map((name) => writeFile(join(slug, name), name, { mode: 0o444 })));
    const view = join(directory, "view");
    await makeAppDirectory(slug, view);
    assert.is((await readdir(view)).length, 600);
    // Root may write to anything, everybody else only to what is not shared.
    await writeFile(join(view, "file-7"), "changed\n").catch(() => undefined);
    assert.is(await readFile(join(slug, "file-7"), "utf8"), "file-7");
  });

  test("is given up when nobody wants it any more", async (t) => {
    const directory = await t.tempDir();
    await mkdir(join(directory, "slug"));
    await writeFile(join(directory, "slug", "file"), "");
    await rejects(makeAppDirectory(join(directory, "slug"), join(directory, "view"), AbortSignal.abort()));
  });
});
