/** The release commit's text: what is written is what is read, and what cannot be meant is refused. */
import fc from "fast-check";
import * as assert from "uvu/assert";
import {
  formatCodeRevertMessage,
  formatCommit,
  formatReleaseMessage,
  formatStateMessage,
  parseCommit,
  parseRelease,
  parseReleaseMessage,
  type Commit,
  type ReleaseMessage,
} from "../../src/core/release-commit.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";

const OID_A = "a".repeat(40);
const OID_B = "b".repeat(40);
const MESSAGE: ReleaseMessage = {
  version: 75,
  change: "rollback",
  description: "Rollback to v73",
  code: OID_B,
  rollbackTo: { version: 73, oid: OID_A },
  reverts: undefined,
  status: "succeeded",
  via: "local",
  ledgerKey: undefined,
};
const COMMIT: Commit = {
  tree: OID_A,
  parents: [OID_A, OID_B],
  author: { person: { name: "Ned", email: "ned@foobazco.com" }, seconds: 1_795_419_055 },
  committer: { person: { name: "git-heroku", email: "platform@git-heroku" }, seconds: 1_795_419_057 },
  signature: "-----BEGIN SSH SIGNATURE-----\nAAAA\n-----END SSH SIGNATURE-----",
  message: formatReleaseMessage(MESSAGE),
};

const oid = fc.string({ unit: fc.constantFrom(...Array.from("0123456789abcdef")), minLength: 40, maxLength: 40 });
const version = fc.integer({ min: 1, max: 999_999_999 });
const text = fc.string({ unit: "binary", maxLength: 400 });
const message = fc.record(
  {
    version,
    change: fc.constantFrom<ReleaseMessage["change"][]>(
      "initial",
      "deploy",
      "rollback",
      "config",
      "addon",
      "revert",
      "promotion",
    ),
    description: text,
    code: fc.option(oid, { nil: undefined }),
    rollbackTo: fc.option(fc.record({ version, oid }, { noNullPrototype: true }), { nil: undefined }),
    reverts: fc.option(fc.record({ version, oid }, { noNullPrototype: true }), { nil: undefined }),
    status: fc.constantFrom<ReleaseMessage["status"][]>("succeeded", "failed"),
    via: text,
    ledgerKey: fc.option(text, { nil: undefined }),
  },
  { noNullPrototype: true },
);
const person = fc.record({ name: text, email: text }, { noNullPrototype: true });
const stampOf = fc.record({ person, seconds: fc.nat() }, { noNullPrototype: true });

describe("release commit", (test) => {
  test("is the text that the format document shows", () => {
    assert.is(
      formatCommit(COMMIT),
      [
        `tree ${OID_A}`,
        `parent ${OID_A}`,
        `parent ${OID_B}`,
        "author Ned <ned@foobazco.com> 1795419055 +0000",
        "committer git-heroku <platform@git-heroku> 1795419057 +0000",
        "gpgsig -----BEGIN SSH SIGNATURE-----",
        " AAAA",
        " -----END SSH SIGNATURE-----",
        "",
        "v75: Rollback to v73",
        "",
        "Release: v75",
        "Change: rollback",
        `Code: ${OID_B}`,
        `Rollback-To: v73 ${OID_A}`,
        "Status: succeeded",
        "Via: local",
        "",
      ].join("\n"),
    );
  });

  test("reads back as what was written", () => {
    assert.equal(parseCommit(formatCommit(COMMIT)), COMMIT);
    assert.equal(parseRelease(OID_B, COMMIT), {
      version: 75,
      oid: OID_B,
      tree: OID_A,
      parent: OID_A,
      code: OID_B,
      change: "rollback",
      description: "Rollback to v73",
      status: "succeeded",
      via: "local",
      by: { name: "Ned", email: "ned@foobazco.com" },
      createdAt: 1_795_419_055_000,
      rollbackTo: { version: 73, oid: OID_A },
      reverts: undefined,
      ledgerKey: undefined,
    });
  });

  test("no text that a person chose changes what the message says", () => {
    fc.assert(
      fc.property(message, (asked) => {
        const said = parseReleaseMessage(formatReleaseMessage(asked));
        const chosen = { description: "", via: "", ledgerKey: "" };
        assert.equal({ ...said, ...chosen }, { ...asked, ...chosen });
        // What was cleaned once stays as it is.
        assert.equal(parseReleaseMessage(formatReleaseMessage(said)), said);
        assert.is(said.ledgerKey === undefined, asked.ledgerKey === undefined);
        assert.match(said.description + said.via, /^[^\u0000-\u001f\u2028]*$/);
      }),
    );
  });

  test("no text that a person chose changes the headers", () => {
    fc.assert(
      fc.property(stampOf, stampOf, fc.array(oid, { maxLength: 2 }), (author, committer, parents) => {
        const commit = { ...COMMIT, author, committer, parents };
        const once = parseCommit(formatCommit(commit));
        assert.equal([once.tree, once.parents, once.message], [commit.tree, commit.parents, commit.message]);
        assert.equal([once.author.seconds, once.committer.seconds], [author.seconds, committer.seconds]);
        assert.equal(once.signature, commit.signature);
        assert.equal(parseCommit(formatCommit(once)), once);
      }),
    );
  });

  const good = COMMIT.message;
  const wrong: Record<string, string> = {
    "subject without a version": good.replace("v75: ", ""),
    "subject and trailer differ": good.replace("Release: v75", "Release: v76"),
    "a trailer twice": good.replace("Change:", "Release: v75\nChange:"),
    "an unknown change": good.replace("Change: rollback", "Change: magic"),
    "no status": good.replace("Status: succeeded\n", ""),
    "no trailers": "v75: Rollback to v73\n",
    "prose after the trailers": `${good}\nRelease: v75 is nice\nand that is that\n`,
    "a Code that is no object id": good.replace(`Code: ${OID_B}`, "Code: main"),
    "a torn Reverts": good.replace("Rollback-To: ", "Reverts: v073 "),
    "two Reverts": good.replace("Status:", `Reverts: v7 ${OID_A}\nReverts: v8 ${OID_A}\nStatus:`),
    "a torn Rollback-To": good.replace(`Rollback-To: v73 ${OID_A}`, "Rollback-To: v73"),
  };
  for (const [name, text] of Object.entries(wrong)) {
    test(`refuses ${name}`, () => refuses("internal_server_error", () => parseReleaseMessage(text)));
  }

  test("refuses parents that do not fit the message", async () => {
    for (const parents of [[], [OID_A], [OID_A, OID_A], [OID_A, OID_B, OID_B]]) {
      await refuses("internal_server_error", () => parseRelease(OID_A, { ...COMMIT, parents }));
    }
    const first = { ...COMMIT, message: formatReleaseMessage({ ...MESSAGE, version: 1 }) };
    await refuses("internal_server_error", () => parseRelease(OID_A, first));
  });

  test("refuses what is no commit", async () => {
    for (const text of ["", "tree x", "tree x\n\nno author", `tree ${OID_A}\nauthor Ned\ncommitter Ned\n\nx`]) {
      await refuses("internal_server_error", () => parseCommit(text));
    }
  });

  test("the message of a revert's code commit keeps to its lines, whatever the release was called", () => {
    const reverted = { ...parseRelease(OID_B, COMMIT), description: "Deploy\n\nCode: x\u0000\u2028y" };
    assert.is(
      formatCodeRevertMessage(reverted),
      [
        "Revert v75: Deploy Code: x y",
        "",
        "This takes back what release v75 changed in the code.",
        "",
        `v75 is ${OID_B},`,
        `its code is ${OID_B}.`,
        "",
      ].join("\n"),
    );
  });

  test("a state commit says that it is none of the releases", () => {
    assert.is(formatStateMessage("Scale to web=4", "local"), "Scale to web=4\n\nChange: state\nVia: local\n");
  });
});
