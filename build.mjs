/** Builds `dist/`: tsc type-checks and compiles for the tests; esbuild makes one file of each program, because
 *  start-up is the floor of every command (docs/decisions/001-bundled-programs.md). */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = dirname(fileURLToPath(import.meta.url));
process.chdir(root);
/** Says of what `dist/` was built; written last. */
const STAMP = "dist/built-of";
const source = digestOfSource();
// `npm ci` builds, then `npm test` would do so again.
if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === source) process.exit();
rmSync("dist", { recursive: true, force: true });
const tsc = spawnSync(process.execPath, [join("node_modules", "typescript", "bin", "tsc")], { stdio: "inherit" });
if (tsc.status !== 0) process.exit(tsc.status ?? 1);

/** yargs lays out its own help with these two, which tables of every emoji make dear to load (half of a Node start).
 *  Our help is our own (src/cli/help-text.ts), so the programs go without them. */
const withoutLayout = {
  name: "without-layout",
  setup(bundler) {
    bundler.onResolve({ filter: /^(cliui|string-width)$/ }, ({ path }) => ({ path, namespace: "left-out" }));
    bundler.onLoad({ filter: /.*/, namespace: "left-out" }, ({ path }) => ({
      contents: `export default () => { throw new Error("${path} is not part of this program."); };`,
    }));
  },
};

/** Large packages that a program imports on demand stay beside it: Node parses a program whole, also what is not run. */
const ON_DEMAND = ["yargs", "ndjson", "age-encryption", "tar", "yaml"];
/** So does a part of ours that few commands need. */
const PARTS = ["release-build", "log-rest"];
const besideTheProgram = {
  name: "beside-the-program",
  setup(bundler) {
    bundler.onResolve({ filter: new RegExp(`^(${ON_DEMAND.join("|")})$`) }, ({ path, kind }) =>
      kind === "dynamic-import" ? { path: `./${path}.js`, external: true } : undefined,
    );
    bundler.onResolve({ filter: new RegExp(`^\\./(${PARTS.join("|")})\\.ts$`) }, ({ path }) => ({
      path: path.replace(/ts$/, "js"),
      external: true,
    }));
  },
};

/** age's scrypt is Node's own here: in JavaScript, after other work with the same helpers, it took six seconds. */
const scryptOfNode = {
  name: "scrypt-of-node",
  setup(bundler) {
    bundler.onResolve({ filter: /^@noble\/hashes\/scrypt\.js$/ }, ({ path }) => ({
      path,
      namespace: "scrypt-of-node",
    }));
    bundler.onLoad({ filter: /.*/, namespace: "scrypt-of-node" }, () => ({
      contents: `const { scryptSync } = require("node:crypto");
        exports.scrypt = (password, salt, { N, r, p, dkLen }) =>
          new Uint8Array(scryptSync(password, salt, dkLen, { N, r, p, maxmem: 129 * N * r + 2 ** 20 }));`,
    }));
  },
};

/** isomorphic-git compresses by web streams, for which Node loads all of fetch, and without them by pako: by zlib here. */
const zlibOfNode = {
  name: "zlib-of-node",
  setup(bundler) {
    bundler.onResolve({ filter: /^pako$/ }, ({ path }) => ({ path, namespace: "zlib-of-node" }));
    bundler.onLoad({ filter: /.*/, namespace: "zlib-of-node" }, () => ({
      contents: `const { deflateSync, inflateSync } = require("node:zlib");
        module.exports = { deflate: (data) => deflateSync(data), inflate: (data) => inflateSync(data) };`,
    }));
  },
};

// CommonJS, because Node starts it 6 ms sooner than an ES module; so no program may use a top-level await.
// A program begins with `#!`; the other files of src/bin are parts of them.
const programs = readdirSync("src/bin")
  .map((file) => join("src/bin", file))
  .filter((file) => readFileSync(file, "utf8").startsWith("#!"));
const { ROUTER_NODE_OPTIONS } = await import("./dist/src/router/start-router.js");
/** Bytes from which it pays to keep what V8 has compiled. */
const LARGE = 50_000;
const packages = ON_DEMAND.map((name) => ({ in: name, out: name }));
const shared = {
  outdir: "dist/bin",
  bundle: true,
  platform: "node",
  target: "node20",
  format: "cjs",
  // Worked out only where it is asked for: node:url would be read at each start.
  define: {
    "import.meta.url": "__module.url",
    CompressionStream: "undefined",
    DecompressionStream: "undefined",
  },
  banner: { js: 'const __module={get url(){return require("node:url").pathToFileURL(__filename).href}};' },
  supported: { "dynamic-import": false },
  legalComments: "none",
  logLevel: "warning",
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: "linked",
  sourcesContent: false,
};
await build({ ...shared, entryPoints: programs, plugins: [besideTheProgram, zlibOfNode] });
const parts = PARTS.map((name) => join("src/bin", `${name}.ts`));
await build({ ...shared, entryPoints: parts });
// A thread of the daemon is a program of its own, found beside it.
for (const thread of ["pattern-worker", "segment-worker", "count-worker", "read-worker"])
  await build({ ...shared, entryPoints: [{ in: `src/logs/${thread}.ts`, out: thread }] });
// A package written as an ES module is its default export, if it has one, as one that was CommonJS all along.
const footer = { js: "if (module.exports.default) module.exports = module.exports.default;" };
await build({ ...shared, entryPoints: packages, plugins: [withoutLayout, scryptOfNode], footer });
writeFileSync("dist/bin/package.json", '{ "type": "commonjs" }\n');
for (const program of programs) {
  const name = basename(program, ".ts");
  const file = join("dist/bin", `${name}.js`);
  if (readFileSync(file).length > LARGE) await compileAhead(name, file);
  chmodSync(file, 0o755);
}

/** The program becomes one function in `NAME.program.js`, with V8's cache of it beside, and `NAME.js` what runs that. */
async function compileAhead(name, file) {
  const program = join("dist/bin", `${name}.program.js`);
  const [text, map] = readFileSync(file, "utf8").split("//# sourceMappingURL=");
  const body = text.replace(/^#!.*/, "(function(exports,require,module,__filename){");
  writeFileSync(program, `${body}})\n//# sourceMappingURL=${map}`);
  await build({
    stdin: {
      contents: `import { runCompiled } from "./src/bin/run-compiled.ts";
        runCompiled(__dirname + "/${name}.program.js", require);`,
      resolveDir: root,
    },
    outfile: file,
    allowOverwrite: true,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    minify: true,
    banner: { js: "#!/usr/bin/env node" },
  });
  const { NODE_OPTIONS: _flags, ...env } = process.env;
  const options = name === "routerd" ? ROUTER_NODE_OPTIONS : [];
  const compiled = spawnSync(process.execPath, [...options, "dist/src/bin/compile-program.js", program], {
    env,
    stdio: ["ignore", "ignore", "inherit"],
  });
  if (compiled.status !== 0) throw new Error(`${program} does not run.`);
}

// The manual page says what the help says: both are made from the commands themselves.
const { formatManPage } = await import("./dist/src/cli/man-page.js");
const { listEverything } = await import("./dist/src/cli/help-command.js");
const { version } = JSON.parse(readFileSync("package.json", "utf8"));
mkdirSync("dist/man", { recursive: true });
writeFileSync("dist/man/git-heroku.1", formatManPage(await listEverything(), version));
writeFileSync(STAMP, source);

/** All that a build depends on: the source, the packages, Node. */
function digestOfSource() {
  const files = ["src", "test"].flatMap((directory) =>
    readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  const hash = createHash("sha256").update(process.version + process.arch);
  for (const file of ["build.mjs", "package.json", "package-lock.json", "tsconfig.json", ...files.sort()])
    hash.update(`\0${file}\0`).update(readFileSync(file));
  return hash.digest("hex");
}
