/** A repository that comes from elsewhere: whole bundles and mirrors come in as they are; whatever is wrong with one is
 *  told, and nothing is left of it. */
import { execFileSync } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import fc from "fast-check";
import * as assert from "uvu/assert";
import { AppError } from "../../src/core/error.ts";
import { formatBundleHead, parseBundleHead } from "../../src/ledger/bundle-format.ts";
import { createRepository } from "../../src/ledger/create-repository.ts";
import { openRepository } from "../../src/ledger/git-process.ts";
import { importBundle, importMirror } from "../../src/ledger/import-repository.ts";
import { inspectImport, type ImportedLedger } from "../../src/ledger/inspect-import.ts";
import { writeBundle } from "../../src/ledger/write-bundle.ts";
import { refuses, rejects } from "../support/assert.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { deploy, makeCode, makeFixture, NED, setConfig, type Fixture } from "./fixture.ts";

const SIGNAL = new AbortController().signal;

/** v3, with a deploy, state, a tag, another branch and a note. */
async function makeApp(t: TestContext): Promise<Fixture> {
  const fixture = await makeFixture(t);
  const code = await makeCode(fixture, { "index.js": "1", "lib/a.js": "2" });
  await deploy(fixture, code);
  await setConfig(fixture.ledger, "one");
  await fixture.ledger.changeState({ by: NED, via: "local", message: "Scale" }, () => ({ formation: { web: 2 } }));
  await fixture.git("branch", "topic", code.oid);
  await fixture.git("tag", "-a", "-m", "a tag", "tagged", code.oid);
  await fixture.git("notes", "--ref=releases", "add", "-m", "v2", code.oid);
  return fixture;
}

async function bundleOf(fixture: Fixture): Promise<Buffer> {
  const branch = await fixture.ledger.deployBranch();
  const file = await fixture.ledger.hold((refs) =>
    writeBundle({ repoPath: fixture.repo, refs, branch, signal: SIGNAL }),
  );
  try {
    const { size } = await file.stat();
    const { buffer } = await file.read(Buffer.alloc(size), 0, size, 0);
    return buffer;
  } finally {
    await file.close();
  }
}

class Place {
  readonly fixture: Fixture;
  readonly repos: string;
  #made = 0;

  constructor(fixture: Fixture) {
    this.fixture = fixture;
    this.repos = join(fixture.home, "repos");
  }

  get restored(): string {
    return join(this.repos, `restored-${String(this.#made)}.git`);
  }

  /** As `restore` does it. */
  async takeIn(source: Buffer | string): Promise<ImportedLedger> {
    await mkdir(this.repos, { recursive: true });
    this.#made += 1;
    const { signingKey, committer, clock } = this.fixture.options;
    let imported: ImportedLedger | undefined;
    await createRepository(this.restored, {
      hooksPath: "/hooks",
      prepare: async (path) => {
        const into = openRepository(path, committer);
        const io = { onProgress: () => undefined, signal: SIGNAL };
        if (typeof source === "string") await importMirror(into, source, io);
        else {
          const file = join(this.fixture.home, "source.bundle");
          // Something before it and behind it, as in a tar.
          await writeFile(file, Buffer.concat([Buffer.alloc(512, 1), source, Buffer.alloc(100, 1)]));
          await importBundle(into, { path: file, offset: 512, bytes: source.length }, io);
        }
        imported = await inspectImport(into, { signingKey, committer, clock });
      },
    });
    if (imported === undefined) throw new Error("It was not prepared.");
    return imported;
  }

  /** Refused in words for people, and nothing left. */
  async refuse(source: Buffer | string, words: RegExp | string): Promise<void> {
    const before = await readdir(this.repos).catch(() => []);
    const error = await refuses("invalid_params", () => this.takeIn(source));
    assert.match(error.message, words);
    assert.equal(await readdir(this.repos), before);
  }
}

/** A bundle of these refs with a pack of what they reach, or of exactly these objects. */
function forge(fixture: Fixture, refs: Record<string, string>, objects?: string[]): Buffer {
  const args =
    objects === undefined ? ["pack-objects", "-q", "--revs", "--stdout"] : ["pack-objects", "-q", "--stdout"];
  const input = (objects ?? Object.values(refs)).join("\n");
  const pack = execFileSync("git", ["--git-dir", fixture.repo, ...args], { input: `${input}\n` });
  const head = formatBundleHead(new Map(Object.entries(refs)), undefined);
  return Buffer.concat([Buffer.from(head), pack]);
}

/** A commit made by hand: no rule of ours is kept by git. */
function commit(fixture: Fixture, message: string, tree: string, ...parents: string[]): string {
  const args = ["commit-tree", tree, ...parents.flatMap((parent) => ["-p", parent]), "-F", "-"];
  const env = {
    PATH: process.env["PATH"],
    GIT_AUTHOR_NAME: "Eve",
    GIT_AUTHOR_EMAIL: "eve@example.com",
    GIT_COMMITTER_NAME: "Eve",
    GIT_COMMITTER_EMAIL: "eve@example.com",
  };
  return execFileSync("git", ["--git-dir", fixture.repo, ...args], { input: message, env, encoding: "utf8" }).trim();
}

async function oid(fixture: Fixture, name: string): Promise<string> {
  return (await fixture.git("rev-parse", name)).trim();
}

describe("import", (test) => {
  test("a bundle and a mirror come in whole, with our settings and in one file of refs", async (t) => {
    const fixture = await makeApp(t);
    const place = new Place(fixture);
    const mirror = join(fixture.home, "mirror.git");
    await fixture.gitIn(fixture.home, "clone", "-q", "--mirror", fixture.repo, mirror);
    await fixture.gitIn(mirror, "config", "core.fsmonitor", "/bin/false");
    const refs = await fixture.git("for-each-ref");
    for (const source of [await bundleOf(fixture), mirror]) {
      const imported = await place.takeIn(source);
      assert.is(imported.head.version, 3);
      assert.is(imported.keyInForce, fixture.key.publicKey);
      assert.is(await fixture.gitIn(place.restored, "for-each-ref"), refs);
      assert.is(await fixture.gitIn(place.restored, "fsck", "--strict", "--no-dangling"), "");
      assert.is(await fixture.gitIn(place.restored, "symbolic-ref", "HEAD"), "refs/heads/main\n");
      assert.match(await readFile(join(place.restored, "config"), "utf8"), "hideRefs");
      const names = (await readdir(place.restored)).sort();
      assert.equal(names, ["HEAD", "config", "logs", "objects", "packed-refs", "refs"]);
    }
  });

  test("git itself reads the bundle, and writes one that comes in", async (t) => {
    const fixture = await makeApp(t);
    const file = join(fixture.home, "ours.bundle");
    await writeFile(file, await bundleOf(fixture));
    assert.match(await fixture.git("bundle", "verify", file), "records a complete history");
    await fixture.gitIn(fixture.home, "clone", "-q", file, "cloned");
    assert.is(await readFile(join(fixture.home, "cloned", "index.js"), "utf8"), "1");
    const place = new Place(fixture);
    const theirs = join(fixture.home, "theirs.bundle");
    for (const version of ["2", "3"]) {
      await fixture.git("bundle", "create", "-q", `--version=${version}`, theirs, "--all");
      assert.is((await place.takeIn(await readFile(theirs))).head.version, 3);
    }
  });

  test("a deploy branch that lags is put where the ledger says", async (t) => {
    const fixture = await makeApp(t);
    const place = new Place(fixture);
    const refs = { "refs/heads/releases": await oid(fixture, "releases") };
    await place.takeIn(forge(fixture, refs));
    assert.is(await fixture.gitIn(place.restored, "rev-parse", "main"), await fixture.git("rev-parse", "main"));
    await place.takeIn(forge(fixture, { ...refs, "refs/heads/master": await oid(fixture, "releases~2") }));
    assert.is(await fixture.gitIn(place.restored, "rev-parse", "HEAD"), await fixture.git("rev-parse", "main"));
    assert.is(await fixture.gitIn(place.restored, "symbolic-ref", "HEAD"), "refs/heads/master\n");
  });

  test("cut short anywhere, it is refused", async (t) => {
    const fixture = await makeApp(t);
    const place = new Place(fixture);
    const bundle = await bundleOf(fixture);
    const lengths = [
      0,
      1,
      16,
      40,
      100,
      bundle.indexOf("\n\n") + 2,
      bundle.indexOf("PACK") + 4,
      bundle.indexOf("PACK") + 12,
    ];
    for (let share = 1; share < 8; share += 1) lengths.push(Math.floor((bundle.length * share) / 8));
    for (const length of [...lengths, bundle.length - 20, bundle.length - 1]) {
      await place.refuse(bundle.subarray(0, length), /./);
    }
  });

  test("bytes that changed on the way never make another app", async (t) => {
    const fixture = await makeApp(t);
    const place = new Place(fixture);
    const bundle = await bundleOf(fixture);
    const head = await oid(fixture, "releases");
    const damage = fc.asyncProperty(fc.nat(bundle.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const bytes = Buffer.from(bundle);
      bytes[at] = (bytes[at] ?? 0) ^ change;
      try {
        assert.is((await place.takeIn(bytes)).head.oid, head);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
      }
    });
    await fc.assert(damage, { numRuns: 10 });
  });

  test("refs that no app has are refused", async (t) => {
    const fixture = await makeApp(t);
    const place = new Place(fixture);
    const releases = await oid(fixture, "releases");
    const names = ["refs/replace/x", "../../evil", "FETCH_HEAD", "config", "objects/x", "main"];
    for (const name of names) {
      await place.refuse(forge(fixture, { "refs/heads/releases": releases, [name]: releases }), "has a ref");
    }
    for (const name of [
      "refs/../config",
      "refs/heads/../../x",
      "refs/heads/a.lock",
      "refs/heads/.x",
      "refs/heads/a:b",
    ]) {
      await place.refuse(forge(fixture, { "refs/heads/releases": releases, [name]: releases }), "damaged");
    }
    // A directory and a file of one name.
    const both = { "refs/heads/releases": releases, "refs/heads/a": releases, "refs/heads/a/b": releases };
    await place.refuse(forge(fixture, both), "damaged");
  });

  test("bundles of another kind are refused", async (t) => {
    const fixture = await makeApp(t);
    const place = new Place(fixture);
    const file = join(fixture.home, "part.bundle");
    await fixture.git("bundle", "create", "-q", file, "releases~1..releases");
    await place.refuse(await readFile(file), "only what came after an earlier one");
    for (const head of [
      "# v3 git bundle\n@object-format=sha256\n\n",
      "# v3 git bundle\n@filter=blob:none\n\n",
      "# v4 git bundle\n\n",
      "hello\n\n",
    ]) {
      await place.refuse(Buffer.from(head), "no git bundle");
    }
    await place.refuse(forge(fixture, { "refs/heads/main": await oid(fixture, "main") }), "no branch `releases`");
  });

  test("objects that are missing or that git forbids are refused", async (t) => {
    const fixture = await makeApp(t);
    const place = new Place(fixture);
    const refs = { "refs/heads/releases": await oid(fixture, "releases") };
    const all = (await fixture.git("rev-list", "--objects", "releases"))
      .trim()
      .split("\n")
      .map((line) => line.slice(0, 40));
    const blob = await oid(fixture, "main:index.js");
    const tree = await oid(fixture, "main:lib");
    for (const missing of [blob, tree, await oid(fixture, "releases~1"), await oid(fixture, "releases:config.env")]) {
      await place.refuse(
        forge(
          fixture,
          refs,
          all.filter((one) => one !== missing),
        ),
        "damaged",
      );
    }
    const input = `100644 blob ${blob}\t.git\n`;
    const evil = execFileSync("git", ["--git-dir", fixture.repo, "mktree"], { input, encoding: "utf8" }).trim();
    const branch = commit(fixture, "evil", evil);
    await place.refuse(forge(fixture, { ...refs, "refs/heads/topic": branch }), /damaged: .*\.git/);
  });

  test("forged ledgers are refused", async (t) => {
    const fixture = await makeApp(t);
    const place = new Place(fixture);
    const [head, code] = [await oid(fixture, "releases"), await oid(fixture, "main")];
    const tree = await oid(fixture, "releases^{tree}");
    const release = (version: number, of = code): string =>
      `v${String(version)}: Config add A\n\nRelease: v${String(version)}\nChange: config\nCode: ${of}\nStatus: succeeded\nVia: local\n`;
    const forgeries: Record<string, string> = {
      "a gap": commit(fixture, release(5), tree, head, code),
      "a version twice": commit(fixture, release(3), tree, head, code),
      "no release": commit(fixture, "Merge\n", tree, head, code),
      "a code that is no parent": commit(fixture, release(4, head), tree, head, code),
      "no end at v1": commit(fixture, release(4), tree, await oid(fixture, "refs/heroku/state"), code),
      "a start in the middle": commit(fixture, release(4), tree),
      "code of another tree": commit(
        fixture,
        release(4, await oid(fixture, "releases~1")),
        tree,
        head,
        await oid(fixture, "releases~1"),
      ),
      "a blob": await oid(fixture, "main:index.js"),
      "a tag": await oid(fixture, "tagged"),
    };
    for (const [name, forged] of Object.entries(forgeries)) {
      await place.refuse(
        forge(fixture, { "refs/heads/releases": forged, "refs/heads/main": code }),
        /cannot be read|damaged/,
      );
      assert.ok(true, name);
    }
    // The same by hand, without a fault, comes in: the words above are about the faults.
    await place.takeIn(forge(fixture, { "refs/heads/releases": commit(fixture, release(4), tree, head, code) }));
  });

  test("what is no mirror is refused", async (t) => {
    const fixture = await makeApp(t);
    const place = new Place(fixture);
    const [empty, work] = [join(fixture.home, "empty"), join(fixture.home, "work")];
    await mkdir(empty);
    await place.refuse(empty, "no bare git repository");
    await place.refuse(work, "no bare git repository");
    const shallow = join(fixture.home, "shallow.git");
    await fixture.gitIn(
      fixture.home,
      "clone",
      "-q",
      "--mirror",
      "--depth=1",
      "--no-single-branch",
      `file://${fixture.repo}`,
      shallow,
    );
    await place.refuse(shallow, "damaged");
    const broken = join(fixture.home, "broken.git");
    await fixture.gitIn(fixture.home, "clone", "-q", "--mirror", fixture.repo, broken);
    await fixture.gitIn(broken, "update-ref", "-d", "refs/heads/releases");
    await place.refuse(broken, "no branch `releases`");
  });

  test("a release that is made meanwhile is not in the bundle, or all of it is", async (t) => {
    const fixture = await makeApp(t);
    const place = new Place(fixture);
    const making = (async () => {
      for (let n = 0; n < 20; n += 1) await setConfig(fixture.ledger, String(n));
    })();
    for (let n = 0; n < 3; n += 1) await place.takeIn(await bundleOf(fixture));
    await making;
    assert.is((await place.takeIn(await bundleOf(fixture))).head.version, 23);
  });

  test("given up on the way, it leaves nothing", async (t) => {
    const fixture = await makeApp(t);
    const aborted = AbortSignal.abort();
    const order = { repoPath: fixture.repo, refs: new Map(), branch: undefined, signal: aborted };
    await rejects(writeBundle(order));
    assert.not.ok((await readdir(fixture.home)).some((name) => name.startsWith(".")));
  });

  test("the head of a bundle is read as it was written", () => {
    const name = fc.stringMatching(/^refs\/heads\/[a-zé\u{1F600}-]{1,20}$/u);
    const someOid = fc.stringMatching(/^[0-9a-f]{40}$/);
    fc.assert(
      fc.property(fc.array(fc.tuple(name, someOid)), (entries) => {
        const refs = new Map(entries);
        const head = parseBundleHead(Buffer.from(`${formatBundleHead(refs, entries[0]?.[0])}PACK`));
        assert.equal([...(head?.refs ?? [])], [...refs]);
      }),
    );
  });
});
