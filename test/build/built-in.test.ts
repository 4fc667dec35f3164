/** Each buildpack of the platform builds a small real app, which then runs. */
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import * as assert from "uvu/assert";
import { mayFit } from "../../src/build/builtin-packs.ts";
import { RootFiles } from "../../src/build/detect.ts";
import type { BuildSite } from "../../src/build/pack.ts";
import { BUILT_IN_BUILDPACKS, type BuiltInName } from "../../src/core/buildpack.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";
import { BuildLab } from "./build-lab.ts";

const run = promisify(execFile);
const BUILDPACKS = fileURLToPath(new URL("../../../buildpacks", import.meta.url));
const python = await run("python3", ["-c", "import venv, ensurepip"]).then(
  () => undefined,
  () => "python3-venv",
);

function tool(name: string, debian: string): string | undefined {
  const found = (process.env["PATH"] ?? "").split(":").some((dir) => existsSync(join(dir, name)));
  return found ? undefined : debian;
}

/** Runs a command in a built app as a process of it would run. */
async function inApp(dir: string, command: string): Promise<string> {
  const env = { PATH: process.env["PATH"], HOME: dir };
  const profile = "for f in .profile.d/*.sh; do . ./$f; done;";
  return (await run("sh", ["-c", `${profile} ${command}`], { cwd: dir, env })).stdout;
}

const EXAMPLES: readonly [BuiltInName | undefined, Record<string, string>][] = [
  ["ruby", { Gemfile: "", "package.json": "{}" }],
  ["nodejs", { "package.json": "{}", "requirements.txt": "" }],
  ["python", { "requirements.txt": "", "go.mod": "module a\n" }],
  ["python", { "uv.lock": "", "pyproject.toml": "" }],
  ["go", { "go.mod": "module a\n", Procfile: "web: a\n" }],
  ["procfile", { Procfile: "web: a\n", "index.html": "" }],
  ["static", { "public/index.html": "" }],
  ["static", { "static.json": "{}" }],
  [undefined, { "uv.lock": "", "sub/package.json": "{}", "a/index.html": "", "public/a.html": "" }],
];

function pythonApp(text: string): Record<string, string> {
  return {
    "requirements.txt": "greeting==1.0\n",
    Procfile: "web: greet\n",
    "app.py": text,
    ".python-version": "2.7\n",
  };
}

function nodeApp(node: string): Record<string, string> {
  const manifest = { engines: { node }, scripts: { build: "node -v >built" } };
  return { "package.json": JSON.stringify(manifest), Procfile: "web: node web.js\n" };
}

describe("built-in buildpacks", (test) => {
  test("the quick look at an app never says no where bin/detect says yes, and the first that fits is Heroku's", async (t) => {
    for (const [expected, files] of EXAMPLES) {
      const dir = await t.tempDir();
      for (const [path, text] of Object.entries(files)) {
        await mkdir(dirname(join(dir, path)), { recursive: true });
        await writeFile(join(dir, path), text);
      }
      const listed = Object.keys(files).map((path) => ({ path, mode: "100644", oid: "", sizeBytes: 0 }));
      const root = new RootFiles(listed, (name) => readFile(join(dir, name), "utf8"));
      const site = { root, declared: await root.procfile() } as unknown as BuildSite;
      const fitting: BuiltInName[] = [];
      for (const name of BUILT_IN_BUILDPACKS) {
        const program = join(BUILDPACKS, name, "bin", "detect");
        const isFit = existsSync(program)
          ? await run(program, [dir]).then(
              () => true,
              () => false,
            )
          : mayFit(name, site);
        if (isFit) fitting.push(name);
        assert.ok(!isFit || mayFit(name, site), name);
      }
      assert.is(fitting[0], expected);
    }
  });

  test.needing(python, "python: packages in a virtual environment that may move, kept for the same list", async (t) => {
    const lab = await BuildLab.make(t);
    const source = join(lab.root, "greeting");
    await mkdir(join(source, "greeting"), { recursive: true });
    await writeFile(join(source, "greeting", "__init__.py"), 'def main():\n    print("hello from the package")\n');
    const wheel = join(lab.root, "greeting-1.0-py3-none-any.whl");
    await run("python3", ["-c", WHEEL, wheel, source]);
    const toolEnv = { PATH: process.env["PATH"] ?? "", http_proxy: "http://127.0.0.1:1" };
    const failing = await lab.commit({ ...pythonApp(""), "requirements.txt": "./no-such-directory\n" });
    const error = await refuses("invalid_params", () => lab.build(failing, { toolEnv }));
    assert.match(error.hint ?? "", "bin/compile of python ended with exit status 1.");
    assert.match(lab.text, / !     `.* -m pip .*install .*` ended with exit status \d+\.\n/);
    const offline = { "requirements.txt": `--no-index\n--find-links ${lab.root}\ngreeting==1.0\n` };
    const slug = await lab.build(await lab.commit({ ...pythonApp("1"), ...offline }), { toolEnv });
    assert.match(lab.text, /-----> Python app detected\n {7}Python 3[.\d]+\n !     \.python-version asks for 2\.7;/);
    const moved = join(lab.root, "moved");
    await cp(slug.dir, moved, { recursive: true, verbatimSymlinks: true });
    assert.is(await inApp(moved, "greet"), "hello from the package\n");
    await lab.build(await lab.commit({ ...pythonApp("1"), "requirements.txt": "\n" }), { toolEnv });
    await lab.build(await lab.commit({ ...pythonApp("2"), "requirements.txt": "\n" }), { toolEnv });
    assert.match(lab.text, "Using the packages installed before: requirements.txt is the same\n");
  });

  test("nodejs: the version that engines wants is taken from where the machine has it, else said not to be", async (t) => {
    const lab = await BuildLab.make(t);
    const nvm = join(lab.root, "nvm");
    for (const version of ["v18.1.0", "v18.99.1", "v19.0.0"]) {
      const prefix = join(nvm, "versions", "node", version);
      await mkdir(join(prefix, "bin"), { recursive: true });
      await writeFile(join(prefix, "bin", "node"), `#!/bin/sh\necho node ${version}\n`, { mode: 0o755 });
    }
    const toolEnv = { PATH: process.env["PATH"] ?? "", NVM_DIR: nvm };
    const slug = await lab.build(await lab.commit(nodeApp("^18.1")), { toolEnv });
    assert.match(lab.text, "-----> Node.js app detected\n       Node.js 18.99.1\n");
    assert.is(await inApp(slug.dir, "node"), "node v18.99.1\n");
    const other = await lab.build(await lab.commit(nodeApp("4.x")), { toolEnv });
    const own = process.versions.node;
    const warning = `package.json asks for Node.js "4.x"; this machine has no such version, so ${own} is used.`;
    assert.match(lab.text, `       Node.js ${own}\n !     ${warning}\n`);
    assert.not(existsSync(join(other.dir, ".node")));
    await lab.build(await lab.commit(nodeApp("lts/*")), { toolEnv });
    assert.match(lab.text, `asks for Node.js "lts/*", which is no range of versions; ${own} is used.\n`);
  });

  test("static: a folder is served, and nothing else", async (t) => {
    const lab = await BuildLab.make(t);
    const settings = { clean_urls: true, routes: { "/app/**": "index.html" }, headers: { "/a*": { "X-Test": "yes" } } };
    const slug = await lab.build(
      await lab.commit({
        "public/index.html": "home",
        "public/about.html": "about",
        "public/404.html": "lost",
        "public/.secret": "no",
        "public/docs/index.html": "docs",
        "static.json": JSON.stringify(settings),
        secret: "no",
      }),
    );
    assert.match(lab.text, "Default types for Static -> web\n");
    const server = spawn("sh", ["-c", `exec ${slug.procfile.get("web") ?? ""}`], {
      cwd: slug.dir,
      env: { PATH: process.env["PATH"], PORT: "0" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    t.after(() => server.kill("SIGKILL"));
    const [line] = (await once(server.stdout, "data")) as [Buffer];
    const url = `http://127.0.0.1:${/(\d+)\n/.exec(line.toString())?.[1] ?? ""}`;
    const get = async (path: string, headers: Record<string, string> = {}): Promise<string> => {
      const answer = await fetch(url + path, { headers, redirect: "manual" });
      return `${String(answer.status)} ${await answer.text()}`;
    };
    for (const [path, expected] of [
      ["/", "200 home"],
      ["/about", "200 about"],
      ["/docs/", "200 docs"],
      ["/docs", "301 "],
      ["/app/any/where", "200 home"],
      ["/nothing", "404 lost"],
      ["/.secret", "404 lost"],
      ["/..%2fsecret", "404 lost"],
      ["/%zz", "400 "],
    ] as const) {
      assert.is(await get(path), expected, path);
    }
    assert.is(await get("/about.html", { range: "bytes=1-2" }), "206 bo");
    const answer = await fetch(`${url}/about.html`);
    assert.is(answer.headers.get("content-type"), "text/html; charset=utf-8");
    assert.is(answer.headers.get("x-test"), "yes");
    assert.is(await get("/about.html", { "if-none-match": answer.headers.get("etag") ?? "" }), "304 ");
    await answer.text();
    const ended = once(server, "exit");
    server.kill("SIGTERM");
    assert.equal(await ended, [0, null]);
    const broken = await lab.commit({ "index.html": "", "static.json": "{" });
    await refuses("invalid_params", () => lab.build(broken));
    assert.match(lab.text, " !     static.json is no JSON: ");
  });

  test("a toolchain that is missing is named with its package", async (t) => {
    const lab = await BuildLab.make(t);
    const bin = join(lab.root, "bin");
    await mkdir(bin);
    // As little as the scripts themselves need.
    for (const name of ["git", "tar", "find", "sh", "sed", "mkdir", "rm", "dirname", "env", "chmod"]) {
      const { stdout } = await run("sh", ["-c", `command -v ${name}`]);
      await writeFile(join(bin, name), `#!/bin/sh\nexec ${stdout.trim()} "$@"\n`, { mode: 0o755 });
    }
    for (const [program, files, told] of [
      ["ruby", { Gemfile: "", "Gemfile.lock": "" }, "Ruby is not on this machine: install the package ruby."],
      ["go", { "go.mod": "module a\n" }, "Go is not on this machine: install the package golang-go."],
      ["python3", { "requirements.txt": "" }, "Python is not on this machine: install the package python3."],
    ] as const) {
      // The directory of the platform's own node is always searched.
      if (existsSync(join(dirname(process.execPath), program))) continue;
      const commit = await lab.commit(files);
      const error = await refuses("invalid_params", () => lab.build(commit, { toolEnv: { PATH: bin } }));
      assert.match(`${error.message} ${error.hint ?? ""}`, "ended with exit status 1");
      assert.match(lab.text, ` !     ${told}\n`);
    }
  });

  test.needing(tool("bundle", "bundler"), "ruby: gems of the lockfile", async (t) => {
    const lab = await BuildLab.make(t);
    const lock = "GEM\n  specs:\n\nPLATFORMS\n  ruby\n\nDEPENDENCIES\n";
    const files = { Gemfile: "", "Gemfile.lock": lock, "config.ru": "run ->(env) { [200, {}, ['ruby']] }\n" };
    const slug = await lab.build(await lab.commit(files));
    assert.match(slug.procfile.get("web") ?? "", "rackup");
    assert.match(await inApp(slug.dir, "bundle exec ruby -e 'puts Bundler.bundle_path'"), `${slug.dir}/vendor/bundle/`);
    const old = { ...files, Gemfile: 'ruby "1.8.7"\n' };
    await refuses("invalid_params", async () => lab.build(await lab.commit(old)));
    assert.match(lab.text, /your Gemfile specified 1\.8\.7\n !     `bundle install` ended with exit status 18\.\n/);
  });

  test.needing(tool("go", "golang-go"), "go: the module's programs", async (t) => {
    const lab = await BuildLab.make(t);
    const main = 'package main\n\nimport "fmt"\n\nfunc main() { fmt.Println("hello from go") }\n';
    const slug = await lab.build(
      await lab.commit({ "go.mod": "module example.com/hello/v2\n\ngo 1.13\n", "main.go": main }),
    );
    assert.not.match(lab.text, "go.mod asks for");
    assert.is(await inApp(slug.dir, slug.procfile.get("web") ?? ""), "hello from go\n");
    const broken = {
      "go.mod": "module example.com/hello\n\ngo 1.13\n",
      "main.go": "package main\n\nfunc main() { no }\n",
    };
    await refuses("invalid_params", async () => lab.build(await lab.commit(broken)));
    assert.match(
      lab.text,
      /main\.go:3:15: undefined: no\n !     `go install \.\/\.\.\.` ended with exit status [12]\.\n/,
    );
  });
});

/** Makes a wheel of a package, with a command `greet`. */
const WHEEL = `
import sys, zipfile
target, source = sys.argv[1:]
with zipfile.ZipFile(target, "w") as wheel:
    wheel.write(source + "/greeting/__init__.py", "greeting/__init__.py")
    wheel.writestr("greeting-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: greeting\\nVersion: 1.0\\n")
    wheel.writestr("greeting-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr("greeting-1.0.dist-info/entry_points.txt", "[console_scripts]\\ngreet = greeting:main\\n")
    wheel.writestr("greeting-1.0.dist-info/RECORD", "greeting/__init__.py,,\\ngreeting-1.0.dist-info/METADATA,,\\ngreeting-1.0.dist-info/WHEEL,,\\ngreeting-1.0.dist-info/entry_points.txt,,\\ngreeting-1.0.dist-info/RECORD,,\\n")
`;
