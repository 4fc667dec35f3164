/** Code that a push does not carry. */
import { readdir, readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { refuses } from "../support/assert.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { BuildLab, type Commit } from "./build-lab.ts";

/** Serves repositories as plain files, the way of git that needs nothing else ("dumb" HTTP). */
async function serveFiles(t: TestContext, root: string): Promise<{ server: Server; url: string }> {
  const server = createServer((request, response) => {
    const path = join(root, decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname));
    readFile(path).then(
      (content) => response.end(content),
      () => response.writeHead(404).end(),
    );
  });
  t.after(() => new Promise((resolve) => server.close(resolve)));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}` };
}

/** A repository of its own below `root`, with commits of these files. */
async function publish(t: TestContext, root: string, name: string, ...states: Links[]): Promise<Commit[]> {
  const lab = await BuildLab.open(await t.tempDir());
  const commits: Commit[] = [];
  for (const state of states) commits.push(await commitWith(lab, state));
  await lab.git("clone", "--quiet", "--bare", lab.repo, join(root, name));
  await lab.git(`--git-dir=${join(root, name)}`, "update-server-info");
  return commits;
}

interface Links {
  files: Record<string, string>;
  /** Path → commit. */
  links?: Record<string, Commit | undefined>;
}

async function commitWith(lab: BuildLab, { files, links = {} }: Links): Promise<Commit> {
  await lab.commit(files);
  for (const [path, link] of Object.entries(links)) {
    await lab.git("update-index", "--add", "--cacheinfo", `160000,${link?.commit ?? ""},${path}`);
  }
  return lab.commitIndex();
}

function short(one: Commit | undefined): string {
  return one?.commit.slice(0, 7) ?? "";
}

function modules(urls: Record<string, string>): string {
  return Object.entries(urls)
    .map(([path, url]) => `[submodule "${path}"]\n\tpath = ${path}\n\turl = ${url}\n`)
    .join("");
}

const PROCFILE = "web: ./serve\n";

describe("submodules of a build", (test) => {
  test("are fetched by their commits, submodules of them too, and are there again without a network", async (t) => {
    const lab = await BuildLab.make(t);
    const root = await t.tempDir();
    const { server, url } = await serveFiles(t, root);
    const [inner] = await publish(t, root, "inner.git", { files: { "inner.txt": "inner\n" } });
    const deep = {
      files: { ".gitmodules": modules({ deep: "../inner.git" }), "lib.txt": "old\n" },
      links: { deep: inner },
    };
    const [older] = await publish(t, root, "lib.git", deep, { files: { "lib.txt": "new\n" } });
    const files = { Procfile: PROCFILE, ".gitmodules": modules({ "vendor/lib": `${url}/lib.git` }) };
    const commit = await commitWith(lab, { files, links: { "vendor/lib": older } });
    const slug = await lab.build(commit);
    assert.match(
      lab.text,
      `-----> Fetching submodules
       vendor/lib from ${url}/lib.git (${short(older)})
       vendor/lib/deep from ${url}/inner.git (${short(inner)})
-----> Procfile app detected`,
    );
    assert.is(await readFile(join(slug.dir, "vendor/lib/lib.txt"), "utf8"), "old\n");
    assert.is(await readFile(join(slug.dir, "vendor/lib/deep/inner.txt"), "utf8"), "inner\n");
    assert.not(slug.plain, "another slug would lack them");
    server.close();
    server.closeAllConnections();
    const next = await commitWith(lab, { files: { ...files, more: "" }, links: { "vendor/lib": older } });
    assert.is(await readFile(join((await lab.build(next)).dir, "vendor/lib/lib.txt"), "utf8"), "old\n");
  });

  test("that cannot be fetched fail the build, with advice; what .slugignore names is not fetched", async (t) => {
    const lab = await BuildLab.make(t);
    const root = await t.tempDir();
    const { url } = await serveFiles(t, root);
    const [lib] = await publish(t, root, "lib.git", { files: { "lib.txt": "" } });
    const gone = { commit: "1".repeat(40), tree: "" };
    const cases: readonly [from: string | undefined, link: Commit | undefined, why: RegExp][] = [
      [undefined, lib, /\.gitmodules does not say where it comes from/],
      ["../lib.git", lib, /"\.\.\/lib\.git" is relative/],
      [join(root, "lib.git"), lib, /is no address on the network/],
      [`${url}/none.git`, lib, /repository '.*none\.git\/' not found/],
      [
        `${url.replace("//", "//ned:secret@")}/lib.git`,
        gone,
        /http:\/\/127\.0\.0\.1:\d+\/lib\.git does not have its commit 1{40}/,
      ],
    ];
    for (const [from, link, why] of cases) {
      const files = { Procfile: PROCFILE, ...(from !== undefined && { ".gitmodules": modules({ lib: from }) }) };
      const commit = await commitWith(lab, { files, links: { lib: link } });
      const error = await refuses("invalid_params", () => lab.build(commit));
      assert.is(error.message, "The submodule lib cannot be fetched.");
      assert.match(error.hint ?? "", why);
      assert.match(error.hint ?? "", "git subtree add");
      assert.not.match(`${error.hint ?? ""}${lab.text}`, "secret");
    }
    const ignoring = { Procfile: PROCFILE, ".slugignore": "/lib/\n" };
    const slug = await lab.build(await commitWith(lab, { files: ignoring, links: { lib: gone } }));
    assert.equal((await readdir(slug.dir)).sort(), [".slugignore", "Procfile"]);
    assert.not.match(lab.text, "submodules");
  });
});
