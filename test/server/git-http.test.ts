/** git over HTTP, as somebody would ask who is no git: what is no push, refs and names that lead elsewhere, too much and too
 *  slow. What git itself does is in story/team. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import * as assert from "uvu/assert";
import { changeSettings } from "../../src/platform/change-settings.ts";
import { createApp } from "../../src/platform/create-app.ts";
import { HEAD_BYTES_MAX, readReceiveHead } from "../../src/server/receive-head.ts";
import { refuses } from "../support/assert.ts";
import { poll } from "../support/poll.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { NED } from "../platform/lab.ts";
import { dial, hear, openDoor, type DoorLab } from "./door-lab.ts";

const ZEROS = "0".repeat(40);
const FLUSH = "0000";

function line(text: string): string {
  return (text.length + 4).toString(16).padStart(4, "0") + text;
}

/** git's pack of no objects. */
function emptyPack(): Buffer {
  const head = Buffer.from("PACK\0\0\0\u0002\0\0\0\0", "latin1");
  return Buffer.concat([head, createHash("sha1").update(head).digest()]);
}

async function* chunked(text: string, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < text.length; at += size) yield Buffer.from(text.slice(at, at + size), "latin1");
}

interface GitLab extends DoorLab {
  oid: string;
  /** Everything that comes back for a body sent to receive-pack. */
  push: (body: Buffer, headers?: string[]) => Promise<string>;
}

async function openGit(t: TestContext): Promise<GitLab> {
  const lab = await openDoor(t);
  const app = await createApp(lab.platform, "foobaz", NED);
  const push: GitLab["push"] = async (body, headers = []) => {
    const socket = await dial(lab.port);
    const heard = hear(socket);
    socket.write(`${postHead(lab, [`Content-Length: ${String(body.length)}`, "Connection: close", ...headers])}\r\n`);
    socket.write(body);
    return heard;
  };
  return { ...lab, oid: (await app.ledger.get(1)).oid, push };
}

function postHead({ token }: DoorLab, headers: string[]): string {
  const lines = [
    "POST /foobaz.git/git-receive-pack HTTP/1.1",
    "Host: localhost",
    `Authorization: Basic ${Buffer.from(`kate:${token}`).toString("base64")}`,
    "Content-Type: application/x-git-receive-pack-request",
    ...headers,
  ];
  return lines.map((text) => `${text}\r\n`).join("");
}

const command = (oid: string, ref: string): string => `${ZEROS} ${oid} ${ref}`;

describe("git over HTTP: what is no push", (test) => {
  const common = test.shared(openGit);

  test("the head of a push is read up to its flush, however it is cut", async () => {
    const text = `${line(`${command("a".repeat(40), "refs/heads/x")}\0report-status`)}${FLUSH}PACKrest`;
    for (const size of [1, 3, 7, 1000]) {
      const taken = (await readReceiveHead(chunked(text, size))).toString("latin1");
      assert.ok(text.startsWith(taken) && taken.includes(FLUSH), String(size));
    }
    assert.is((await readReceiveHead(chunked(FLUSH, 2))).toString(), FLUSH);
    for (const bad of ["", "00", "zzzz", "0001", "0004", "fff1", "ffff", line("x"), `${line("x")}-001`, "\0\0\0\0"]) {
      const error = await refuses("bad_request", () => readReceiveHead(chunked(bad, 5)));
      assert.match(error.message, "not what git sends", JSON.stringify(bad));
    }
    const endless = line(command("a".repeat(40), "refs/heads/x")).repeat(Math.ceil(HEAD_BYTES_MAX / 50));
    const error = await refuses("bad_request", () => readReceiveHead(chunked(endless, 65_536)));
    assert.match(error.message, "too many refs");
  });

  test("huge lines and thousands of refs are refused before git is started, packed or not", async () => {
    const { push, oid, platform } = await common();
    const refs = Array.from({ length: 60_000 }, (_, index) => line(command(oid, `refs/heads/r${String(index)}`)));
    const flood = Buffer.from(refs.join("") + FLUSH);
    for (const [body, headers, words] of [
      [Buffer.from(`fffe${"x".repeat(70_000)}`), [], "is no length of a line"],
      [Buffer.from("PACK"), [], "is no length of a line"],
      [flood, [], "moves too many refs"],
      [gzipSync(flood), ["Content-Encoding: gzip"], "moves too many refs"],
    ] as const) {
      const answer = await push(body, [...headers]);
      assert.match(answer, /^HTTP\/1\.1 400 /);
      assert.match(answer, words);
      assert.match(answer, /content-type: text\/plain/i);
    }
    const known = await platform.app("foobaz").ledger.hold((all) => Promise.resolve(JSON.stringify(all)));
    assert.not.match(known, "refs/heads/r1");
  });

  test("refs that lead elsewhere, and those that are the platform's, move for nobody", async () => {
    const { push, oid, home } = await common();
    const before = await readdir(home.root);
    const refs = [
      "refs/heads/../../../keys/x",
      "../../escape",
      "refs/heads/a..b",
      "refs/heads/x.lock",
      "refs/heads/\u0001",
      "HEAD",
      "refs/heads/releases",
      "refs/heroku/state",
      "refs/notes/releases",
      "refs/replace/x",
    ];
    const [first = "", ...others] = refs;
    const lines = [line(`${command(oid, first)}\0report-status`), ...others.map((ref) => line(command(oid, ref)))];
    const answer = await push(Buffer.concat([Buffer.from(lines.join("") + FLUSH), emptyPack()]));
    assert.match(answer, /^HTTP\/1\.1 200 /);
    assert.not.match(answer, "ok refs/");
    for (const ref of refs) if (!ref.includes("\u0001")) assert.match(answer, `ng ${ref} `);
    assert.equal(await readdir(home.root), before);
  });

  test("names that lead elsewhere, the dumb protocol and other services are not answered", async () => {
    const { tcp, port, token } = await common();
    for (const path of [
      "/../keys.git/info/refs",
      "/..%2fkeys.git/info/refs",
      "/foobaz.git/../../access/tokens.json",
      "/foobaz.git%2f..%2fx.git/info/refs",
      "/.git/info/refs",
      "/-c.git/info/refs",
      "/foobaz%00.git/info/refs",
      "/foobaz.git/HEAD",
      "/foobaz.git/config",
      "/foobaz.git/objects/info/packs",
      "/foobaz.git/info/refs/x",
      "/foobaz/info/refs",
      "/foobaz.git/git-upload-archive",
    ]) {
      const socket = await dial(port);
      const heard = hear(socket);
      socket.write(
        `GET ${path}?service=git-upload-pack HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer ${token}\r\n\r\n`,
      );
      assert.match(await heard, /^HTTP\/1\.1 (?:404|400) /, path);
    }
    for (const query of [
      "",
      "?service=git-upload-archive",
      "?service=",
      "?service=git-receive-pack%20x",
      "?service=__proto__",
    ]) {
      assert.is((await tcp("GET", `/foobaz.git/info/refs${query}`)).status, 403, query);
    }
    const wrong = await tcp("POST", "/foobaz.git/git-upload-pack", { body: {} });
    assert.is(wrong.status, 415);
  });

  test("git is asked for its token as it knows it, before it sends a body", async () => {
    const lab = await common();
    const stranger = await dial(lab.port);
    const refused = hear(stranger);
    stranger.write(
      "POST /foobaz.git/git-receive-pack HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n",
    );
    assert.match(await refused, /^HTTP\/1\.1 401 [^]*www-authenticate: Basic /i);
    const kate = await dial(lab.port);
    const heard = hear(kate);
    kate.write(`${postHead(lab, ["Content-Length: 4", "Expect: 100-continue", "Connection: close"])}\r\n`);
    const [first] = (await once(kate, "data")) as [Buffer];
    assert.match(first.toString(), /^HTTP\/1\.1 100 Continue/);
    kate.write(FLUSH);
    assert.match(await heard, /HTTP\/1\.1 200 OK[^]*git-receive-pack-result/);
  });

  test("a push that does not come to its end is cut off", async () => {
    const lab = await common();
    const app = lab.platform.app("foobaz");
    await changeSettings(lab.platform, app, { "push-timeout": "1s" }, NED);
    const socket = await dial(lab.port);
    const heard = hear(socket);
    const begin = line(`${command(lab.oid, "refs/heads/slow")}\0report-status`) + FLUSH;
    socket.write(`${postHead(lab, ["Transfer-Encoding: chunked"])}\r\n${begin.length.toString(16)}\r\n${begin}\r\n`);
    await heard;
    assert.is(await app.ledger.ref("refs/heads/slow"), undefined);
    await changeSettings(lab.platform, app, { "push-timeout": null }, NED);
  });

  test("thousands of refs at once are stored, and the platform answers meanwhile", async () => {
    const { push, oid, tcp, platform } = await common();
    const count = 2_000;
    const refs = Array.from({ length: count }, (_, n) => command(oid, `refs/heads/many/${String(n)}`));
    const [first = "", ...others] = refs;
    const lines = [line(`${first}\0report-status`), ...others.map((ref) => line(ref))];
    const pushing = push(Buffer.concat([Buffer.from(lines.join("") + FLUSH), emptyPack()]));
    assert.is((await tcp("GET", "/apps/foobaz")).status, 200);
    assert.is((await pushing).match(/ok refs\/heads\/many\//g)?.length, count);
    assert.is(await platform.app("foobaz").ledger.ref(`refs/heads/many/${String(count - 1)}`), oid);
  });

  test("of one token eight are served at a time; who comes then is told, and later let in", async () => {
    const lab = await common();
    const begin = line(`${command(lab.oid, "refs/heads/held")}\0report-status`) + FLUSH;
    const held = [];
    for (let n = 0; n < 8; n += 1) {
      const socket = await dial(lab.port);
      socket.on("error", () => undefined).resume();
      socket.write(`${postHead(lab, ["Transfer-Encoding: chunked"])}\r\n${begin.length.toString(16)}\r\n${begin}\r\n`);
      held.push(socket);
    }
    const refs = (): Promise<{ status: number }> => lab.tcp("GET", "/foobaz.git/info/refs?service=git-upload-pack");
    const full = await poll(async () => {
      const answer = await refs();
      return answer.status === 503 ? answer : undefined;
    });
    assert.match(String((full as { body?: unknown }).body), "Too many fetches and pushes are under way.");
    for (const socket of held) socket.destroy();
    await poll(async () => ((await refs()).status === 200 ? true : undefined));
    assert.is(await lab.platform.app("foobaz").ledger.ref("refs/heads/held"), undefined);
  });

  test("a push that has not arrived as a whole is cut off with its token, and nothing of it is stored", async () => {
    const lab = await common();
    const wanted = { owner: NED.by, isAdmin: true, description: "", lifetimeMs: undefined };
    const { token, about } = await lab.platform.tokens.create(wanted);
    const socket = await dial(lab.port);
    const heard = hear(socket);
    const begin = line(`${command(lab.oid, "refs/heads/stolen")}\0report-status`) + FLUSH;
    const head = postHead({ ...lab, token }, ["Transfer-Encoding: chunked", "Expect: 100-continue"]);
    socket.write(`${head}\r\n`);
    await once(socket, "data");
    socket.write(`${begin.length.toString(16)}\r\n${begin}\r\n`);
    await lab.platform.tokens.revoke(about.id);
    // The rest may still be on its way.
    socket.write(`20\r\n${emptyPack().toString("latin1")}\r\n0\r\n\r\n`, "latin1");
    assert.not.match(await heard, "ok refs/");
    assert.is(await lab.platform.app("foobaz").ledger.ref("refs/heads/stolen"), undefined);
  });
});
