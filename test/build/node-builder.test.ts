import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { access, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import * as assert from "uvu/assert";
import { layersOf } from "../../src/build/layers.ts";
import { pickToolEnv } from "../../src/build/tool-env.ts";
import { refuses } from "../support/assert.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { BuildLab } from "./build-lab.ts";

/** A registry on the loopback with one package, `left@1.0.0`. */
async function registry(
  t: TestContext,
  scripts: Record<string, string> = {},
): Promise<{ url: string; integrity: string; asked: string[] }> {
  const dir = await t.tempDir();
  await mkdir(join(dir, "package"));
  await writeFile(join(dir, "package/package.json"), JSON.stringify({ name: "left", version: "1.0.0", scripts }));
  await writeFile(join(dir, "package/index.js"), "module.exports = 'left';\n");
  await promisify(execFile)("tar", ["-czf", "left.tgz", "package"], { cwd: dir });
  const tarball = await readFile(join(dir, "left.tgz"));
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.end(tarball);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  t.after(() => server.closeAllConnections());
  const url = `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
  return { url, integrity: `sha512-${createHash("sha512").update(tarball).digest("base64")}`, asked };
}

function lockfile(root: object, { url, integrity }: { url: string; integrity: string }, more: object = {}): string {
  const left = { version: "1.0.0", resolved: `${url}left/-/left-1.0.0.tgz`, integrity, ...more };
  return JSON.stringify({ lockfileVersion: 3, requires: true, packages: { "": root, "node_modules/left": left } });
}

/** A script that needs both dependencies. */
function showing(name: string): string {
  return `node -e "console.log('${name}', require('tool'), require('lib'))"`;
}

describe("node builder", (test) => {
  test("an app without dependencies and scripts never meets npm", async (t) => {
    const lab = await BuildLab.make(t);
    const files = { "package.json": '{"scripts":{"start":"node ."}}', "index.js": "" };
    const slug = await lab.build(await lab.commit(files));
    assert.is(
      lab.text,
      `-----> Node.js app detected
       Node.js ${process.versions.node}
-----> Discovering process types
       Default types for Node.js -> web
`,
    );
    assert.equal([...slug.procfile], [["web", "npm start"]]);
    assert.is(slug.detected, "Node.js");
  });

  test("a server.js is enough to be started, and a Procfile goes before it", async (t) => {
    const lab = await BuildLab.make(t);
    const plain = await lab.build(await lab.commit({ "package.json": "{}", "server.js": "" }));
    assert.is(plain.procfile.get("web"), "npm start");
    const files = { "package.json": "{}", "server.js": "", Procfile: "clock: node clock.js\n" };
    assert.equal([...(await lab.build(await lab.commit(files))).procfile.keys()], ["clock"]);
  });

  test("runs the build script and keeps what it made, read-only", async (t) => {
    const lab = await BuildLab.make(t);
    const slug = await lab.build(await lab.commitFixture("builds"));
    assert.match(lab.text, "-----> Running build\n");
    assert.match(lab.text, "\n       \u001b[32mdist/server.js\u001b[39m written\n");
    assert.is((await stat(join(slug.dir, "dist/server.js"))).mode & 0o777, 0o444);
    assert.ok(slug.sizeBytes > 0);
    assert.equal(await lab.slugs(), [slug.id]);
  });

  test("a failing script fails the build with its own words", async (t) => {
    const lab = await BuildLab.make(t);
    const error = await refuses("invalid_params", async () => lab.build(await lab.commitFixture("build-fails")));
    assert.is(error.message, "build failed");
    assert.is(error.hint, "`npm run build` ended with exit status 3.");
    assert.match(lab.text, "       src/server.ts:3:1 - error: Expected a semicolon.\n");
    assert.equal(await lab.slugs(), []);
  });

  test("development dependencies are there while scripts run, in Heroku's order, and gone after", async (t) => {
    const lab = await BuildLab.make(t);
    const commit = await lab.commit({
      Procfile: "web: node .\n",
      "package.json": JSON.stringify({
        name: "app",
        dependencies: { lib: "file:lib" },
        devDependencies: { tool: "file:tool" },
        scripts: {
          "heroku-prebuild": "node -e \"console.log('before', require('fs').existsSync('node_modules'))\"",
          build: showing("never"),
          "heroku-postbuild": showing("after"),
        },
      }),
      "lib/package.json": '{"name":"lib","version":"1.0.0"}',
      "lib/index.js": "module.exports = 'lib';",
      "tool/package.json": '{"name":"tool","version":"1.0.0"}',
      "tool/index.js": "module.exports = 'tool';",
    });
    const { dir } = await lab.build(commit);
    assert.ok(lab.text.indexOf("       before false\n") > 0, lab.text);
    assert.ok(lab.text.indexOf("       after tool lib\n") > lab.text.indexOf("before false"), lab.text);
    assert.not.match(lab.text, "never tool");
    await access(join(dir, "node_modules/lib/index.js"));
    assert.is(await access(join(dir, "node_modules/tool")).catch(() => "gone"), "gone");
  });

  test("a script sees an environment made for it, and no git variable", async (t) => {
    const lab = await BuildLab.make(t);
    const script = "require('fs').writeFileSync('env.json', JSON.stringify(process.env))";
    const commit = await lab.commit({
      Procfile: "web: node .\n",
      "package.json": JSON.stringify({ name: "app", scripts: { build: `node -e "${script}"` } }),
    });
    const noise = { GIT_DIR: "/x", SECRET: "s", npm_config_registry: "http://127.0.0.1:1/", HTTPS_PROXY: "http://p/" };
    const toolEnv = pickToolEnv({ ...noise, PATH: process.env["PATH"] });
    const { dir } = await lab.build(commit, { toolEnv });
    const env = JSON.parse(await readFile(join(dir, "env.json"), "utf8")) as Record<string, string>;
    assert.is(env["SECRET"], undefined);
    assert.is(env["GIT_DIR"], undefined);
    assert.is(env["NODE_ENV"], "production");
    assert.is(env["npm_config_registry"], "http://127.0.0.1:1/");
    assert.is(env["HTTPS_PROXY"], "http://p/");
    assert.match(env["HOME"] ?? "", /\.build-[0-9a-f]+\/home$/);
  });

  test("output without end is cut, and cut is told", async (t) => {
    const lab = await BuildLab.make(t);
    const script = "for (let i = 0; i < 300000; i += 1) console.log('line number ' + i)";
    const commit = await lab.commit({
      Procfile: "web: node .\n",
      "package.json": JSON.stringify({ name: "app", scripts: { build: `node -e "${script}"` } }),
    });
    await lab.build(commit);
    assert.ok(lab.text.length < 1_200_000, String(lab.text.length));
    assert.match(lab.text, /\n {7}\([0-9]+ more bytes are not shown\)\n/);
  });

  test("what the lockfile installs is fetched once, and is a layer of every slug of it", async (t) => {
    const lab = await BuildLab.make(t);
    const { url, integrity, asked } = await registry(t);
    const manifest = { name: "app", version: "1.0.0", dependencies: { left: "1.0.0" } };
    const app = (index: string): Record<string, string> => ({
      Procfile: "web: node .\n",
      "package.json": JSON.stringify(manifest),
      "package-lock.json": lockfile(manifest, { url, integrity }),
      "index.js": index,
    });
    const toolEnv = { ...pickToolEnv(process.env), npm_config_registry: url, npm_config_cache: await t.tempDir() };
    const options = { toolEnv, shares: true };
    const first = await lab.build(await lab.commit(app("// one")), options);
    assert.equal(asked, ["/left/-/left-1.0.0.tgz"], lab.text);
    const second = await lab.build(await lab.commit(app("// two")), options);
    assert.match(lab.text, "Using the dependencies installed before");
    assert.equal([first.locked, first.plain, second.locked, second.plain], [true, undefined, true, true]);
    const layers = await Promise.all([first, second].map(({ dir }) => layersOf(dirname(dir))));
    assert.equal(layers[0], layers[1]);
    const [layer] = layers[0] ?? [];
    assert.equal(await readdir(join(first.dir, "node_modules")), []);
    const file = await stat(join(layer?.dir ?? "", "node_modules/left/index.js"));
    assert.is(file.mode & 0o222, 0);
    assert.ok(second.sizeBytes >= (layer?.sizeBytes ?? Number.NaN));
    assert.is(asked.length, 1);
  });

  test("where scripts run, what is kept is copied: a script cannot change another slug", async (t) => {
    const lab = await BuildLab.make(t);
    const { url, integrity } = await registry(t);
    const patch = "require('fs').appendFileSync('node_modules/left/index.js', process.cwd().length + ';')";
    const scripts = { build: `node -e "${patch}"` };
    const manifest = { name: "app", version: "1.0.0", dependencies: { left: "1.0.0" }, scripts };
    const app = (index: string): Record<string, string> => ({
      Procfile: "web: node .\n",
      "package.json": JSON.stringify(manifest),
      "package-lock.json": lockfile(manifest, { url, integrity }),
      "index.js": index,
    });
    const toolEnv = { ...pickToolEnv(process.env), npm_config_registry: url, npm_config_cache: await t.tempDir() };
    const first = await lab.build(await lab.commit(app("// one")), { toolEnv });
    const before = await readFile(join(first.dir, "node_modules/left/index.js"), "utf8");
    const second = await lab.build(await lab.commit(app("// two")), { toolEnv });
    assert.match(lab.text, "Using the dependencies installed before");
    assert.is(await readFile(join(first.dir, "node_modules/left/index.js"), "utf8"), before);
    assert.is((await readFile(join(second.dir, "node_modules/left/index.js"), "utf8")).split(";").length, 3);
  });

  test("what scripts leave of the packages is a layer of all slugs in which it is the same", async (t) => {
    const lab = await BuildLab.make(t);
    const { url, integrity } = await registry(t);
    const build = `node -e "require('./build.js')"`;
    const manifest = { name: "app", version: "1.0.0", dependencies: { left: "1.0.0" }, scripts: { build } };
    const app = (script: string): Record<string, string> => ({
      Procfile: "web: node .\n",
      "package.json": JSON.stringify(manifest),
      "package-lock.json": lockfile(manifest, { url, integrity }),
      "build.js": `const fs = require("fs"); fs.writeFileSync("built.txt", "built"); ${script}\n`,
    });
    const toolEnv = { ...pickToolEnv(process.env), npm_config_registry: url, npm_config_cache: await t.tempDir() };
    const scripts = [
      "// one",
      "// two",
      'fs.appendFileSync("node_modules/left/index.js", "// changed")',
      'fs.mkdirSync("node_modules/left/empty")',
    ];
    const found: { key: string; text: string }[] = [];
    for (const script of scripts) {
      const slug = await lab.build(await lab.commit(app(script)), { toolEnv, shares: true });
      const [layer, ...others] = await layersOf(dirname(slug.dir));
      assert.equal(others, []);
      assert.equal(await readdir(join(slug.dir, "node_modules")), []);
      assert.is(await readFile(join(slug.dir, "built.txt"), "utf8"), "built");
      assert.is(slug.sizeBytes > (layer?.sizeBytes ?? Number.NaN), true);
      const file = join(layer?.dir ?? "", "node_modules/left/index.js");
      assert.is((await stat(file)).mode & 0o222, 0);
      found.push({ key: layer?.key ?? "", text: await readFile(file, "utf8") });
    }
    const [one, two, changed, more] = found;
    assert.equal(two, one);
    assert.is(new Set(found.map(({ key }) => key)).size, 3);
    assert.is(changed?.text, `${one?.text ?? ""}// changed`);
    assert.is(more?.text, one?.text);
  });

  test("a native module that does not compile fails the build in its own words, and nothing of it is kept", async (t) => {
    const lab = await BuildLab.make(t);
    const source = await registry(t, { install: "echo gyp ERR! not ok; exit 7" });
    const manifest = { name: "app", version: "1.0.0", dependencies: { left: "1.0.0" } };
    const lock = lockfile(manifest, source, { hasInstallScript: true });
    const files = { "package.json": JSON.stringify(manifest), "package-lock.json": lock, Procfile: "web: node .\n" };
    const toolEnv = { ...pickToolEnv(process.env), npm_config_registry: source.url };
    const error = await refuses("invalid_params", async () => lab.build(await lab.commit(files), { toolEnv }));
    assert.match(error.hint ?? "", /^`npm ci --omit=dev` ended with exit status 7\./);
    assert.match(lab.text, "gyp ERR! not ok");
    assert.equal(await lab.slugs(), []);
    assert.not((await readdir(join(lab.appDir, "cache"))).includes("node_modules"));
  });

  test("node_modules of the commit are used as they are", async (t) => {
    const lab = await BuildLab.make(t);
    const { dir } = await lab.build(
      await lab.commit({
        Procfile: "web: node .\n",
        "package.json": '{"name":"app","dependencies":{"left":"1.0.0"}}',
        "node_modules/left/index.js": "module.exports = 1;",
      }),
    );
    assert.match(lab.text, "Using the node_modules of the commit as they are");
    await access(join(dir, "node_modules/left/index.js"));
  });
});
