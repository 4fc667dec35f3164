/** `ps…` and `logs`, against a real HTTP server that answers from memory. */
import type { ServerResponse } from "node:http";
import * as assert from "uvu/assert";
import type { Dyno } from "../../src/api/resources.ts";
import { cli, type CliMachine, type CliRun } from "../support/cli.ts";
import { FakePlatform, Refusal, type FakeApp } from "../support/fake-platform.ts";
import { describe, type TestContext } from "../support/suite.ts";

interface Scene {
  fake: FakePlatform;
  foobaz: FakeApp;
  machine: CliMachine;
  run: (...words: string[]) => Promise<CliRun>;
}

async function setUp(t: TestContext): Promise<Scene> {
  const directory = await t.tempDir();
  const fake = await FakePlatform.start(directory);
  t.after(() => fake.stop());
  const foobaz = fake.addApp("foobaz");
  const machine = { cwd: directory, env: { GIT_HEROKU_HOME: directory, GIT_HEROKU_USER: "Ned <ned@foobazco.com>" } };
  return { fake, foobaz, machine, run: (...words) => cli(machine, ...words, "-a", "foobaz") };
}

function dyno(name: string, state: string, updatedAt: string, more: Partial<Dyno> = {}): Dyno {
  const [type = ""] = name.split(".");
  const release = { id: "release-2", version: 2 };
  return { id: name, name, type, command: `run ${type}`, state, release, updated_at: updatedAt, ...more };
}

const HEADER =
  "Process       State               Command\n------------  ------------------  ------------------------------\n";
const done = (stdout: string): CliRun => ({ status: 0, stdout, stderr: "" });

describe("cli ps", (test) => {
  test("ps prints the table of 2011, sorted", async (t) => {
    const { foobaz, run } = await setUp(t);
    foobaz.dynos = [
      dyno("worker.1", "starting", "2011-06-19T08:36:16Z", { command: "bundle exec rake jobs:work" }),
      dyno("web.10", "up", "2011-06-18T16:36:00Z"),
      dyno("web.2", "crashed", "2011-06-19T08:36:15Z", { command: "bundle exec thin start -p $PORT -e production" }),
    ];
    const web =
      "web.2         crashed for 4s      bundle exec thin start -p $PORT -e..\nweb.10        up for 16h          run web\n";
    assert.equal(
      await run("ps"),
      done(`${HEADER}${web}worker.1      starting for 3s     bundle exec rake jobs:work\n`),
    );
    assert.equal(await run("ps", "web"), done(HEADER + web));
    assert.equal(
      (JSON.parse((await run("ps", "--json")).stdout) as Dyno[]).map(({ name }) => name),
      ["web.2", "web.10", "worker.1"],
    );
  });

  test("ps says when nothing runs, and when a type does not exist", async (t) => {
    const { foobaz, run } = await setUp(t);
    assert.equal(await run("ps"), done("foobaz has no processes\n"));
    assert.is((await run("ps", "--json")).stdout, "[]\n");
    assert.match((await run("ps", "web")).stderr, "none until its first deploy");
    foobaz.formation = [{ type: "web", quantity: 0, command: "run web" }];
    assert.equal(await run("ps", "web"), done("foobaz has no web processes\n"));
    const { status, stderr } = await run("ps", "wbe");
    assert.equal([status, stderr], [1, ' !    foobaz has no process type "wbe".\n !    It has: web.\n']);
  });

  test("ps --extended names an old process that still serves", async (t) => {
    const { foobaz, run, fake } = await setUp(t);
    const more = { memory: 21.4 * 1024 * 1024, host: "ned", listed: false };
    const extended = { pid: 4711, port: 5100, release: 1, serving: true, restarts: 0, ...more };
    foobaz.dynos = [
      dyno("web.1", "crashed", "2011-06-19T08:36:15Z", {
        extended: { ...extended, pid: null, port: null, memory: null, restarts: 3, listed: true, serving: false },
      }),
      dyno("web.1", "up", "2011-06-19T07:36:15Z", { release: { id: "r", version: 1 }, extended }),
    ];
    assert.is(
      (await run("ps", "--extended")).stdout,
      "Process              State           Release  Pid   Port  Memory  Restarts  Host  Command\n" +
        "web.1                crashed for 4s  v2       -     -     -       3         ned   run web\n" +
        "web.1 (v1, serving)  up for 1h       v1       4711  5100  21MB    0         ned   run web\n",
    );
    const listed = JSON.parse((await run("ps", "--json")).stdout) as Dyno[];
    assert.equal(
      listed.map(({ state, extended: more }) => [state, more?.restarts, more?.host]),
      [["crashed", 3, "ned"]],
    );
    assert.is((JSON.parse((await run("ps", "--json", "--extended")).stdout) as Dyno[]).length, 2);
    for (const { url } of fake.asked) assert.is(url, "/apps/foobaz/dynos?extended=true");
  });

  test("ps tells people, not programs, that the old release serves on", async (t) => {
    const { foobaz, machine, run } = await setUp(t);
    const extended = { pid: 4711, port: 5100, release: 1, restarts: 0, memory: null, host: "ned" };
    foobaz.dynos = [
      dyno("web.1", "crashed", "2011-06-19T08:36:15Z", { extended: { ...extended, serving: false, listed: true } }),
      dyno("web.1", "up", "2011-06-19T07:36:15Z", {
        release: { id: "r", version: 1 },
        extended: { ...extended, serving: true, listed: false },
      }),
    ];
    assert.is(
      (await cli({ ...machine, isTTY: true, env: { ...machine.env, NO_COLOR: "1" } }, "ps", "web", "-a", "foobaz"))
        .stderr,
      " !    v1 serves on, because web.1 did not come up.\n !    Fix and push, or roll back with: git heroku rollback\n",
    );
    assert.is((await run("ps", "web")).stderr, "");
  });

  test("scale prints a line for each type and sends one request", async (t) => {
    const { foobaz, fake, run } = await setUp(t);
    foobaz.formation = [
      { type: "web", quantity: 1, command: "run web" },
      { type: "worker", quantity: 2, command: "run worker" },
    ];
    assert.equal(await run("scale", "web=4"), done("Scaling web processes... done, now running 4\n"));
    assert.equal(
      await run("ps:scale", "web+1", "worker-1"),
      done("Scaling web processes... done, now running 5\nScaling worker processes... done, now running 1\n"),
    );
    assert.equal(fake.asked.at(-1)?.body, {
      updates: [
        { type: "web", quantity: "+1" },
        { type: "worker", quantity: "-1" },
      ],
    });
    assert.equal(await run("ps:scale"), done("web=5 worker=1\n"));
    assert.is((JSON.parse((await run("ps:scale", "--json")).stdout) as unknown[]).length, 2);
    assert.is((JSON.parse((await run("scale", "web=2", "--json")).stdout) as unknown[]).length, 1);
  });

  test("scale looks up the count of a type that did not change", async (t) => {
    const { foobaz, fake, run } = await setUp(t);
    foobaz.formation = [{ type: "web", quantity: 4, command: "run web" }];
    fake.override = ({ method }) => (method === "PATCH" ? { body: [] } : undefined);
    assert.equal(await run("scale", "web=4"), done("Scaling web processes... done, now running 4\n"));
  });

  test("scale refuses malformed words and unknown types", async (t) => {
    const { run } = await setUp(t);
    for (const word of ["web", "web=", "web=x", "=4", "web=-1", "web=1.5", "web=99999999"]) {
      assert.is((await run("scale", word)).status, 1, word);
    }
    assert.equal(await run("scale", "wbe=2"), {
      status: 1,
      stdout: "Scaling wbe processes... failed\n",
      stderr: " !    No process type wbe.\n",
    });
    assert.equal(await run("scale"), done("foobaz has no process types until its first deploy\n"));
  });

  test("restart and stop aim at everything, a type or a process", async (t) => {
    const { fake, run } = await setUp(t);
    assert.equal(await run("restart"), done("Restarting processes... done\n"));
    assert.equal(await run("ps:restart", "web"), done("Restarting web processes... done\n"));
    assert.equal(await run("ps:restart", "web.1"), done("Restarting web.1 process... done\n"));
    assert.equal(await run("ps:stop", "web"), done("Stopping web processes... done\n"));
    assert.equal(await run("stop", "web.1"), done("Stopping web.1 process... done\n"));
    assert.equal(
      fake.asked.map(({ method, url }) => `${method} ${url}`),
      [
        "DELETE /apps/foobaz/dynos",
        "DELETE /apps/foobaz/formations/web",
        "DELETE /apps/foobaz/dynos/web.1",
        "POST /apps/foobaz/formations/web/actions/stop",
        "POST /apps/foobaz/dynos/web.1/actions/stop",
      ],
    );
    assert.is((await run("ps:stop")).status, 2);
    assert.is((await run("ps:restart", "a/b")).status, 2);
  });

  test("what Heroku's client calls options and commands is understood too", async (t) => {
    const { fake, foobaz, run } = await setUp(t);
    assert.equal(await run("dyno:restart", "-d", "web.1"), done("Restarting web.1 process... done\n"));
    assert.equal(await run("restart", "--process-type", "web"), done("Restarting web processes... done\n"));
    assert.equal(await run("kill", "--dyno=web.1"), done("Stopping web.1 process... done\n"));
    assert.match((await run("ps:stop", "web.2", "-d", "web.1")).stderr, 'ps:stop does not take "web.2"');
    foobaz.logs = NDJSON;
    for (const words of [["-d", "web.1"], ["--dyno-name", "web.1"], ["--dyno=web.1"], ["--process-type", "web.1"]])
      assert.equal(await run("logs", ...words), await run("logs", "--ps", "web.1"));
    assert.equal(
      fake.asked.slice(0, 3).map(({ method, url }) => `${method} ${url}`),
      [
        "DELETE /apps/foobaz/dynos/web.1",
        "DELETE /apps/foobaz/formations/web",
        "POST /apps/foobaz/dynos/web.1/actions/stop",
      ],
    );
  });
});

const LINES = [
  {
    ts: "2011-06-18T08:21:37.000001Z",
    ps: "api",
    source: "heroku",
    msg: "Set maintenance mode on by kate@foobazco.com",
  },
  {
    ts: "2011-06-18T08:21:39.000001Z",
    ps: "web.1",
    source: "app",
    release: 4,
    msg: "\u001b[32mhello\u001b[0m \u0007 漢",
  },
  { ts: "2011-06-18T08:21:40.000001Z", ps: "web.2", source: "app", release: 4, msg: "" },
];
const NDJSON = LINES.map((line) => JSON.stringify(line));
const API_LINE = "2011-06-18T08:21:37+00:00 heroku[api]: Set maintenance mode on by kate@foobazco.com\n";

describe("cli logs", (test) => {
  test("prints lines as Heroku did, untouched when it is not a terminal", async (t) => {
    const { foobaz, run } = await setUp(t);
    foobaz.logs = NDJSON;
    assert.equal(await run("logs", "--source", "heroku", "--ps", "api"), done(API_LINE));
    assert.is(
      (await run("logs")).stdout,
      `${API_LINE}2011-06-18T08:21:39+00:00 app[web.1]: \u001b[32mhello\u001b[0m \u0007 漢\n2011-06-18T08:21:40+00:00 app[web.2]: \n`,
    );
    assert.is((await run("logs", "-n", "1")).stdout, "2011-06-18T08:21:40+00:00 app[web.2]: \n");
    assert.is((await run("logs", "-p", "web")).stdout.split("\n").length, 3);
  });

  test("--json passes every line through, byte for byte", async (t) => {
    const { foobaz, run } = await setUp(t);
    foobaz.logs = NDJSON;
    assert.equal(await run("logs", "--json"), done(NDJSON.map((line) => `${line}\n`).join("")));
  });

  test("on a terminal colours are kept and controls are shown; NO_COLOR drops colours", async (t) => {
    const { foobaz, machine } = await setUp(t);
    foobaz.logs = NDJSON.slice(1, 2);
    const words = ["logs", "-a", "foobaz"];
    const coloured = await cli({ ...machine, isTTY: true }, ...words);
    assert.match(coloured.stdout, "\u001b[32mhello\u001b[0m ^G 漢");
    assert.match(coloured.stdout, /^\u001b\[3\dm2011-06-18T08:21:39\+00:00 app\[web\.1\]:\u001b\[0m /);
    for (const env of [{ NO_COLOR: "1" }, { TERM: "dumb" }]) {
      const plain = await cli({ ...machine, isTTY: true, env: { ...machine.env, ...env } }, ...words);
      assert.is(plain.stdout, "2011-06-18T08:21:39+00:00 app[web.1]: hello ^G 漢\n");
    }
    const raw = await cli({ ...machine, isTTY: true }, ...words, "--raw");
    assert.match(raw.stdout, "\u001b[32mhello\u001b[0m \u0007 漢");
    const piped = await cli(machine, ...words, "--no-color");
    assert.is(piped.stdout, "2011-06-18T08:21:39+00:00 app[web.1]: hello \u0007 漢\n");
    const forced = await cli({ ...machine, env: { ...machine.env, NO_COLOR: "1" } }, ...words, "--force-colors");
    assert.match(
      forced.stdout,
      /^\u001b\[3\dm2011-06-18T08:21:39\+00:00 app\[web\.1\]:\u001b\[0m \u001b\[32mhello\u001b\[0m \u0007 漢\u001b\[0m\n$/,
    );
    const both = await cli(machine, ...words, "--force-colors", "--no-color");
    assert.equal([both.status, both.stdout], [2, ""]);
  });

  test("a line that is not ours is shown as it is", async (t) => {
    const { fake, run } = await setUp(t);
    const odd = 'not json\n{"ts":"2011"}\nnull\n{"msg":{}}\n';
    fake.override = (_, response) => void response.end(odd);
    assert.equal(await run("logs"), done(odd));
    assert.equal(await run("logs", "--json"), done('{"ts":"2011"}\n{"msg":{}}\n'));
  });

  test("nothing found names the processes that there are", async (t) => {
    const { foobaz, run } = await setUp(t);
    assert.equal(await run("logs"), { status: 0, stdout: "", stderr: " !    foobaz has no log lines yet.\n" });
    foobaz.logs = NDJSON;
    assert.equal(await run("logs", "--ps", "wbe", "--source", "app"), {
      status: 0,
      stdout: "",
      stderr: " !    No log lines match --ps wbe --source app.\n !    Processes with log lines: api, web.1, web.2\n",
    });
    assert.is((await run("logs", "--ps", "wbe", "--json")).stdout, "");
  });

  test("--tail goes on from the last place after the stream ended or broke, until the app is gone", async (t) => {
    const { fake, run } = await setUp(t);
    // In two pieces, the cut within a character.
    const bytes = Buffer.from(`${NDJSON[1] ?? ""}\n{"cursor":"a:2"}\n`);
    const answers: ((response: ServerResponse) => void)[] = [
      (response) => {
        response.write(`${NDJSON[0] ?? ""}\n{"cursor":"a:1"}\n\n`);
        response.write(bytes.subarray(0, -25));
        setImmediate(() => response.end(bytes.subarray(-25)));
      },
      // What has no place yet is not printed: it comes again.
      (response) => response.write(`${NDJSON[2] ?? ""}\n`, () => response.destroy()),
      (response) => response.end(`${NDJSON[2] ?? ""}\n{"cursor":"a:3"}\n`),
    ];
    fake.override = (_, response) => {
      const answer = answers.shift();
      if (answer === undefined) throw gone();
      answer(response.writeHead(200));
      return undefined;
    };
    const { status, stdout, stderr } = await run("logs", "-t", "-n", "0", "--json", "--search", "a b", "-i");
    assert.equal(
      [status, stdout],
      [
        1,
        NDJSON.slice(0, 3)
          .map((line) => `${line}\n`)
          .join(""),
      ],
    );
    assert.is(stderr, " !    Couldn't find that app.\n");
    const url = "/apps/foobaz/logs?search=a+b&ignore_case=true&lines=0&tail=true&cursors=true";
    assert.equal(
      fake.asked.map((question) => question.url),
      [url, ...[2, 2, 3].map((place) => `${url}&after=a%3A${String(place)}`)],
    );
  });

  test("what the platform cannot go on with is told in the stream", async (t) => {
    const { fake, run } = await setUp(t);
    fake.override = ({ url }, response) => {
      const error = { id: "invalid_params", message: "The pattern takes too long.", hint: "Try --search." };
      // Places are told to followers alone.
      const place = url.includes("tail=true") ? '{"cursor":"a:1"}\n' : "";
      response.writeHead(200).end(`${NDJSON[0] ?? ""}\n${place}${JSON.stringify({ error })}\n`);
      return undefined;
    };
    for (const words of [["logs"], ["logs", "-t"], ["logs", "--json"]]) {
      const { status, stdout, stderr } = await run(...words);
      assert.equal([status, stdout.split("\n").length], [1, 2]);
      assert.is(stderr, " !    The pattern takes too long.\n !    Try --search.\n");
    }
  });

  test("--tail of a process that never wrote says so at once", async (t) => {
    const { foobaz, fake, run } = await setUp(t);
    foobaz.logs = NDJSON;
    fake.override = ({ url }, response) => {
      if (url.includes("after")) throw gone();
      return url.includes("tail") ? void response.writeHead(200).end('{"cursor":":0"}\n') : undefined;
    };
    assert.match((await run("logs", "-t", "--ps", "wbe")).stderr, "Processes with log lines: api, web.1, web.2");
    assert.not.match((await run("logs", "-t", "--ps", "web")).stderr, "Processes with");
  });

  test("words that contradict each other are a mistake of usage", async (t) => {
    const { fake, run } = await setUp(t);
    const mistakes = {
      "--search and --regex cannot be used together.": ["--search", "a", "--regex", "b"],
      "--around and --tail cannot be used together.": ["--around", "v2", "--tail"],
      "--until and --tail cannot be used together.": ["--until", "10m", "--tail"],
      "--trash and --tail cannot be used together.": ["--trash", "--tail"],
      "--invert needs --search or --regex.": ["-v"],
      "--search takes a text that is not empty.": ["--search", ""],
      '--context takes a number from 1 to 100, not "0".': ["--context", "0"],
      '--num takes a number from 1 to 1000000, not "none".': ["-n", "none"],
      '--num takes a number from 1 to 1000000, not "0".': ["-n", "0"],
      "--ps takes a text that is not empty.": ["--tail", "-n", "0", "--ps", ""],
    };
    for (const [message, words] of Object.entries(mistakes)) {
      const { status, stderr } = await run("logs", ...words);
      assert.equal([status, stderr.split("\n")[0]], [2, ` !    ${message}`]);
    }
    assert.is(fake.asked.length, 0);
  });

  test("a stream that breaks off is no bug", async (t) => {
    const { fake, run } = await setUp(t);
    for (const words of [["logs"], ["logs", "--json"]]) {
      fake.override = (_, response) => {
        response.writeHead(200, { "content-length": "1000" });
        response.write(`${NDJSON[0] ?? ""}\n`, () => response.destroy());
        return undefined;
      };
      const { status, stderr } = await run(...words);
      assert.equal([status, stderr], [1, " !    The log stream broke off: the platform stopped.\n"]);
    }
  });
});

function gone(): Refusal {
  return new Refusal(404, { id: "not_found", message: "Couldn't find that app." });
}
