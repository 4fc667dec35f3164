/** docs/formats.md against the code: its examples are read by the readers of the product, or by one written here from
 *  the page alone, and its list of files is compared with a home. */
import { createDecipheriv, createECDH, createHash, createPublicKey, ECDH, hkdfSync, verify } from "node:crypto";
import { stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { crc32, gunzipSync } from "node:zlib";
import { parse } from "dotenv";
import * as assert from "uvu/assert";
import { decodeBase64, formatDotenv } from "../../src/core/dotenv-text.ts";
import { formatBackupFacts, parseBackupFacts } from "../../src/core/backup.ts";
import { formatBisect, parseBisect } from "../../src/core/bisect-record.ts";
import { formatAuthorizedKeys, formatKeys, parseKeys } from "../../src/core/access-key.ts";
import { readBuildpacks } from "../../src/core/buildpack.ts";
import { readDrains } from "../../src/core/drain.ts";
import { readAppState } from "../../src/core/app-state.ts";
import { changeCollaborator, readAccess } from "../../src/core/access.ts";
import { changeMark, readMarks } from "../../src/core/marks.ts";
import { formatJson, type Json } from "../../src/core/json.ts";
import { formatLogLine, formatLogText, formatStamp, parseLogLine } from "../../src/core/log-line.ts";
import { formatProcfile, parseProcfile } from "../../src/core/procfile.ts";
import {
  formatCodeRevertMessage,
  formatCommit,
  parseCommit,
  parseRelease,
  parseReleaseMessage,
} from "../../src/core/release-commit.ts";
import { SETTINGS } from "../../src/core/settings.ts";
import { formatRecord, lastRecord } from "../../src/drains/drain-file.ts";
import { parseRegistration } from "../../src/hook/registration.ts";
import { parseSshRequest } from "../../src/hook/ssh-registration.ts";
import { formatHookEnv } from "../../src/hook/hook-client.ts";
import { loadAppKeys } from "../../src/ledger/app-keys.ts";
import { ConfigCipher } from "../../src/ledger/config-cipher.ts";
import { formatNote } from "../../src/ledger/release-notes.ts";
import { BlockTable, decodeRecords, encodeRecord } from "../../src/logs/block-index.ts";
import { GZIP, ZSTD } from "../../src/logs/frames.ts";
import { CursorFile } from "../../src/logs/cursor-file.ts";
import { encodeRollup, readRollup } from "../../src/logs/rollup.ts";
import { SignatureBuilder } from "../../src/logs/signature.ts";
import { StampedScanner } from "../../src/logs/raw-parts.ts";
import { fingerprintOf } from "../../src/platform/keys.ts";
import { formatCall, formatNotice, parseCall, parseNotice } from "../../src/router/wire.ts";
import { zlibAdler32 } from "../support/adler.ts";
import { cloneFixture, untilUp } from "../support/deploy.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";
import { describe } from "../support/suite.ts";
import { pathsUnder } from "../support/tree.ts";
import { codeIn, examplesOf, readPage, tableUnder } from "./markdown.ts";

const PAGE = await readPage("docs/formats.md");
const EXAMPLES = examplesOf(PAGE);

function example(name: string): string {
  const found = EXAMPLES.get(name);
  if (found === undefined) throw new Error(`docs/formats.md has no example=${name}.`);
  return found.text;
}

function commitExample(name: string): { text: string; oid: string } {
  const text = example(name);
  const oid = createHash("sha1")
    .update(`commit ${String(Buffer.byteLength(text))}\0${text}`)
    .digest("hex");
  assert.is(oid, EXAMPLES.get(name)?.facts["id"], `${name} is not the object that it says`);
  return { text, oid };
}

/** A value of config.env, by the page's own words. */
function decryptByThePage(value: string, privateKey: string): string {
  const bytes = Buffer.from(value, "base64");
  const [ephemeral, nonce, tag] = [bytes.subarray(0, 65), bytes.subarray(65, 81), bytes.subarray(81, 97)];
  const exchange = createECDH("secp256k1");
  exchange.setPrivateKey(Buffer.from(privateKey, "hex"));
  const x = exchange.computeSecret(ephemeral);
  // Node gives the x of the shared point; of the two points with it, one is right.
  for (const sign of [2, 3]) {
    const point = ECDH.convertKey(
      Buffer.concat([Buffer.of(sign), x]),
      "secp256k1",
      undefined,
      undefined,
      "uncompressed",
    );
    const key = hkdfSync("sha256", Buffer.concat([ephemeral, point as Buffer]), "", "", 32);
    const cipher = createDecipheriv("aes-256-gcm", Buffer.from(key), nonce).setAuthTag(tag);
    try {
      return Buffer.concat([cipher.update(bytes.subarray(97)), cipher.final()]).toString("utf8");
    } catch {
      // The other point.
    }
  }
  throw new Error("Neither point opens the value.");
}

/** Reads SSH strings one after the other. */
function sshStrings(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUInt32BE(at);
    found.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return found;
}

function sshString(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** Whether the signature of a commit is that of the key, by OpenSSH's PROTOCOL.sshsig and the page. */
function isSignedBy(ledgerKey: string, text: string): boolean {
  const { signature = "", ...unsigned } = parseCommit(text);
  const blob = Buffer.from(signature.replace(/-----[A-Z ]+-----|\n/g, ""), "base64");
  assert.is(blob.subarray(0, 6).toString(), "SSHSIG");
  assert.is(blob.readUInt32BE(6), 1);
  const [key, namespace, reserved, hash, signed] = sshStrings(blob.subarray(10)) as [
    Buffer,
    Buffer,
    Buffer,
    Buffer,
    Buffer,
  ];
  assert.equal([namespace, reserved, hash].map(String), ["git", "", "sha512"]);
  assert.is(`ssh-ed25519 ${key.toString("base64")}`, ledgerKey);
  const digest = createHash("sha512").update(formatCommit(unsigned)).digest();
  const payload = Buffer.concat([Buffer.from("SSHSIG"), ...[namespace, reserved, hash, digest].map(sshString)]);
  const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), sshStrings(key)[1] as Buffer]);
  const publicKey = createPublicKey({ key: spki, format: "der", type: "spki" });
  return verify(null, payload, publicKey, sshStrings(signed)[1] as Buffer);
}

function cursorSlot(sequence: number, state: object): Buffer {
  const json = Buffer.from(JSON.stringify(state));
  const slot = Buffer.concat([Buffer.alloc(16), json]);
  slot.writeUInt32LE(json.length, 4);
  slot.writeDoubleLE(sequence, 8);
  slot.writeUInt32LE(crc32(slot.subarray(4)), 0);
  return slot;
}

describe("formats", (test) => {
  test("the release commits are read, written again byte for byte, and signed by the key of v1", () => {
    const first = commitExample("first-release");
    const rollback = commitExample("rollback");
    const ledgerKey = parseReleaseMessage(parseCommit(first.text).message).ledgerKey ?? "";
    for (const { text, oid } of [first, rollback, commitExample("state-commit")]) {
      assert.is(formatCommit(parseCommit(text)), text, oid);
      assert.ok(isSignedBy(ledgerKey, text), oid);
    }
    assert.is(parseRelease(first.oid, parseCommit(first.text)).description, "Initial release");
    const release = parseRelease(rollback.oid, parseCommit(rollback.text));
    assert.equal(
      [release.version, release.change, release.rollbackTo?.version, release.via, release.by.email],
      [4, "rollback", 2, "local", "ned@foobazco.com"],
    );
  });

  test("drains.json and a drain's record are read, the record written again", () => {
    const [drain] = readDrains(JSON.parse(example("drains.json")) as Json);
    assert.match(drain?.token ?? "", /^d\./);
    const record = JSON.parse(example("drain-record")) as Json;
    const read = lastRecord(`{"at":"x:1"}\n\n${JSON.stringify(record)}\n{"at":"torn`);
    if (read === undefined) throw new Error("no record");
    assert.equal(JSON.parse(formatRecord(read)), record);
  });

  test("backup.json is read, and written again", () => {
    const facts = parseBackupFacts(example("backup.json"));
    assert.equal([facts.app, facts.version, facts.configKeys.length], ["foobaz", 3, 1]);
    assert.equal(JSON.parse(formatBackupFacts(facts)), JSON.parse(example("backup.json")));
  });

  test("config.env is opened with the example's key, by the product and by the page", async (t) => {
    const path = join(await t.tempDir(), "app.keys");
    await writeFile(path, example("app.keys"));
    const keys = await loadAppKeys(path);
    const configEnv = example("config.env");
    assert.match(configEnv, `DOTENV_PUBLIC_KEY="${keys.publicKey}"`);
    assert.equal(await new ConfigCipher(keys).read(configEnv), { FOO: "baz" });
    const value = /^FOO='encrypted:(.*)'$/m.exec(configEnv)?.[1] ?? "";
    assert.is(decryptByThePage(value, keys.privateKeys[0] ?? ""), "baz");
  });

  test("dotenv text is written as the page shows it, and read by dotenv", () => {
    const text = example("dotenv");
    const { ODD, ...plain } = parse(text);
    assert.is(decodeBase64(ODD ?? ""), "\r\n\\n");
    assert.is(formatDotenv({ ...plain, ODD: "\r\n\\n" }), text);
    assert.equal([plain["JSON"], plain["KEY"], plain["PATHS"]], ['{"a": "b\\nc"}', "it's\ntwo lines", "C:\\dir\\"]);
  });

  test("notes, marks and the commit of a revert are what the product writes", () => {
    const rollback = commitExample("rollback");
    const release = parseRelease(rollback.oid, parseCommit(rollback.text));
    const [code, oid] = /([0-9a-f]{40})[^]*?([0-9a-f]{40})/.exec(example("code-revert"))?.toReversed() ?? [];
    const reverted = { ...release, version: 71, description: "Deploy 20a5742", oid: oid ?? "", code };
    assert.is(formatCodeRevertMessage(reverted), example("code-revert"));
    const notes = [
      { version: 74, change: "deploy", by: { name: "", email: "ned@foobazco.com" }, at: "2026-11-23T08:35:19Z" },
      { version: 81, change: "rollback", by: { name: "", email: "rick@foobazco.com" }, at: "2026-11-24T16:02:51Z" },
    ] as const;
    assert.is(
      notes.map(({ at, ...note }) => formatNote({ ...release, ...note, createdAt: Date.parse(at) })).join(""),
      example("note"),
    );
    const [mark] = readMarks(JSON.parse(example("marks.json")) as Json).values();
    assert.is(formatJson(changeMark(undefined, 74, mark)), example("marks.json"));
    const { owner, collaborators } = readAccess(JSON.parse(example("collaborators.json")) as Json, "");
    const [kate] = collaborators.values();
    const written = changeCollaborator({ owner }, kate?.email ?? "", kate);
    assert.equal(written, JSON.parse(example("collaborators.json")));
  });

  test("Procfile, state and the other JSON files are what the product writes", () => {
    assert.is(formatProcfile(parseProcfile(example("Procfile"))), example("Procfile"));
    const [formation, settings, limits] = ["formation.json", "settings.json", "limits.json"].map((name) => {
      assert.is(formatJson(JSON.parse(example(name)) as Json), example(name));
      return JSON.parse(example(name)) as Json;
    });
    const state = readAppState({ formation: formation ?? null, settings: settings ?? null, limits: limits ?? null });
    assert.equal([...state.limits], [["web", { memoryBytes: 512 * 1024 * 1024, openFiles: 4096 }]]);
    assert.equal([state.quantities, state.maintenance], [{ web: 2, worker: 1 }, false]);
    assert.is(state.settings.bootTimeoutMs, 30_000);
    assert.is(formatBisect(parseBisect(example("bisect.json"))), example("bisect.json"));
    assert.equal(readBuildpacks(JSON.parse(example("buildpacks.json")) as Json).length, 4);
    for (const name of ["build.json", "spec.json", "slug.json", "buildpacks.json", "built.json"]) {
      assert.is(formatJson(JSON.parse(example(name)) as Json), example(name), name);
    }
  });

  test("every setting is in the table, with its default and its meaning", () => {
    const rows = tableUnder(PAGE, /^\| setting /);
    const documented = rows.map(([name = "", , usual = "", help = ""]) => [codeIn(name)[0], codeIn(usual)[0], help]);
    const real = Object.entries(SETTINGS).map(([name, { default: usual, help }]) => [name, usual, help]);
    assert.equal(
      documented.map(([name, usual, help]) => [name, usual, help?.replaceAll("`", "")]),
      real,
    );
  });

  test("log lines have their keys in order, time and process at bytes 7 and 42, and the text beside them", () => {
    const lines = example("log-line").trimEnd().split("\n");
    const texts = example("log-text").trimEnd().split("\n");
    for (const [index, text] of lines.entries()) {
      const line = parseLogLine(text);
      const bytes = Buffer.from(text);
      assert.is(formatLogLine(line), text);
      assert.is(bytes.toString("utf8", 7, 7 + 27), line.ts);
      assert.is(bytes.toString("utf8", 42, 42 + line.ps.length), line.ps);
      assert.is(formatLogText(line), texts[index]);
    }
    assert.is(lines.length, texts.length);
  });

  test("the index record is one, and its facets are those of the page's function", () => {
    const record = Buffer.from(example("index-record").replace(/\s/g, ""), "hex");
    const segment = "20110619T083519.123457Z.ndjson";
    const [block] = decodeRecords(record, segment, 100_000);
    if (block === undefined) throw new Error("The record of the example does not count.");
    const { firstUs, lastUs } = block;
    const lines = Array.from({ length: 700 }, (_, n) => {
      const line = {
        ts: formatStamp(firstUs + n),
        ps: "web.1",
        source: "app",
        release: 74,
        msg: `line ${String(n)}`,
      } as const;
      return `${formatLogLine(line)}\n`;
    });
    assert.equal([block.offset, block.bytes, block.lines, lastUs - firstUs], [0, 66_390, 700, 699]);
    assert.is(block.sum, zlibAdler32(lines.join("")));
    assert.equal(encodeRecord(block, segment), record);
    assert.is(record.readUInt32LE(60), crc32(record.subarray(0, 60), crc32(`${segment} 2`)));
    const facetBit = runInNewContext(`${example("facet")}\nfacetBit;`) as (text: string) => number;
    const facets = new Uint32Array(7);
    facets.set([74, ~74, 1], 4);
    for (const bit of ["ps=web.1", "type=web", "src=app"].map(facetBit)) {
      facets[bit >>> 5] = (facets[bit >>> 5] ?? 0) | (1 << (bit & 31));
    }
    assert.equal(block.facets, facets);
  });

  test("a signature has the rows that the page says, and the rollup is read", async (t) => {
    const segment = "20110619T083519.123457Z.ndjson";
    const record = Buffer.from(example("index-record").replace(/\s/g, ""), "hex");
    const blocks = BlockTable.decode(record, segment, 100_000);
    const rowOf = runInNewContext(`${example("signature-row")}\nrowOf;`) as (gram: number) => number;
    const builder = new SignatureBuilder(1);
    builder.add(Buffer.from(`${example("log-line").split("\n")[0] ?? ""}\n`));
    const file = builder.encode(segment, blocks);
    assert.is(file.length, 20 + 8 * 4 + 32_768);
    assert.is(file.readUInt32LE(4), crc32(file.subarray(8, 52), crc32(segment)));
    for (const text of ["erro", "cann", "'./l"]) assert.is(file[52 + rowOf(Buffer.from(text).readInt32BE())], 1, text);
    const dir = await t.tempDir();
    await writeFile(join(dir, "20110619T083519.123457Z.min"), example("rollup"));
    const minutes = await readRollup(dir, segment, blocks);
    assert.is(encodeRollup(minutes ?? [], segment, blocks).toString(), example("rollup"));
  });

  test("the tables of cold segments are those of the page", () => {
    const segment = "20110619T083519.123457Z.ndjson";
    const frames = [{ at: 0, bytes: 40, rawAt: 0, rawBytes: 300 }];
    for (const [name, codec] of Object.entries({ "frame-table-gzip": GZIP, "frame-table-zstd": ZSTD })) {
      const table = Buffer.from(example(name).replace(/\s/g, ""), "hex");
      assert.equal(codec.encodeTable(frames, segment), table);
      assert.equal(codec.decodeTable(table, 40 + table.length, segment), frames);
      if (codec === GZIP) assert.is(gunzipSync(table).length, 0);
    }
  });

  test("of two slots of cursors the newer whole one counts", async (t) => {
    const dir = await t.tempDir();
    const state = JSON.parse(example("cursors")) as object;
    const file = Buffer.alloc(262_144 + 4096);
    cursorSlot(8, { ...state, offset: 1 }).copy(file, 0);
    cursorSlot(9, state).copy(file, 262_144);
    await writeFile(join(dir, "cursors"), file);
    const newer = await CursorFile.open(dir);
    await newer.file.close();
    assert.equal(newer.state, state);
    file.writeUInt8(0, 262_144 + 20);
    await writeFile(join(dir, "cursors"), file);
    const older = await CursorFile.open(dir);
    await older.file.close();
    assert.is(older.state?.offset, 1);
  });

  test("access spools, and what daemon and router say", () => {
    const line = Buffer.from(example("access-spool"));
    const scanner = new StampedScanner(line, false, false);
    assert.ok(scanner.advance());
    assert.is(scanner.us, 1_795_450_939_123_456);
    assert.match(
      line.toString("latin1", scanner.start, scanner.stop),
      /^at=info method=GET path="\/" .* protocol=http$/,
    );
    const calls = example("router-calls").trimEnd().split("\n");
    assert.equal(
      calls.map((call) => parseCall(call).request.op),
      ["hello", "setApp", "drained"],
    );
    for (const call of calls) {
      assert.equal(parseCall(formatCall(parseCall(call))), parseCall(call));
      assert.equal(JSON.parse(formatCall(parseCall(call))), JSON.parse(call));
    }
    const events = example("router-events").trimEnd().split("\n");
    for (const event of events) assert.is(formatNotice(parseNotice(event)), `${event}\n`);
    assert.match((JSON.parse(example("router.json")) as { id: string }).id, new RegExp(`^${String(WORDS["ROUTER"])}$`));
  });

  test("SSH keys, the file that sshd reads, and what its forced command says", () => {
    const stored: unknown = JSON.parse(example("keys"));
    const keys = parseKeys(stored, fingerprintOf) ?? [];
    assert.is(formatJson(formatKeys(keys)), example("keys"));
    const command = ["/usr/lib/node_modules/git-heroku/hooks/ssh-command", "/home/ned/.git-heroku/ssh"];
    assert.is(formatAuthorizedKeys(keys, command).split("\n")[1], example("authorized-keys").trimEnd());
    assert.equal(parseSshRequest(example("ssh-request").trimEnd()), {
      fingerprint: keys[0]?.fingerprint,
      service: "git-upload-pack",
      app: "foobaz",
      protocol: "version=2",
    });
  });

  test("hook-env and the registration of a hook", () => {
    const programs = "/usr/lib/node_modules/git-heroku/dist/bin";
    const home = "/home/ned/.git-heroku";
    const text = formatHookEnv({
      ncEnd: "-N",
      client: "nc",
      node: "/usr/bin/node",
      nodeClient: `${programs}/hook-client.js`,
      daemon: `${programs}/platformd.js`,
      home,
      log: `${home}/platform.log`,
    });
    assert.is(example("hook-env"), text);
    const registration = parseRegistration(example("registration"));
    assert.is(registration?.repo, "foobaz.git");
    assert.equal(
      registration?.updates.map(({ ref }) => ref),
      ["refs/heads/main"],
    );
  });
});

const WORDS: Record<string, string> = {
  APP: "[a-z][a-z0-9-]+",
  BUILDER: "[0-9a-f]{12}",
  DOOR: "[0-9a-f]{24}",
  HEX: "[0-9a-f]+",
  ID: "[0-9a-f]{8}",
  LOG: "[A-Za-z0-9][A-Za-z0-9._-]{0,63}",
  N: "[1-9][0-9]*",
  NAME: "[A-Za-z-]+",
  NUMBER: "[0-9]{6}",
  PUSH: "[0-9a-f]{24}",
  ROUTER: "[0-9]{8}T[0-9]{9}Z-[0-9]+",
  STAMP: "[0-9]{8}T[0-9]{6}Z(-[0-9]+)?",
  TIME: "[0-9]{8}T[0-9]{6}\\.[0-9]{6}Z",
  TREE: "[0-9a-f]{40}",
  TYPE: "[A-Za-z0-9_-]+",
  UUID: "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
  VERSION: "[1-9][0-9]*",
};

interface Documented {
  path: string;
  since: string;
  pattern: RegExp;
}

function documentedPaths(): Documented[] {
  return example("home")
    .trimEnd()
    .split("\n")
    .map((line) => {
      const [path = "", since = ""] = line.split(/ +/);
      return { path, since, pattern: patternOf(path) };
    });
}

/** `a/**` is `a/` and all below it; a leading `**` is any directory. */
function patternOf(path: string): RegExp {
  const parts = path.split(/(\*\*\/|\/\*\*$|[A-Z]+|[^A-Za-z0-9/_-])/).map((part) => {
    if (part === "**/") return "(.*/)?";
    if (part === "/**") return "/.*";
    return WORDS[part] ?? part.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
  });
  return new RegExp(`^${parts.join("")}$`);
}

/** Paths in the home, directories with a final slash. */
async function pathsIn(home: string): Promise<string[]> {
  return (await pathsUnder(home)).map((path) => path.slice(home.length + 1));
}

async function compareHome(platform: TestPlatform, stages: readonly string[]): Promise<void> {
  const documented = documentedPaths();
  const real = await pathsIn(platform.home);
  const unknown = real.filter((path) => !documented.some(({ pattern }) => pattern.test(path)));
  assert.equal(unknown, [], "not documented");
  const missing = documented.filter(
    ({ since, pattern }) => stages.includes(since) && !real.some((path) => pattern.test(path)),
  );
  assert.equal(
    missing.map(({ path }) => path),
    [],
    "documented and not there",
  );
}

describe("formats: home", (test) => {
  test("what a platform makes is what the page lists, step by step", async (t) => {
    const platform = await startPlatform(t);
    const clone = await cloneFixture(platform, "foobaz");
    const run = async (...words: string[]): Promise<void> => {
      const { status, stderr } = await platform.exec("git", words, { cwd: clone });
      assert.is(status, 0, stderr);
    };
    await run("heroku", "apps");
    await compareHome(platform, ["home"]);
    const sockets = (await pathsIn(platform.home)).filter((path) => path.endsWith(".sock"));
    assert.ok(sockets.includes("server.sock"));
    for (const path of sockets) assert.is((await stat(join(platform.home, path))).mode & 0o777, 0o600, path);
    await run("heroku", "create", "foobaz");
    await run("heroku", "logs");
    await compareHome(platform, ["home", "app"]);
    await run("push", "-q", "production", "main");
    await run("heroku", "settings:set", "boot-timeout=30s");
    await untilUp(platform, "foobaz", 1);
    await compareHome(platform, ["home", "app", "deploy", "process"]);
    await run("heroku", "destroy", "--confirm", "foobaz");
    await compareHome(platform, ["home"]);
  });

  test("every stage of the list is one that it explains", () => {
    const stages = new Set(documentedPaths().map(({ since }) => since));
    assert.equal([...stages].sort(), ["app", "deploy", "home", "process", "sometimes"]);
  });
});
