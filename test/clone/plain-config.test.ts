/** Remotes read without git: what is read is what git reads, and what is not plain is left to git. */
import { execFileSync } from "node:child_process";
import { chownSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import * as assert from "uvu/assert";
import type { Place } from "../../src/clone/git.ts";
import { readPlainUrls, type RemoteUrl } from "../../src/clone/plain-config.ts";
import { askForUrls } from "../../src/clone/remotes.ts";
import { describe, type TestContext } from "../support/suite.ts";

interface Lab extends Place {
  home: string;
  env: Record<string, string>;
}

/** A clone as `git init` makes it, and a person's empty home. */
async function makeLab(t: TestContext): Promise<Lab> {
  const root = await t.tempDir();
  const [home, cwd] = [join(root, "home"), join(root, "clone")];
  mkdirSync(home);
  const env = { PATH: process.env["PATH"] ?? "", HOME: home, GIT_CONFIG_NOSYSTEM: "1" };
  execFileSync("git", ["init", "-q", cwd], { env });
  return { home, cwd, env };
}

function configure(lab: Lab, text: string): void {
  writeFileSync(join(lab.cwd, ".git", "config"), text);
}

const PRODUCTION = '[remote "production"]\n\turl = /h/repos/app.git\n';

/** What stands in `.git/config`, and whether it is plain. */
const FILES: [text: string, isPlain: boolean][] = [
  ["", true],
  [PRODUCTION, true],
  [PRODUCTION.trimEnd(), true],
  ['[remote "a"]\nurl=/x\nfetch = +refs/heads/*:refs/remotes/a/*\n[remote "b"]\n  URL\t=\t/y  \n', true],
  ['[remote "a"]\nurl = /x\nurl = /y\n[branch "m"]\nremote = a\n[remote "a"]\nurl = /z\n', true],
  ['[REMOTE "A.b c"]\nUrl = /x\n[remote "a.B C"]\nurl = /y\n', true],
  ['# url = /no\n; [include]\n\n[remote "a"] \n\t# x\n\turl = /x\n\tpushurl = /y\n', true],
  ['[alias]\n\tx = "!f() { echo \\"[remote]\\" # ; }; f" # said "\n\ty\n' + PRODUCTION, true],
  ['[remote "a"]\nreceivepack = X=\\"${X:-$(y)}\\" z\nurl = /x\n', true],
  ['[url "/a"]\n\tinsteadOf = /h\n' + PRODUCTION, true],
  ['[remote "späße"]\nurl = /tmp/ä\n', true],
  ["[remote]\nurl = /x\npushDefault = a\n" + PRODUCTION, true],
  ['[remote ""]\nurl = /x\n', true],
  ['[remote "a"]\nurl = "/x"\n', false],
  ['[remote "a"]\nurl = /x y\n', false],
  ['[remote "a"]\nurl = /x # y\n', false],
  ['[remote "a"]\nurl = /x\\\n/y\n', false],
  ['[remote "a"]\nurl = c:\\\\x\n', false],
  ['[remote "a"]\nurl =\n', false],
  ['[remote "a"]\nurl\n', false],
  ['[remote "a"] url = /x\n', false],
  ['[remote "a\\"b"]\nurl = /x\n', false],
  ["[remote.a]\nurl = /x\n", false],
  ['[remote   "a"]\nurl = /x\n', false],
  ['[alias]\n\tx = y \\\n[remote "b"]\n' + PRODUCTION, false],
  ['[alias]\n\tx = "y\n' + PRODUCTION, false],
  ["[alias]\n\tx = \\y\n" + PRODUCTION, false],
  ["[include]\n\tpath = other\n" + PRODUCTION, false],
  ['[includeIf "onbranch:x"]\n\tpath = other\n' + PRODUCTION, false],
  ["[extensions]\n\tworktreeConfig = true\n" + PRODUCTION, false],
  ["[core]\n\trepositoryformatversion = 1\n" + PRODUCTION, false],
  ["[core]\n\trepositoryformatversion = 0\n\tbare = false\n" + PRODUCTION, true],
  [PRODUCTION.replaceAll("\n", "\r\n"), false],
  [`\uFEFF${PRODUCTION}`, false],
  ["url = /x\n" + PRODUCTION, false],
  ['[remote "a"\n' + PRODUCTION, false],
  ["nonsense here\n", false],
  [`${PRODUCTION}\0`, false],
];

/** Pieces of lines that a configuration is made of, sound and not. */
const LINES = fc.oneof(
  fc.constantFrom('[remote "a"]', '[remote "b c"]', "[alias]", '[Remote "A"]', "[x] # y", "", " # url = /c", "[rem"),
  fc
    .tuple(
      fc.constantFrom("url = ", "\turl=", "URL =", "fetch = ", " x = ", "url"),
      fc
        .array(fc.constantFrom("/x", " ", '"', "\\", "\\\\", '\\"', "#", ";", "\t", "é", "=", "[", "\\n", "y"), {
          maxLength: 6,
        })
        .map((parts) => parts.join("")),
    )
    .map(([key, value]) => key + value),
);

describe("plain config", (test) => {
  test("is read as git reads it, and left to git where it is not plain", async (t) => {
    const lab = await makeLab(t);
    for (const [text, isPlain] of FILES) {
      configure(lab, text);
      const read = readPlainUrls(lab);
      assert.is(read !== undefined, isPlain, JSON.stringify(text));
      if (read !== undefined) assert.equal(read, askForUrls(lab), JSON.stringify(text));
    }
  });

  test("whatever stands in the file, it is git's answer or none", async (t) => {
    const lab = await makeLab(t);
    let plain = 0;
    fc.assert(
      fc.property(fc.array(LINES, { maxLength: 5 }), (lines) => {
        configure(lab, lines.join("\n"));
        const read = readPlainUrls(lab);
        if (read === undefined) return;
        plain += 1;
        assert.equal(read, askForUrls(lab));
      }),
      { numRuns: 300 },
    );
    assert.ok(plain > 10, `Only ${String(plain)} of the files were plain.`);
  });

  test("is found from a directory below, and in no place where git would look elsewhere", async (t) => {
    const lab = await makeLab(t);
    const app: RemoteUrl[] = [{ name: "production", url: "/h/repos/app.git" }];
    const at = (...path: string[]): Place => ({ ...lab, cwd: join(lab.cwd, ...path) });
    configure(lab, PRODUCTION);
    mkdirSync(join(lab.cwd, "src", "deep"), { recursive: true });
    assert.equal(readPlainUrls(at("src", "deep")), app);
    assert.is(readPlainUrls(at(".git")), undefined);
    assert.is(readPlainUrls(at(".git", "refs")), undefined);
    // Around it there is no clone, unless git looks further than this does.
    assert.equal(readPlainUrls(at("..")) ?? askForUrls(at("..")), askForUrls(at("..")));
    assert.is(readPlainUrls(at("nowhere")), undefined);
    // A work tree of it, a link to it, something that only looks like a repository, and a bare one around.
    writeFileSync(join(lab.cwd, "src", ".git"), "gitdir: ../.git\n");
    assert.is(readPlainUrls(at("src", "deep")), undefined);
    mkdirSync(join(lab.cwd, "linked"));
    symlinkSync("../.git", join(lab.cwd, "linked", ".git"));
    assert.is(readPlainUrls(at("linked")), undefined);
    mkdirSync(join(lab.cwd, "empty", ".git"), { recursive: true });
    assert.is(readPlainUrls(at("empty")), undefined);
    writeFileSync(join(lab.cwd, "HEAD"), "");
    assert.is(readPlainUrls(lab), undefined);
  });

  test("a clone of somebody else is git's to refuse", async (t) => {
    const lab = await makeLab(t);
    configure(lab, PRODUCTION);
    const strangers = 65_534;
    if (process.getuid?.() !== 0) return;
    chownSync(join(lab.cwd, ".git"), strangers, strangers);
    assert.is(readPlainUrls(lab), undefined);
  });

  test("variables and files of the person that could matter are git's", async (t) => {
    const lab = await makeLab(t);
    const withEnv = (env: Record<string, string>): Place => ({ ...lab, env: { ...lab.env, ...env } });
    configure(lab, PRODUCTION);
    for (const name of ["GIT_EXEC_PATH", "GIT_PAGER", "GIT_HEROKU_HOME", "GIT_AUTHOR_NAME", "GIT_SSH_COMMAND"]) {
      assert.equal(readPlainUrls(withEnv({ [name]: "x" })), askForUrls(lab), name);
    }
    for (const name of ["GIT_DIR", "GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS", "GIT_CEILING_DIRECTORIES"]) {
      assert.is(readPlainUrls(withEnv({ [name]: "" })), undefined, name);
    }
    const xdg = join(lab.home, "xdg");
    mkdirSync(join(xdg, "git"), { recursive: true });
    for (const file of [join(lab.home, ".gitconfig"), join(xdg, "git", "config")]) {
      const place = withEnv({ XDG_CONFIG_HOME: xdg });
      writeFileSync(file, '[user]\n\tname = Ned\n[url "/a"]\n\tinsteadOf = /h\n');
      assert.equal(readPlainUrls(place), askForUrls(place));
      for (const text of ['[Remote "production"]\nurl = /other\n', "[include]\npath = x\n"]) {
        writeFileSync(file, text);
        assert.is(readPlainUrls(place), undefined, text);
      }
      writeFileSync(file, "");
    }
  });
});
