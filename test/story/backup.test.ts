/** Backups and moves, as a person makes them: two platforms, real git, the built command. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { checkConverged, readLedger, untilSame } from "../support/converged.ts";
import { deployFixture, makeConfigReleases, must, platformClient, stopRunning, untilUp } from "../support/deploy.ts";
import { get, getUntil } from "../support/http.ts";
import { borrowPlatform, processesOf, startPlatform, type ExecResult, type TestPlatform } from "../support/platform.ts";
import { commitChange } from "../support/push.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { ROOT, runTranscript } from "../support/transcript.ts";

/** foobaz at v3, with these processes beside web.1. */
async function deployFoobaz(platform: TestPlatform, formation: Record<string, number> = {}): Promise<string> {
  const clone = await deployFixture(platform, "foobaz");
  const client = platformClient(platform);
  await client.changeConfig("foobaz", { GREETING: "hey" });
  const updates = Object.entries(formation).map(([type, quantity]) => ({ type, quantity: String(quantity) }));
  if (updates.length > 0) await client.scale("foobaz", updates);
  return clone;
}

/** Runs `git heroku`, which must succeed; gives what it showed. */
async function heroku(platform: TestPlatform, ...words: string[]): Promise<string> {
  const { status, stdout, stderr } = await platform.exec("git", ["heroku", ...words]);
  assert.is(status, 0, `${words.join(" ")}: ${stderr}`);
  return stdout + stderr;
}

async function backUp(platform: TestPlatform, name: string, app = "foobaz"): Promise<string> {
  const file = join(platform.dir, name);
  await heroku(platform, "backup", "--app", app, "--output", file, "--plain");
  return file;
}

function repoOf(platform: TestPlatform, app = "foobaz"): string {
  return join(platform.home, "repos", `${app}.git`);
}

/** Without the outputs of builds, which are no part of a backup. */
async function releasesOf(platform: TestPlatform): Promise<unknown[]> {
  const releases = await platformClient(platform).releases("foobaz", 10);
  return releases.map((release) => Object.assign(release, { output_stream_url: undefined }));
}

/** Without the notes, which each platform writes by itself, some time after a deploy. */
function refsOf(platform: TestPlatform): Promise<string> {
  return must(platform, repoOf(platform), "for-each-ref", "refs/heads", "refs/heroku");
}

/** The public half of a platform's ledger key, as its newest app announced it. */
async function platformKey(platform: TestPlatform, t: TestContext): Promise<string> {
  const probe = `probe-${String(Date.now())}`;
  await heroku(platform, "create", probe);
  t.after(() => undefined);
  const format = "--format=%(trailers:key=Ledger-Key,valueonly,separator=)";
  return must(platform, repoOf(platform, probe), "log", "-1", format, "releases");
}

describe("backup", (test) => {
  const [common, elsewhere] = [test.shared(startPlatform), test.shared(startPlatform)];

  test("the session: good and bad backups, a move, a mirror", async (t) => {
    const platform = await borrowPlatform(t, common);
    const other = await borrowPlatform(t, elsewhere);
    const clone = await deployFoobaz(platform, { web: 2, worker: 1 });
    const env = { ...platform.env, NEW_HOME: other.home };
    await runTranscript(join(ROOT, "test/transcripts/backup.txt"), { cwd: clone, env });
  });

  test("destroyed, and restored under the same name", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await deployFoobaz(platform, { worker: 1 });
    await must(platform, clone, "push", "-q", "production", "main:topic");
    const before = await releasesOf(platform);
    const refs = await refsOf(platform);
    const file = await backUp(platform, "foobaz.backup");
    await heroku(platform, "destroy", "--app", "foobaz", "--confirm", "foobaz");
    await heroku(platform, "restore", file);
    assert.is(await checkConverged(platform, "foobaz"), 3);
    assert.equal(await releasesOf(platform), before);
    assert.is(await refsOf(platform), refs);
    assert.equal(await platformClient(platform).config("foobaz"), { GREETING: "hey" });
    await getUntil(platform.routerPort, "foobaz", "hey from web");
    // A clone pushes on as if nothing had been.
    await must(platform, clone, "heroku", "remote", "--app", "foobaz");
    await commitChange(platform, clone, "second");
    await must(platform, clone, "push", "-q", "production", "main");
    assert.is(await checkConverged(platform, "foobaz"), 4);
    await must(platform, clone, "heroku", "rollback", "v3");
    assert.is(await checkConverged(platform, "foobaz"), 5);

    const trashed = (await readdir(join(platform.home, "trash"))).filter((name) => name.startsWith("foobaz-"));
    const trash = trashed.sort().at(-1) ?? "";
    const kept = join(platform.home, "trash", trash);
    const old = await heroku(
      platform,
      "restore",
      join(kept, "repo.git"),
      "--keys",
      join(kept, "foobaz.keys"),
      "-n",
      "old",
    );
    assert.match(old, "Restoring old... done, v3\n");
    assert.not.match(old, "vouches");
    assert.is(await checkConverged(platform, "old"), 3);
    const again = await platform.exec("git", ["heroku", "restore", file]);
    assert.is(again.status, 1);
    assert.match(again.stderr, "There is an app foobaz already.");
  });

  test.long(
    "moved there and back, in maintenance: git verifies every commit with the keys of both platforms",
    async (t) => {
      const [old, fresh] = [await borrowPlatform(t, common), await borrowPlatform(t, elsewhere)];
      await deployFoobaz(old, { worker: 1 });
      await heroku(old, "maintenance:on", "--app", "foobaz");
      const file = await backUp(old, "foobaz.backup");
      assert.not.match(await heroku(fresh, "restore", file), "vouches");
      await untilUp(fresh, "foobaz", 2);
      assert.is((await get(fresh.routerPort, "foobaz")).status, 503);
      // Before its next release it can move on: the old key goes along.
      const onward = await backUp(fresh, "onward.backup");
      await heroku(old, "restore", onward, "--name", "onward");
      await heroku(fresh, "maintenance:off", "--app", "foobaz");
      await getUntil(fresh.routerPort, "foobaz", "hey from web");
      assert.ok((await readdir(join(fresh.home, "keys"))).includes("foobaz.ledger-key"));
      await fresh.kill();
      await fresh.start();
      await heroku(fresh, "config:add", "A=1", "--app", "foobaz");
      assert.not.ok((await readdir(join(fresh.home, "keys"))).includes("foobaz.ledger-key"));
      await heroku(old, "destroy", "--app", "foobaz", "--confirm", "foobaz");
      await heroku(old, "restore", await backUp(fresh, "back.backup"));
      await heroku(old, "config:add", "B=1", "--app", "foobaz");
      assert.is(await checkConverged(old, "foobaz"), 5);

      const keys = await Promise.all([old, fresh].map((platform) => platformKey(platform, t)));
      const signers = join(old.dir, "signers");
      const verify = (...which: number[]): Promise<string> =>
        writeFile(signers, which.map((n) => `platform@git-heroku namespaces="git" ${keys[n] ?? ""}\n`).join("")).then(
          () =>
            must(
              old,
              repoOf(old),
              "-c",
              `gpg.ssh.allowedSignersFile=${signers}`,
              "log",
              "--first-parent",
              "--format=%G?",
              "releases",
            ),
        );
      assert.is(await verify(0, 1), "G\nG\nG\nG\nG");
      // v4 was announced by fresh and signed by old; v5 the other way round.
      assert.is(await verify(0), "U\nG\nG\nG\nG");
      const announced = await must(
        old,
        repoOf(old),
        "log",
        "--first-parent",
        "--format=%(trailers:key=Ledger-Key,valueonly,separator=)",
        "releases",
      );
      assert.equal(announced.split("\n"), [keys[0], keys[1], "", "", keys[0]]);
    },
  );

  test.long("a mirror that is fetched again, and a bundle of what is new, are adopted elsewhere", async (t) => {
    const [platform, other] = [await borrowPlatform(t, common), await borrowPlatform(t, elsewhere)];
    const clone = await deployFoobaz(platform);
    const mirror = join(platform.dir, "foobaz.git");
    const keys = join(platform.home, "keys", "foobaz.keys");
    await must(platform, platform.dir, "clone", "-q", "--mirror", repoOf(platform), mirror);
    const packs = async (): Promise<number> =>
      Number(/size-pack: (\d+)/.exec(await must(platform, mirror, "count-objects", "-v"))?.[1]);
    await commitChange(platform, clone, "second");
    await must(platform, clone, "push", "-q", "production", "main", "main:topic");
    await must(platform, clone, "heroku", "config:add", "GREETING=hello");
    await must(platform, clone, "heroku", "scale", "worker=1");
    const sizeBefore = await packs();
    await must(platform, mirror, "fetch", "-q", "--prune");
    assert.ok((await packs()) <= sizeBefore + 20);
    const adopted = await heroku(other, "restore", mirror, "--keys", keys);
    assert.match(adopted, "Restoring foobaz... done, v5\n");
    assert.match(adopted, "nobody vouches");
    assert.is(await checkConverged(other, "foobaz"), 5);
    await getUntil(other.routerPort, "foobaz", "hello from web");
    assert.is(await refsOf(other), await refsOf(platform));
    assert.is(await must(other, mirror, "fsck", "--no-dangling"), "");

    // The old platform goes on; what is new travels in a file.
    await must(platform, clone, "heroku", "config:add", "GREETING=again");
    const bundle = join(platform.dir, "new.bundle");
    const known = await must(platform, mirror, "rev-parse", "releases");
    await must(platform, repoOf(platform), "bundle", "create", "-q", bundle, "--all", "--not", known);
    const alone = await platform.exec("git", ["heroku", "restore", bundle, "--keys", keys, "--name", "alone"]);
    assert.match(alone.stderr, "This bundle holds only what came after an earlier one.");
    await must(platform, mirror, "fetch", "-q", bundle, "+refs/*:refs/*");
    await heroku(other, "restore", mirror, "--keys", keys, "--name", "later");
    assert.is(await checkConverged(other, "later"), 6);
    // A release on both sides: two ledgers, each whole.
    await heroku(other, "config:add", "HERE=1", "--app", "later");
    assert.is((await readLedger(other, "later"))[0]?.version, 7);
  });

  test.long("releases go on while backups are made, and each backup is of one moment", async (t) => {
    const [platform, other] = [await borrowPlatform(t, common), await borrowPlatform(t, elsewhere)];
    await deployFoobaz(platform);
    await stopRunning(platform, "foobaz");
    const releasing = makeConfigReleases(platform, "foobaz", 40);
    const files = await Promise.all([1, 2].map((n) => backUp(platform, `b${String(n)}.backup`)));
    await releasing;
    for (const [n, file] of files.entries()) {
      const shown = await heroku(other, "restore", file, "--name", `copy-${String(n)}`);
      const version = Number(/done, v(\d+)\n/.exec(shown)?.[1]);
      assert.is((await readLedger(other, `copy-${String(n)}`)).length, version);
      const config = await platformClient(other).config(`copy-${String(n)}`);
      assert.equal(config, version === 3 ? { GREETING: "hey" } : { COUNTER: String(version - 4), GREETING: "hey" });
    }
    assert.is((await readLedger(platform, "foobaz"))[0]?.version, 43);
  });

  test("a passphrase is typed unseen, and is nowhere afterwards", async (t) => {
    const platform = await borrowPlatform(t, common);
    await deployFoobaz(platform);
    const typed = await typeInto(
      platform,
      "git heroku backup --app foobaz -o typed.backup",
      "hunter2-secret\rhunter2-secret\r",
    );
    assert.match(typed, "Backing up foobaz... done, v3");
    assert.not.match(typed, "hunter2");
    const restored = await typeInto(platform, "git heroku restore typed.backup --name typed", "hunter2-secret\r");
    assert.match(restored, "Restoring typed... done, v3");
    assert.not.match(restored, "hunter2");
    const log = await readFile(join(platform.home, "platform.log"), "utf8");
    assert.not.match(log + (await heroku(platform, "logs", "--app", "typed")), "hunter2");
    for (const { pid } of await processesOf(platform.home)) {
      assert.not.match(await readFile(`/proc/${String(pid)}/environ`, "utf8"), "hunter2");
    }
    await untilSame([], async () =>
      (await readdir(join(platform.home, "repos"))).filter((name) => name.startsWith(".")),
    );
  });

  test("a passphrase from the environment seals the keys, and no other opens them", async (t) => {
    const platform = await borrowPlatform(t, common);
    await heroku(platform, "create", "quiet");
    await heroku(platform, "config:add", "SECRET=one", "--app", "quiet");
    const run = (passphrase: string, ...words: string[]): Promise<ExecResult> =>
      platform.exec("git", ["heroku", ...words], { env: { GIT_HEROKU_PASSPHRASE: passphrase } });

    const empty = await run("", "backup", "--app", "quiet", "-o", "quiet.backup");
    const stderr = " !    The passphrase is empty.\n !    Choose a long one: it guards the keys.\n";
    assert.equal(empty, { status: 1, stdout: "", stderr });
    assert.not.ok((await readdir(platform.dir)).includes("quiet.backup"));
    const made = await run("hunter2 ü", "backup", "--app", "quiet", "-o", "quiet.backup");
    assert.is(made.status, 0, made.stderr);
    const bytes = await readFile(join(platform.dir, "quiet.backup"), "latin1");
    assert.match(bytes, "age-encryption.org/v1\n-> scrypt ");

    const wrong = await run("hunter3", "restore", "quiet.backup", "--name", "again");
    assert.is(wrong.status, 1);
    assert.match(wrong.stderr, " !    That is not the passphrase of this backup.\n !    Nothing was restored.\n");
    assert.equal(
      (await platformClient(platform).apps()).map(({ name }) => name),
      ["quiet"],
    );
    const restored = await run("hunter2 ü", "restore", "quiet.backup", "--name", "again");
    assert.match(restored.stdout, "Restoring again... done, v2\n");
    assert.equal(await platformClient(platform).config("again"), { SECRET: "one" });
    assert.not.match(made.stdout + made.stderr + wrong.stderr + restored.stdout + restored.stderr, "hunter");
  });
}, 300_000);

async function typeInto(platform: TestPlatform, command: string, words: string): Promise<string> {
  const child = spawn("script", ["-qec", command, "/dev/null"], {
    cwd: platform.dir,
    env: platform.env,
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = once(child, "close");
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => {
    // What is typed before the question would be shown by the terminal itself.
    if (!output.includes("Passphrase: ") && (output + chunk.toString()).includes("Passphrase: "))
      child.stdin.write(words);
    output += chunk.toString();
  });
  const [status] = (await ended) as [number];
  assert.is(status, 0, output);
  return output.replaceAll("\r", "");
}
