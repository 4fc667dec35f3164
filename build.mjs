/** Builds `dist/`: tsc type-checks and compiles for the tests; esbuild makes one file of each program, because
 *  start-up is the floor of every command (docs/decisions/001-bundled-programs.md). */
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(fileURLToPath(import.meta.url));
process.chdir(root);
rmSync("dist", { recursive: true, force: true });
const tsc = spawnSync(process.execPath, [join("node_modules", "typescript", "bin", "tsc")], { stdio: "inherit" });
if (tsc.status !== 0) process.exit(tsc.status ?? 1);

const programs = readdirSync("src/bin", { recursive: false }).map((file) => join("src/bin", file));
await build({
  entryPoints: programs,
  outdir: "dist/bin",
  bundle: true,
  splitting: true,
  platform: "node",
  target: "node20",
  format: "esm",
  chunkNames: "chunk-[hash]",
  legalComments: "none",
  logLevel: "warning",
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: true,
  sourcemap: "linked",
  sourcesContent: false,
  // CommonJS packages inside an ES module bundle still ask for `require`.
  banner: {
    js: 'import{createRequire as __createRequire}from"node:module";const require=__createRequire(import.meta.url);',
  },
});
for (const file of readdirSync("dist/bin")) if (file.endsWith(".js")) chmodSync(join("dist/bin", file), 0o755);

// The manual page says what the help says: both are made from the commands themselves.
const { formatManPage } = await import("./dist/src/cli/man-page.js");
const { listEverything } = await import("./dist/src/cli/help-command.js");
const { version } = JSON.parse(readFileSync("package.json", "utf8"));
mkdirSync("dist/man", { recursive: true });
writeFileSync("dist/man/git-heroku.1", formatManPage(await listEverything(), version));
