import { PassThrough } from "node:stream";
import fc from "fast-check";
import * as assert from "uvu/assert";
import { encodePacket, FLUSH, FLUSH_PACKET, PacketDecoder } from "../../src/hook/pkt-line.ts";
import { formatReport, readRequest } from "../../src/hook/proc-receive.ts";
import { parseRegistration } from "../../src/hook/registration.ts";
import { rejects } from "../support/assert.ts";
import { describe } from "../support/suite.ts";

const OLD = "1".repeat(40);
const NEW = "2".repeat(40);

describe("hook protocol", (test) => {
  test("packets come back whole however the bytes are cut", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 50 }).filter((candidate) => !candidate.endsWith("\n"));
    fc.assert(
      fc.property(fc.array(text), fc.integer({ min: 1, max: 9 }), (texts, step) => {
        const bytes = Buffer.from(texts.map(encodePacket).join("") + FLUSH);
        const decoder = new PacketDecoder();
        const packets = [];
        for (let at = 0; at < bytes.length; at += step) packets.push(...decoder.push(bytes.subarray(at, at + step)));
        assert.equal(packets, [...texts, FLUSH_PACKET]);
      }),
    );
  });

  test("refuses what is no packet", () => {
    for (const bytes of ["0001", "GET ", "fff1", "-001"]) {
      assert.throws(() => new PacketDecoder().push(Buffer.from(bytes)), "pkt-line");
    }
    assert.throws(() => encodePacket("x".repeat(65_517)));
  });

  test("reads a request without push options when git offers none", async () => {
    const input = new PassThrough();
    const output = new PassThrough();
    input.write(encodePacket("version=1\0atomic\n") + FLUSH);
    input.write(encodePacket(`${OLD} ${NEW} refs/heads/main\n`) + FLUSH);
    const request = await readRequest(input, output);
    assert.equal(request, {
      commands: [{ old: OLD, new: NEW, ref: "refs/heads/main" }],
      pushOptions: [],
      atomic: true,
    });
    assert.is(String(output.read()), `${encodePacket("version=1\0atomic\n")}${FLUSH}`);
  });

  test("refuses another version, nonsense and an early end", async () => {
    const greeting = encodePacket("version=1\0\n") + FLUSH;
    for (const [said, complaint] of [
      [encodePacket("version=2\0\n") + FLUSH, 'speaks "version=2"'],
      [greeting + encodePacket("delete everything") + FLUSH, "malformed command"],
      [greeting + "zzzz", "pkt-line"],
      [greeting, "ended before"],
    ] as const) {
      const input = new PassThrough();
      input.end(said);
      const error = await rejects(readRequest(input, new PassThrough()));
      assert.match(String(error), complaint);
    }
  });

  test("reports every command once, a reason on one line", () => {
    const commands = ["a", "b", "c"].map((ref) => ({ old: OLD, new: NEW, ref }));
    const report = formatReport(commands, [
      { ref: "b", ok: false, reason: `bad\nok c\u001b[31m${"x".repeat(500)}` },
      { ref: "a", ok: true },
    ]);
    const lines = new PacketDecoder().push(Buffer.from(report));
    assert.is(lines[0], "ok a");
    assert.is(lines[1], `ng b bad ok c [31m${"x".repeat(500)}`.slice(0, 205));
    assert.equal(lines.slice(2), ["ng c the platform gave no answer", FLUSH_PACKET]);
  });

  test("reads a registration, and nothing that is not one", () => {
    const head = "1\tpost-receive\t42\tNed <ned@foobazco.com>\tfoobaz.git";
    assert.equal(parseRegistration(`${head}\n${OLD} ${NEW} refs/heads/main\n\n`), {
      hook: "post-receive",
      pid: 42,
      user: "Ned <ned@foobazco.com>",
      repo: "foobaz.git",
      door: undefined,
      updates: [{ old: OLD, new: NEW, ref: "refs/heads/main" }],
    });
    const quick = parseRegistration(`${head.replace("post", "proc")}\t42.43\n\n`);
    assert.equal([quick?.repo, quick?.door], ["foobaz.git", "42.43"]);
    assert.is(parseRegistration(`${head}\t../x.1\n\n`), undefined);
    for (const text of [head.replace("post", "update"), head.replace("42", "x"), `${head}\tmore`, `${head}\n${OLD}`]) {
      assert.is(parseRegistration(`${text}\n\n`), undefined);
    }
  });
});
