/** One-off processes and bisections over the API. */
import { once } from "node:events";
import { readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { connect } from "node:tls";
import * as assert from "uvu/assert";
import { changeSettings } from "../../src/platform/change-settings.ts";
import { createApp } from "../../src/platform/create-app.ts";
import { setConfig } from "../../src/platform/set-config.ts";
import { describe } from "../support/suite.ts";
import { deploy, logText, NED, untilLogged } from "../platform/lab.ts";
import { openApi, type ApiLab } from "./lab.ts";

const RUNS = "/apps/foobaz/dynos";
const BISECT = "/apps/foobaz/bisect";

async function checkRefused(lab: ApiLab, path: string, body: unknown, message: RegExp): Promise<void> {
  const answer = await lab.ask("POST", path, body);
  assert.is(answer.status, 422, JSON.stringify(answer.body));
  assert.match(`${String(answer.body.message)} ${String(answer.body.hint)}`, message);
}

describe("one-off processes over the API", (test) => {
  test("POST makes one, GET lists it, DELETE stops it", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await deploy(lab, app);
    const made = await lab.ask("POST", RUNS, { command: "exec sleep 60", attach: false, env: { TERM: "xterm" } });
    assert.is(made.status, 201);
    const { name, type, state, command, attach_url: attachUrl, release, size } = made.body;
    assert.equal(
      [name, type, state, command, attachUrl, release.version, size],
      ["run.1", "run", "up", "exec sleep 60", null, 2, "Basic"],
    );
    assert.equal((await lab.ask("GET", RUNS)).body, [made.body]);
    assert.is((await lab.ask("DELETE", RUNS)).status, 202);
    assert.equal(
      app.oneOffs.list().map((dyno) => dyno.state),
      ["up"],
    );
    assert.is((await lab.ask("DELETE", `${RUNS}/run.1`)).status, 202);
    await untilLogged(app, "State changed from up to complete");
    assert.is((await lab.ask("POST", `${RUNS}/run.1/actions/stop`)).status, 404);
    assert.match(await logText(app), /"ps":"api","source":"heroku","msg":"Run `exec sleep 60` by kate@foobazco.com"/);
  });

  test("one that is attached is reached once, by its secret", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await deploy(lab, app);
    const order = {
      command: "tty; stty size; printenv TERM COLUMNS",
      attach: true,
      env: { TERM: "x", COLUMNS: "93", LINES: "41" },
      size: null,
    };
    const made = await lab.ask("POST", RUNS, { ...order, door: "upgrade" });
    assert.is(made.status, 201);
    const url = String(made.body.attach_url);
    assert.match(url, /^\/attachments\/[\w-]{43}$/);
    assert.is((await lab.ask("GET", url)).status, 400);
    const secret = url.replace("/attachments/", "");
    assert.is(lab.platform.attachments.take(`${secret.slice(1)}x`), undefined);
    const attachment = lab.platform.attachments.take(secret);
    assert.is(lab.platform.attachments.take(secret), undefined);
    let text = "";
    for await (const { payload } of attachment?.output() ?? []) text += Buffer.from(payload).toString();
    assert.match(text, /^\/dev\/pts\/\d+\r\n41 93\r\nx\r\n$/);
    assert.is((await attachment?.ended)?.status, 1);
    await changeSettings(lab.platform, app, { "run-attach": "50ms" }, NED);
    assert.is((await lab.ask("POST", RUNS, { command: "exec sleep 60", attach: true, door: "upgrade" })).status, 201);
    await untilLogged(app, "Error R13 (Attach error) -> Failed to attach to process");
    await untilLogged(app, "Process exited with status 143");
  });

  test("Heroku's client comes by a rendezvous, over TLS", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await deploy(lab, app);
    const { certificate } = (await lab.ask("GET", "/platform")).body as { certificate: string };
    const ca = await readFile(certificate);
    assert.is((await stat(certificate)).mode & 0o777, 0o600);
    const visit = async (command: string, typed: string, more = {}): Promise<string> => {
      const made = await lab.ask("POST", RUNS, { command, attach: true, ...more });
      const { hostname, port, pathname } = new URL(String(made.body.attach_url));
      const client = connect({ host: hostname, port: Number(port), ca });
      client.write(`${pathname.slice(1)}\r\n`);
      assert.is(String((await once(client, "data"))[0]), "rendezvous\r\n");
      client.write(typed);
      let text = "";
      for await (const chunk of client) text += String(chunk);
      const late = connect({ host: hostname, port: Number(port), ca }, () => late.write(`${pathname.slice(1)}\r\n`));
      late.on("error", () => undefined);
      await once(late, "close");
      return text;
    };
    const status = 'echo "\uFFFF heroku-command-exit-status: $?"';
    const said = await visit(`read x; echo "got $x"; false; ${status}`, "hi\n");
    assert.match(said, /got hi\r\n\uFFFF heroku-command-exit-status: 1\r\n$/);
    assert.is(await visit("cat; echo over", "abc\u0004", { force_no_tty: true }), "abcover\n");
    await untilLogged(app, "State changed from up to complete");
  });

  test("time_to_live ends it", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await deploy(lab, app);
    assert.is((await lab.ask("POST", RUNS, { command: "exec sleep 60", time_to_live: 1 })).status, 201);
    await untilLogged(app, "Stopping the process: it ran for 1 second");
    await untilLogged(app, "State changed from up to complete");
  });

  test("what will not do is refused, and nothing is started", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await checkRefused(lab, RUNS, { command: "true" }, /v1 has no code. Deploy first/);
    await deploy(lab, app);
    const refused: [body: unknown, message: RegExp][] = [
      [{ command: "true", type: "worker" }, /of the type run, not "worker".*type's name as the command/],
      [{ command: " " }, /no command/],
      [{ command: "a\0b" }, /NUL/],
      [{ command: "x".repeat(70_000) }, /longer than 64 KiB/],
      [{ command: "true", env: { DYNO: "web.1" } }, /DYNO is reserved/],
      [{ command: "true", env: { "A B": "" } }, /not a valid config var name/],
      [{ command: "true", env: { A: 1 } }, /must be string/],
      [{ command: "true", env: { A: "x".repeat(70_000) } }, /may have 65536/],
      [{ command: "true", time_to_live: 0 }, />= 1/],
      [{ command: "true", time_to_live: 86_401 }, /<= 86400/],
      [{ command: "true", release: "v1" }, /v1 has no code/],
      [{ command: "true", release: "first" }, /not a release/],
      [{}, /command/],
    ];
    for (const [body, message] of refused) await checkRefused(lab, RUNS, body, message);
    assert.is((await lab.ask("POST", RUNS, { command: "true", release: "v9" })).status, 404);
    assert.equal(app.oneOffs.list(), []);
    assert.not.match(await logText(app), '"ps":"run.1"');
  });
});

describe("bisections over the API", (test) => {
  test("one step after the other, to the result", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await deploy(lab, app);
    await setConfig(lab.platform, app, { BAD: "secret words" }, NED);
    await setConfig(lab.platform, app, { MORE: "1" }, NED);
    const command = 'test -z "$BAD"';
    const plan = await lab.ask("POST", BISECT, { command, good: 2, dry_run: true });
    assert.equal([plan.status, plan.body.probes_max, plan.body.releases.length, plan.body.left_out], [200, 3, 3, 0]);
    assert.is((await lab.ask("GET", BISECT)).status, 404);
    const begun = await lab.ask("POST", BISECT, { command, good: 2 });
    assert.equal(
      [begun.status, begun.body.status, begun.body.next.version, begun.body.next.expected],
      [201, "running", 2, "good"],
    );
    assert.is((await lab.ask("POST", BISECT, { command })).status, 409);
    // Two clients at once wait for one probe.
    const [one, two] = await Promise.all([1, 2].map(() => lab.ask("POST", `${BISECT}/actions/step`)));
    assert.equal(one?.body, two?.body);
    const [first] = one?.body.verdicts ?? [];
    assert.equal([first.version, first.verdict, first.reason], [2, "good", "exit status 0"]);
    await lab.ask("POST", `${BISECT}/actions/step`);
    const done = await lab.ask("POST", `${BISECT}/actions/step`);
    assert.equal([done.body.status, done.body.first_bad.version, done.body.before], ["found", 3, 2]);
    assert.equal((await lab.ask("POST", `${BISECT}/actions/step`)).body, done.body);
    const kept = await readFile(join(lab.home.app(app.name), "bisect.json"), "utf8");
    assert.not.match(kept + (await logText(app)), "secret words");
    assert.is((await lab.ask("POST", BISECT, { command, good: 2 })).status, 201);
    assert.is((await lab.ask("DELETE", BISECT)).status, 200);
    assert.is((await lab.ask("GET", BISECT)).status, 404);
  });

  test("bodies that will not do", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await checkRefused(lab, BISECT, { command: "true" }, /no releases with code/);
    await deploy(lab, app);
    for (const body of [{}, { command: "" }, { command: "true", good: "2" }, { command: "true", timeout: 0 }]) {
      await checkRefused(lab, BISECT, body, /./);
    }
    await checkRefused(lab, BISECT, { command: "true" }, /v2 cannot be good and bad at once/);
    assert.is((await lab.ask("POST", `${BISECT}/actions/step`)).status, 404);
  });

  test("a file that cannot be read is told, stands in nobody's way, and can be forgotten", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await deploy(lab, app);
    await writeFile(join(lab.home.app(app.name), "bisect.json"), '{"format": 99}');
    const answer = await lab.ask("GET", BISECT);
    assert.equal([answer.status, answer.body.id], [409, "conflict"]);
    await lab.ask("POST", RUNS, { command: "true" });
    await untilLogged(app, "State changed from up to complete");
    assert.is((await lab.ask("DELETE", BISECT)).status, 200);
    assert.is((await lab.ask("GET", BISECT)).status, 404);
  });

  test("code that cannot be built any more is skipped", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    const allowed = join(await t.tempDir(), "allowed");
    await writeFile(allowed, "");
    await deploy(lab, app);
    const scripts = { build: `test -e ${allowed}` };
    await deploy(lab, app, { Procfile: "worker: exec sleep 600\n", "package.json": JSON.stringify({ scripts }) });
    await deploy(lab, app, { Procfile: "worker: exec sleep 600\n", bad: "" });
    await rm(allowed);
    app.slugs.clear();
    await rm(join(lab.home.app(app.name), "slugs"), { recursive: true, force: true });
    await lab.ask("POST", BISECT, { command: "! test -e bad", good: 2 });
    let state = (await lab.ask("GET", BISECT)).body;
    while (state.status === "running") state = (await lab.ask("POST", `${BISECT}/actions/step`)).body;
    assert.equal(
      state.verdicts.map(({ version, verdict, reason }: Record<string, string>) => [version, verdict, reason]),
      [
        [2, "good", "exit status 0"],
        [4, "bad", "exit status 1"],
        [3, "skip", "its code cannot be built"],
      ],
    );
    assert.equal(
      [state.status, state.suspects.map(({ version }: { version: number }) => version)],
      ["undecided", [3, 4]],
    );
  });
});
