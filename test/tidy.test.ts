/** House rules that a review should not have to repeat: the arrows between rooms, purity of core, headers, sizes. */
import { readdir, readFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import * as assert from "uvu/assert";
import { describe } from "./support/suite.ts";

const ROOT = fileURLToPath(new URL("../../src", import.meta.url));
const LINES_MAX = 300;

/** room → the rooms it may import (docs/architecture.md draws the same picture). */
const ARROWS: Record<string, string[]> = {
  core: [],
  ledger: ["core"],
  logs: ["core"],
  outbound: ["core"],
  drains: ["core", "outbound"],
  webhooks: ["core", "outbound"],
  formation: ["core"],
  build: ["core"],
  audit: ["core"],
  router: ["core"],
  platform: ["core", "ledger", "logs", "outbound", "drains", "webhooks", "formation", "build", "router", "audit"],
  server: ["core", "platform"],
  hook: ["core", "platform"],
  api: ["core"],
  clone: ["core"],
  cli: ["core", "api", "clone", "audit"],
  bin: [
    "core",
    "platform",
    "ledger",
    "logs",
    "outbound",
    "drains",
    "webhooks",
    "formation",
    "build",
    "router",
    "server",
    "api",
    "clone",
    "cli",
    "hook",
  ],
};
/** AssemblyScript, which is no TypeScript but looks like it. */
const KERNEL = "logs/kernel/";
const PURE = new Set(["core"]);
const IMPURE = /\b(process\.|console\.|Date\.now|new Date\(\)|Math\.random|setTimeout|setInterval|fetch\()/;
const IMPORT = /^\s*(?:import|export)\s[^"';]*?from\s+"([^"]+)"|^\s*import\s+"([^"]+)"|\bimport\("([^"]+)"\)/gm;

interface SourceFile {
  path: string;
  room: string;
  text: string;
  imports: string[];
}

async function sources(): Promise<SourceFile[]> {
  const paths = (await readdir(ROOT, { recursive: true }))
    .filter((path) => path.endsWith(".ts") && !path.startsWith(KERNEL))
    .sort();
  return Promise.all(
    paths.map(async (path) => {
      const text = await readFile(join(ROOT, path), "utf8");
      const imports = [...text.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
      return { path, room: path.split("/")[0] ?? "", text, imports };
    }),
  );
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|\s)\/\/.*$/gm, "$1");
}

describe("tidy", (test) => {
  test("every folder under src is a room of the picture", async () => {
    const strays = (await sources()).filter((file) => ARROWS[file.room] === undefined || !file.path.includes("/"));
    assert.equal(
      strays.map((file) => file.path),
      [],
    );
  });

  test("imports follow the arrows", async () => {
    const wrong = (await sources()).flatMap((file) => {
      const allowed = new Set([file.room, ...(ARROWS[file.room] ?? [])]);
      return file.imports
        .filter((to) => (to.startsWith(".") ? !allowed.has(roomOf(file.path, to)) : PURE.has(file.room)))
        .map((to) => `${file.path} → ${to}`);
    });
    assert.equal(wrong, []);
  });

  test("pure rooms use no clock, no chance and no I/O", async () => {
    const impure = (await sources())
      .filter((file) => PURE.has(file.room))
      .map((file) => [file.path, IMPURE.exec(withoutComments(file.text))?.[0]])
      .filter(([, found]) => found !== undefined);
    assert.equal(impure, []);
  });

  test("isomorphic-git, yargs and dotenv stay in their rooms", async () => {
    const homes: Record<string, string[]> = {
      "isomorphic-git": ["ledger"],
      yargs: ["cli"],
      dotenv: ["ledger", "cli"],
    };
    const wrong = (await sources()).flatMap((file) =>
      file.imports
        .filter((to) => homes[to] !== undefined && !homes[to].includes(file.room))
        .map((to) => `${file.path} → ${to}`),
    );
    assert.equal(wrong, []);
  });

  test("every module opens with a header comment", async () => {
    const bare = (await sources()).filter((file) => !/^(#![^\n]*\n)?\/\*\*/.test(file.text));
    assert.equal(
      bare.map((file) => file.path),
      [],
    );
  });

  test(`no file is over ${String(LINES_MAX)} lines`, async () => {
    const long = (await sources()).filter((file) => file.text.split("\n").length > LINES_MAX);
    assert.equal(
      long.map((file) => file.path),
      [],
    );
  });
});

function roomOf(from: string, to: string): string {
  return relative(ROOT, join(ROOT, dirname(from), to)).split("/")[0] ?? "";
}
