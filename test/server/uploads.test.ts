/** Code that is uploaded: to an address of its own, built as a push is, and in the ledger afterwards. */
import { createHash } from "node:crypto";
import { createServer, type RequestListener } from "node:http";
import { readdir } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { Header } from "tar";
import * as assert from "uvu/assert";
import { createApp } from "../../src/platform/create-app.ts";
import type { App } from "../../src/platform/app.ts";
import { poll } from "../support/poll.ts";
import { describe } from "../support/suite.ts";
import { deploy, logText, NED, runGit, until } from "../platform/lab.ts";
import { openApi, type ApiAnswer, type ApiLab } from "./lab.ts";

const BLOCK = 512;
const BUILDS = "/apps/foobaz/builds";
const PROCFILE = "worker: exec sleep 600\n";

interface Entry {
  path: string;
  text?: string;
  type?: "File" | "Directory" | "SymbolicLink" | "Link" | "FIFO";
  mode?: number;
  linkpath?: string;
}

/** Written here, because no tool makes the archives that must be refused. */
function tarOf(entries: readonly Entry[]): Buffer {
  const blocks = entries.map(({ path, text = "", type = "File", mode = 0o644, linkpath }) => {
    const data = Buffer.from(text);
    const head = Buffer.alloc(BLOCK);
    new Header({ path, size: data.length, type, mode, ...(linkpath !== undefined && { linkpath }) }).encode(head, 0);
    return Buffer.concat([head, data, Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK)]);
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(2 * BLOCK)]));
}

async function upload(lab: ApiLab, archive: Buffer): Promise<string> {
  const source = (await lab.ask("POST", "/sources")).body.source_blob;
  assert.is.not(source.put_url, source.get_url);
  const put = await lab.server.inject({ method: "PUT", url: new URL(source.put_url).pathname, payload: archive });
  assert.equal([put.statusCode, put.json()], [200, {}]);
  return source.get_url as string;
}

/** The build when it has ended, and its output. */
async function build(lab: ApiLab, blob: object): Promise<{ build: ApiAnswer["body"]; output: string }> {
  const begun = await lab.ask("POST", BUILDS, { source_blob: blob });
  assert.equal([begun.status, begun.body.status, begun.body.release], [201, "pending", null]);
  const { id } = begun.body;
  const output = (await lab.ask("GET", new URL(begun.body.output_stream_url).pathname)).body as string;
  const ended = await poll(async () => {
    const { body } = await lab.ask("GET", `${BUILDS}/${String(id)}`);
    const isOver = body.status === "failed" || (body.status === "succeeded" && body.release !== null);
    return isOver ? body : undefined;
  });
  return { build: ended, output };
}

describe("uploads", (test) => {
  test("an archive becomes a commit, a release and running processes", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    const archive = tarOf([
      { path: "Procfile", text: PROCFILE },
      { path: "./bin", type: "Directory" },
      { path: './bin/a "b"', text: "#!/bin/sh\n", mode: 0o755 },
      { path: "bin/link", type: "SymbolicLink", linkpath: 'a "b"' },
      { path: "copy", type: "Link", linkpath: "Procfile" },
      { path: ".git/config", text: "[core]\n" },
    ]);
    const checksum = `SHA256:${createHash("sha256").update(archive).digest("hex")}`;
    const url = await upload(lab, archive);
    const blob = { url, checksum, version: "v1.2", version_description: "The first\nupload" };
    const { build: made, output } = await build(lab, blob);
    assert.match(output, /-----> Discovering process types\n.*worker/);
    const { source_blob: said, user, release, commit, slug } = made;
    assert.equal(
      [said.version, said.checksum, said.version_description, user.email, release.version],
      ["v1.2", checksum, "The first\nupload", "kate@foobazco.com", 2],
    );
    const repo = lab.home.repo(app.name);
    assert.is(await runGit(repo, "rev-parse", "main"), commit);
    assert.is(
      await runGit(repo, "log", "-1", "--format=%s|%b|%ae", "main"),
      "The first upload|Version: v1.2\n|kate@foobazco.com",
    );
    assert.equal((await runGit(repo, "ls-tree", "-r", "--format=%(objectmode) %(path)", "main")).split("\n"), [
      "100644 Procfile",
      '100755 "bin/a \\"b\\""',
      "120000 bin/link",
      "100644 copy",
    ]);
    assert.is(await runGit(repo, "for-each-ref", "refs/heroku/archives"), "");
    const found = (await lab.ask("GET", "/apps/foobaz/releases/2")).body;
    assert.equal([found.description, found.slug.id], [`Deploy ${String(commit).slice(0, 7)}`, slug.id]);
    await until(() => app.launchedVersion === 2);
    assert.match(await logText(app), `Build of ${String(commit).slice(0, 7)} started by kate@foobazco.com`);

    // The next one follows it, and the files of a lone directory count as the archive's own.
    const second = await build(lab, { url: await upload(lab, tarOf([{ path: "foobaz-1/Procfile", text: PROCFILE }])) });
    assert.is(second.build.release.version, 3);
    assert.is(await runGit(repo, "ls-tree", "--name-only", "main"), "Procfile");
    assert.is(await runGit(repo, "rev-parse", "main^"), commit);

    // And a push follows both.
    assert.is(await deploy(lab, app), 4);
  });

  test("what is no good is told of the build, and nothing is released", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    const good = tarOf([{ path: "Procfile", text: PROCFILE }]);
    const { port, close } = await serve((_request, answer) => void answer.writeHead(404).end());
    t.after(close);
    const bad: [archive: Buffer | string, blob: object, reason: RegExp][] = [
      [Buffer.from("no archive at all"), {}, /no tar archive/],
      [gzipSync(Buffer.from("neither is this")), {}, /no tar archive/],
      [good.subarray(0, good.length - 20), {}, /no tar archive/],
      [tarOf([]), {}, /no tar archive/],
      [tarOf([{ path: "../Procfile", text: PROCFILE }]), {}, /leads out of the archive/],
      [tarOf([{ path: "pipe", type: "FIFO" }]), {}, /is no file: FIFO/],
      [tarOf([{ path: "README", text: "x" }]), {}, /Procfile/],
      [good, { checksum: `SHA256:${"0".repeat(64)}` }, /not the one of the checksum/],
      [`http://127.0.0.1:${String(port)}/code.tgz?key=s3cret`, {}, /code\.tgz cannot be fetched: it answers 404/],
    ];
    for (const [archive, blob, reason] of bad) {
      const url = typeof archive === "string" ? archive : await upload(lab, archive);
      const { build: failed, output } = await build(lab, { url, ...blob });
      assert.equal([failed.status, failed.release], ["failed", null]);
      assert.match(failed.reason, reason);
      assert.match(output, reason);
      assert.not.match(output + (await logText(app)), "s3cret");
    }
    assert.is((await app.ledger.head())?.version, 1);
    assert.equal(
      (await readdir(lab.home.uploads)).filter((name) => !/^[0-9a-f-]{36}\.tar\.gz$/.test(name)),
      [],
    );
    for (const blob of [{ url: "file:///etc/passwd" }, { url: "code" }, {}, { url: "http://x", checksum: "MD5:1" }]) {
      assert.is((await lab.ask("POST", BUILDS, { source_blob: blob })).status, 422, JSON.stringify(blob));
    }
    const empty = (await lab.ask("POST", "/apps/foobaz/sources")).body.source_blob;
    assert.is(
      (await lab.ask("POST", BUILDS, { source_blob: { url: empty.get_url } })).status,
      404,
      "nothing there yet",
    );
    const pack = { source_blob: { url: empty.get_url }, buildpacks: [{ url: "nodejs" }] };
    assert.match((await lab.ask("POST", BUILDS, pack)).body.hint, "buildpack-installations");
    assert.is((await lab.ask("PUT", new URL(empty.get_url).pathname, "x")).status, 404, "the other address");
  });

  test("with an app.json it makes an app, or none", async (t) => {
    const lab = await openApi(t);
    const appJson = {
      env: { GREETING: "hello", SESSION: { generator: "secret" }, TOKEN: { description: "of the mailer" } },
      formation: { worker: { quantity: 2 } },
    };
    const archive = tarOf([
      { path: "seeded-1/app.json", text: JSON.stringify(appJson) },
      { path: "seeded-1/Procfile", text: PROCFILE },
      { path: "seeded-1/docs/app.json", text: "{" },
    ]);
    const { port, close } = await serve((_request, answer) => void answer.end(archive));
    t.after(close);
    const elsewhere = { url: `http://127.0.0.1:${String(port)}/code.tgz`, version: "v1" };
    const order = { source_blob: elsewhere, app: { name: "seeded" }, overrides: { env: { TOKEN: "abc" } } };
    const { status, body } = await lab.ask("POST", "/app-setups", order);
    assert.equal([status, body.status, body.app.name, body.failure_message], [202, "pending", "seeded", null]);
    const ended = await poll(async () => {
      const now = (await lab.ask("GET", `/app-setups/${String(body.id)}`)).body;
      return now.status === "pending" ? undefined : now;
    });
    assert.equal([ended.status, ended.build.id], ["succeeded", body.build.id]);
    const { SESSION, ...vars } = (await lab.ask("GET", "/apps/seeded/config-vars")).body;
    assert.equal(vars, { GREETING: "hello", TOKEN: "abc" });
    assert.match(SESSION, /^[0-9a-f]{64}$/);
    const app = lab.platform.app("seeded");
    await until(() => app.launchedVersion === 3);
    assert.is((await app.state()).quantities["worker"], 2);

    const procfile = { path: "Procfile", text: PROCFILE };
    const bad: [blob: { url: string }, reason: RegExp][] = [
      [{ url: await upload(lab, archive) }, /app\.json wants a value for TOKEN \(of the mailer\)/],
      [{ url: await upload(lab, tarOf([procfile])) }, /has no app\.json/],
      [{ url: await upload(lab, tarOf([procfile, { path: "app.json", text: "{" }])) }, /app\.json/],
      [{ url: await upload(lab, Buffer.from("no archive")) }, /no tar archive/],
      [{ url: "file:///etc/passwd" }, /must be one of http or https/],
    ];
    for (const [blob, reason] of bad) {
      const refused = await lab.ask("POST", "/app-setups", { source_blob: blob, app: { name: "none" } });
      assert.is(refused.status, 422);
      assert.match(refused.body.message, reason);
    }
    assert.is((await lab.ask("GET", "/apps/none")).status, 404);
    assert.is((await lab.ask("GET", "/app-setups/none")).status, 404);
  });

  test("one that is fetched can be cancelled meanwhile, and the app destroyed", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    const { port, close } = await serve((_request, answer) => void answer.write("some"));
    t.after(close);
    const blob = { url: `http://127.0.0.1:${String(port)}/code.tgz` };
    const { id } = (await lab.ask("POST", BUILDS, { source_blob: blob })).body;
    await untilFetching(app, id);
    assert.is((await lab.ask("DELETE", `${BUILDS}/${String(id)}`)).status, 200);
    await app.archives.drained();
    const cancelled = (await lab.ask("GET", `${BUILDS}/${String(id)}`)).body;
    assert.equal(
      [cancelled.status, cancelled.reason, cancelled.commit],
      ["failed", "cancelled by kate@foobazco.com", null],
    );
    const other = (await lab.ask("POST", BUILDS, { source_blob: blob })).body;
    await untilFetching(app, other.id);
    assert.is((await lab.ask("DELETE", "/apps/foobaz")).status, 200);
  });

  test("code that was built before is released as it is", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await deploy(lab, app);
    await deploy(lab, app, { Procfile: "worker: exec sleep 601\n" });
    await lab.ask("PATCH", "/apps/foobaz/config-vars", { A: "1" });
    const [, first] = (await lab.ask("GET", "/apps/foobaz/releases?extended=true")).body;
    assert.equal(first.extended, { slug_id: first.commit, slug_uuid: first.slug.id });
    const slug = (await lab.ask("GET", `/apps/foobaz/slugs/${String(first.slug.id)}`)).body;
    assert.equal(
      [slug.id, slug.commit, slug.commit_description, slug.process_types],
      [first.slug.id, first.commit, "Code", { worker: "exec sleep 600" }],
    );
    const made = await lab.ask("POST", "/apps/foobaz/releases", { slug: first.slug.id, description: "Retry of v2" });
    const { version, description, change, commit, current } = made.body;
    assert.equal(
      [made.status, version, description, change, commit, current],
      [201, 5, "Retry of v2", "deploy", first.commit, true],
    );
    assert.equal((await lab.ask("GET", "/apps/foobaz/config-vars")).body, { A: "1" }, "the config of now");
    assert.is(await runGit(lab.home.repo(app.name), "rev-parse", "main"), first.commit);
    for (const body of [{ slug: made.body.id }, { slug: "x" }]) {
      assert.is((await lab.ask("POST", "/apps/foobaz/releases", body)).status, 404);
    }
    assert.is((await lab.ask("POST", "/apps/foobaz/releases", { slug: "x", release: "2" })).status, 422);
    assert.is((await lab.ask("POST", "/apps/foobaz/slugs", { process_types: {} })).status, 422);
    assert.is((await lab.ask("DELETE", "/apps/foobaz/build-cache")).status, 200);
  });
});

async function untilFetching(app: App, id: string): Promise<void> {
  const seen = new AbortController();
  for await (const text of (await app.builds.follow(id, seen.signal)) ?? [])
    if (text.includes("Fetching")) seen.abort();
}

async function serve(answer: RequestListener): Promise<{ port: number; close: () => Promise<void> }> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { port: (server.address() as { port: number }).port, close };
}
