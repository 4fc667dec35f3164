/** `backup` and `restore` on the person's side: what a file may be, where a passphrase comes from, and that the platform is
 *  asked for nothing when something is wrong. The platform is a small server that answers from memory. */
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Encrypter } from "age-encryption";
import fc from "fast-check";
import * as assert from "uvu/assert";
import { ByteReader } from "../../src/cli/byte-reader.ts";
import { writeNewFile } from "../../src/cli/new-file.ts";
import { openKeys, sealKeys } from "../../src/cli/seal-keys.ts";
import { formatTar, FACTS, goodEntries, KEYS, tarEntry, type TarEntry } from "../support/backup-file.ts";
import { refuses, rejects } from "../support/assert.ts";
import { cli, type CliMachine, type CliRun } from "../support/cli.ts";
import { FakePlatform, type AskedQuestion } from "../support/fake-platform.ts";
import { describe, type TestContext } from "../support/suite.ts";

interface Scene {
  fake: FakePlatform;
  cwd: string;
  machine: CliMachine;
  run: (...words: string[]) => Promise<CliRun>;
  /** Writes the file and restores it. */
  restore: (bytes: Uint8Array, ...words: string[]) => Promise<CliRun>;
  /** What the platform was asked to restore. */
  orders: () => AskedQuestion[];
  /** What it answers, a line each. */
  answer: (...lines: object[]) => void;
}

async function setUp(t: TestContext): Promise<Scene> {
  const directory = await t.tempDir();
  const [cwd, home] = [join(directory, "work"), join(directory, "home")];
  await mkdir(cwd);
  const fake = await FakePlatform.start(home);
  t.after(() => fake.stop());
  fake.addApp("foobaz");
  const env = {
    GIT_HEROKU_HOME: home,
    HOME: directory,
    GIT_HEROKU_USER: "Ned <ned@foobazco.com>",
    GIT_CEILING_DIRECTORIES: directory,
  };
  const machine = { env, cwd };
  const run: Scene["run"] = (...words) => cli(machine, ...words);
  let lines: object[] = [{ restored: { name: "foobaz", version: 3, ledger_key_known: true } }];
  fake.override = (question, response) => {
    if (question.url !== "/restores") return undefined;
    response.writeHead(200, { "content-type": "application/x-ndjson" });
    response.end(lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    return undefined;
  };
  return {
    fake,
    cwd,
    machine,
    run,
    restore: async (bytes, ...words) => {
      await writeFile(join(cwd, "file"), bytes);
      return run("restore", "file", ...words);
    },
    orders: () => fake.asked.filter(({ url }) => url === "/restores"),
    answer: (...next) => void (lines = next),
  };
}

function withoutValues(order: string): string {
  return order.replace(/"(oid|name)":"[^"]*"|"privateKeys":\["[^"]*"\]|"version":\d+/g, "");
}

/** The product takes a second for this, on purpose. */
async function sealQuickly(text: string, passphrase: string): Promise<Uint8Array> {
  const encrypter = new Encrypter();
  encrypter.setPassphrase(passphrase);
  encrypter.setScryptWorkFactor(8);
  return encrypter.encrypt(text);
}

/** Refused with words that name the fault, status 1, and nothing asked of the platform. */
async function refusesTar(scene: Scene, bytes: Uint8Array, words: RegExp | string, ...more: string[]): Promise<void> {
  const run = await scene.restore(bytes, ...more);
  assert.is(run.status, 1, run.stderr);
  assert.is(run.stdout, "");
  assert.match(run.stderr, words);
  assert.equal(scene.orders(), []);
  assert.equal(await readdir(scene.cwd), ["file"]);
}

describe("restore, the file", (test) => {
  test("a good one becomes an order: where the bundle is, and the keys", async (t) => {
    const scene = await setUp(t);
    scene.answer(
      { progress: { what: "Checking the repository", percent: 50 } },
      { output: "-----> Node.js app detected\n" },
      { restored: { name: "foobaz", version: 3, ledger_key_known: true } },
    );
    const run = await scene.restore(formatTar(goodEntries()));
    assert.is(run.status, 0, run.stderr);
    assert.match(run.stdout, /^-----> Node\.js app detected\nRestoring foobaz\.\.\. done, v3\nhttp:.* \| .*\n/);
    assert.not.match(run.stdout + run.stderr, "Checking");
    assert.equal(scene.orders()[0]?.body, {
      path: join(scene.cwd, "file"),
      bundle: { offset: 5 * 512, bytes: 21 },
      head: { version: 3, oid: FACTS.head },
      keys: KEYS,
      name: "foobaz",
    });
  });

  test("hostile and damaged ones are refused here", async (t) => {
    const scene = await setUp(t);
    const [facts, keys, bundle] = goodEntries() as [TarEntry, TarEntry, TarEntry];
    const evil = Buffer.from("evil");
    const attacks: [string, TarEntry[], RegExp | string][] = [
      ["a way out", [tarEntry("../x", evil), facts, keys, bundle], 'it has "../x" where backup.json should be'],
      ["an absolute path", [facts, tarEntry("/etc/passwd", evil), bundle], 'it has "/etc/passwd" where keys.age or'],
      [
        "a name that only looks right",
        [tarEntry("./backup.json", FACTS), keys, bundle],
        'it has "./backup.json" where',
      ],
      [
        "a symbolic link",
        [facts, { ...keys, type: "SymbolicLink", linkpath: "/etc/shadow", data: Buffer.alloc(0) }, bundle],
        "keys.json is no plain file",
      ],
      [
        "a hard link",
        [facts, keys, { ...bundle, type: "Link", linkpath: "backup.json", data: Buffer.alloc(0) }],
        "repo.bundle is no plain file",
      ],
      [
        "a directory",
        [{ ...facts, type: "Directory", data: Buffer.alloc(0) }, keys, bundle],
        /no plain file|where backup\.json/,
      ],
      [
        "a device",
        [facts, keys, { ...bundle, type: "CharacterDevice", data: Buffer.alloc(0) }],
        "repo.bundle is no plain file",
      ],
      [
        "headers that rename",
        [
          { ...tarEntry("PaxHeader/x", Buffer.from("21 path=backup.json\n\n")), type: "ExtendedHeader" },
          facts,
          keys,
          bundle,
        ],
        "where backup.json should be",
      ],
      ["two repositories", [facts, keys, bundle, bundle], "there is more behind its repository"],
      [
        "something more",
        [facts, keys, bundle, tarEntry("hooks/post-receive", evil)],
        "there is more behind its repository",
      ],
      ["no keys", [facts, bundle], 'it has "repo.bundle" where keys.age or keys.json should be'],
      ["no repository", [facts, keys], /it has|cut short|damaged/],
      [
        "facts that fill the memory",
        [tarEntry("backup.json", Buffer.alloc(2 * 1024 * 1024)), keys, bundle],
        "backup.json is too large",
      ],
      ["facts that are no JSON", [tarEntry("backup.json", evil), keys, bundle], "backup.json cannot be read"],
      [
        "facts of no app",
        [tarEntry("backup.json", { ...FACTS, app: "../x" }), keys, bundle],
        "backup.json cannot be read",
      ],
      [
        "facts of no head",
        [tarEntry("backup.json", { ...FACTS, head: "HEAD" }), keys, bundle],
        "backup.json cannot be read",
      ],
      [
        "a newer format",
        [tarEntry("backup.json", { ...FACTS, format: 2 }), keys, bundle],
        "written by a newer version of git-heroku (format 2)",
      ],
      ["keys that are none", [facts, tarEntry("keys.json", [1]), bundle], "keys.json cannot be read"],
      [
        "keys that are no list",
        [facts, tarEntry("keys.json", { config: { privateKeys: "x" } }), bundle],
        "keys.json cannot be read",
      ],
    ];
    for (const [name, entries, words] of attacks) {
      await refusesTar(scene, formatTar(entries), words).catch((error: unknown) => {
        throw new Error(name, { cause: error });
      });
    }
    for (const bytes of [Buffer.alloc(0), Buffer.from("hello"), Buffer.alloc(4096), Buffer.alloc(4096, 65)]) {
      await refusesTar(scene, bytes, "it is no tar");
    }
    await refusesTar(scene, formatTar(goodEntries(), Buffer.alloc(0)), "it is cut short");
    await refusesTar(scene, formatTar(goodEntries(), Buffer.alloc(1024 * 1024)), "there is more behind");
  });

  test("cut short anywhere, or with a byte changed, it makes no other order", async (t) => {
    const scene = await setUp(t);
    const good = formatTar(goodEntries());
    for (let length = 0; length < good.length; length += 256) {
      await refusesTar(scene, good.subarray(0, length), /no tar|cut short/);
    }
    await scene.restore(good);
    const order = JSON.stringify(scene.orders()[0]?.body);
    const property = fc.asyncProperty(fc.nat(good.length - 1), fc.integer({ min: 1, max: 255 }), async (at, change) => {
      const bytes = Buffer.from(good);
      bytes[at] = (bytes[at] ?? 0) ^ change;
      scene.fake.asked.length = 0;
      const run = await scene.restore(bytes);
      if (run.status === 1) assert.equal(scene.orders(), []);
      // Where it was taken all the same, a letter of the JSON or of the bundle is another one: the platform checks those.
      else assert.is(withoutValues(JSON.stringify(scene.orders()[0]?.body)), withoutValues(order));
    });
    // The device of the keys' entry as a number beyond all numbers.
    await fc.assert(property, { numRuns: 40, examples: [[1024 + 337, 128]] });
  });

  test("any other tar is refused", async (t) => {
    const scene = await setUp(t);
    const name = fc.oneof(
      fc.constantFrom(
        "backup.json",
        "keys.age",
        "keys.json",
        "repo.bundle",
        "../repo.bundle",
        "/backup.json",
        "a/../keys.json",
      ),
      fc.stringMatching(/^[a-z./]{1,30}$/),
    );
    const type = fc.constantFrom(
      "File",
      "Link",
      "SymbolicLink",
      "Directory",
      "FIFO",
      "ContiguousFile",
      "GlobalExtendedHeader" as const,
    );
    const entry = fc.tuple(name, type, fc.uint8Array({ maxLength: 700 }));
    const property = fc.asyncProperty(fc.array(entry, { maxLength: 5 }), async (entries) => {
      const tar = formatTar(
        entries.map(([path, kind, data]) => ({ path, type: kind as "File", data, linkpath: "/etc" })),
      );
      await refusesTar(scene, tar, / !    /);
    });
    await fc.assert(property, { numRuns: 40 });
  });

  test("keys under a passphrase: from a file, from the environment, typed unseen", async (t) => {
    const scene = await setUp(t);
    const sealed = tarEntry("keys.age", await sealQuickly(JSON.stringify(KEYS), "correct horse ü"));
    const [facts, , bundle] = goodEntries() as [TarEntry, TarEntry, TarEntry];
    const file = formatTar([facts, sealed, bundle]);
    await refusesTar(scene, file, "there is no terminal to ask on");
    scene.machine.env["GIT_HEROKU_PASSPHRASE"] = "wrong";
    await refusesTar(scene, file, "That is not the passphrase of this backup.");
    scene.machine.env["GIT_HEROKU_PASSPHRASE"] = "";
    await refusesTar(scene, file, "The passphrase is empty.");
    scene.machine.env["GIT_HEROKU_PASSPHRASE"] = "correct horse ü";
    assert.is((await scene.restore(file)).status, 0);
    delete scene.machine.env["GIT_HEROKU_PASSPHRASE"];
    await writeFile(join(scene.cwd, "pass"), "correct horse ü\n");
    assert.is((await scene.restore(file, "--passphrase-file", "pass")).status, 0);
    const typed = await cli({ ...scene.machine, isTTY: true, typed: "correct horsex\u007f ü\r" }, "restore", "file");
    assert.is(typed.status, 0, typed.stderr);
    assert.match(typed.stderr, "Passphrase: \n");
    const orders = scene.orders();
    assert.is(orders.length, 3);
    for (const { body } of orders) assert.equal((body as { keys: unknown }).keys, KEYS);
    for (const text of [JSON.stringify(orders), typed.stderr, typed.stdout]) assert.not.match(text, "correct horse");
  });

  test("sealed keys that are damaged, or somebody else's, say so", async (t) => {
    const scene = await setUp(t);
    const [facts, , bundle] = goodEntries() as [TarEntry, TarEntry, TarEntry];
    const sealed = await sealQuickly("{}", "x");
    const somebody = new Encrypter();
    somebody.addRecipient("age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj");
    const cases: [Uint8Array, string][] = [
      [Buffer.from("hello"), "The keys in the backup are damaged."],
      [sealed.subarray(0, sealed.length - 1), "The keys in the backup are damaged."],
      [await somebody.encrypt("{}"), "encrypted for somebody's age key"],
    ];
    scene.machine.env["GIT_HEROKU_PASSPHRASE"] = "x";
    for (const [data, words] of cases)
      await refusesTar(scene, formatTar([facts, tarEntry("keys.age", data), bundle]), words);
    await refusesTar(scene, formatTar([facts, tarEntry("keys.age", sealed), bundle]), "keys.age cannot be read");
  });

  test("a mirror and a bundle take keys from a file, their names from their own", async (t) => {
    const scene = await setUp(t);
    await mkdir(join(scene.cwd, "foobaz.git"));
    await writeFile(join(scene.cwd, "foobaz.bundle"), "# v2 git bundle\n\n");
    await writeFile(join(scene.cwd, "foobaz.keys"), JSON.stringify(KEYS.config));
    await writeFile(join(scene.cwd, "keys.json"), JSON.stringify({ ...KEYS, ledger: "PEM" }));
    for (const [index, source] of ["foobaz.git", "foobaz.bundle"].entries()) {
      const keyless = await scene.run("restore", source);
      assert.is(keyless.status, 1);
      assert.match(keyless.stderr, /(mirror clone|bundle) holds no keys[\s\S]*--keys FILE/);
      assert.is((await scene.run("restore", source, "--keys", "foobaz.keys")).status, 0);
      assert.is(
        (await scene.run("restore", `${source}/`.slice(0, index === 0 ? undefined : -1), "--keys", "keys.json")).status,
        0,
      );
    }
    const bodies = scene.orders().map(({ body }) => body as { name: string; keys: unknown });
    assert.equal(
      bodies.map(({ name }) => name),
      ["foobaz", "foobaz", "foobaz", "foobaz"],
    );
    assert.equal(
      bodies.map(({ keys }) => keys),
      [KEYS, { ...KEYS, ledger: "PEM" }, KEYS, { ...KEYS, ledger: "PEM" }],
    );
    const missing = await scene.run("restore", "foobaz.git", "--keys", "nowhere");
    assert.match(missing.stderr, "The keys cannot be read: ENOENT");
  });

  test("what the platform says comes out: a refusal, an app that does not run, a key that nobody vouches for", async (t) => {
    const scene = await setUp(t);
    const good = formatTar(goodEntries());
    scene.answer({ output: "x\n" }, { error: { id: "conflict", message: "There is one already.", hint: "Choose." } });
    assert.equal(await scene.restore(good), {
      status: 1,
      stdout: "x\n",
      stderr: " !    There is one already.\n !    Choose.\n",
    });
    scene.answer();
    const brokenOff = await scene.restore(good);
    assert.is(brokenOff.status, 1);
    assert.match(brokenOff.stderr, "The platform stopped before the app was restored.");
    const fault = { message: "build failed", hint: "It took too long." };
    scene.answer({ restored: { name: "foobaz", version: 3, ledger_key_known: false, fault } });
    const lame = await scene.restore(good);
    assert.is(lame.status, 1);
    assert.match(lame.stdout, "Restoring foobaz... done, v3");
    assert.match(lame.stderr, " !    foobaz does not run: build failed\n !    It took too long.\n");
    assert.match(lame.stderr, "nobody vouches");
  });
});

describe("backup, the file", (test) => {
  test("appears whole, private, and never over another one", async (t) => {
    const directory = await t.tempDir();
    const path = join(directory, "new");
    const write = (text: string, force = false): Promise<void> =>
      writeNewFile({ path, force }, (file) => file.appendFile(text));
    await write("one");
    assert.is((await stat(path)).mode & 0o777, 0o600);
    await refuses("conflict", () => write("two"));
    await write("three", true);
    assert.is(await readFile(path, "utf8"), "three");
    // Somebody writes one of this name meanwhile.
    const other = join(directory, "other");
    await refuses("conflict", () => writeNewFile({ path: other, force: false }, () => writeFile(other, "theirs")));
    assert.is(await readFile(other, "utf8"), "theirs");
    const failed = await rejects(
      writeNewFile({ path: join(directory, "x"), force: false }, () => Promise.reject(new Error("no"))),
    );
    assert.match(String(failed), "no");
    await refuses("invalid_params", () => writeNewFile({ path: directory, force: true }, () => Promise.resolve()));
    await refuses("invalid_params", () =>
      writeNewFile({ path: join(directory, "no/such"), force: true }, () => Promise.resolve()),
    );
    assert.equal((await readdir(directory)).sort(), ["new", "other"]);
  });

  test("keys under a passphrase are an age file", async () => {
    const sealed = await sealKeys("secret", "correct horse");
    assert.match(Buffer.from(sealed).toString("latin1"), /^age-encryption\.org\/v1\n-> scrypt [\w+/]+ 18\n/);
    assert.is(await openKeys(sealed, "correct horse"), "secret");
  });

  test("bytes are taken as asked for, however they come", async () => {
    const parts = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 10 });
    await fc.assert(
      fc.asyncProperty(parts, fc.array(fc.nat(30), { maxLength: 5 }), async (chunks, sizes) => {
        const all = Buffer.concat(chunks);
        const reader = new ByteReader(
          (async function* () {
            for (const chunk of chunks) yield Buffer.from(chunk);
          })(),
        );
        const taken: Buffer[] = [];
        for (const size of sizes) taken.push(await reader.take(size));
        assert.is(reader.position, Buffer.concat(taken).length);
        for await (const chunk of reader.rest()) taken.push(chunk);
        assert.equal(Buffer.concat(taken), all);
      }),
    );
  });

  test("refusals before the platform packs anything", async (t) => {
    const scene = await setUp(t);
    const tty = await cli({ ...scene.machine, isTTY: true, typed: "" }, "backup", "--app", "foobaz", "-o", "-");
    assert.match(tty.stderr, "A backup is no text for a terminal.");
    const differ = await cli(
      { ...scene.machine, isTTY: true, typed: "one\rtwo\r" },
      "backup",
      "--app",
      "foobaz",
      "-o",
      "b",
    );
    assert.is(differ.status, 1);
    assert.match(differ.stderr, "The two passphrases differ.");
    const interrupted = await cli(
      { ...scene.machine, isTTY: true, typed: "one\u0003" },
      "backup",
      "--app",
      "foobaz",
      "-o",
      "b",
    );
    assert.match(interrupted.stderr, "Interrupted.");
    assert.equal(await readdir(scene.cwd), []);
    assert.ok(scene.fake.asked.every(({ method }) => method === "GET"));
  });
});
