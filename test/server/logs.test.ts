/** The log endpoints, the live one over a real unix socket. */
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { createApp } from "../../src/platform/create-app.ts";
import { destroyApp } from "../../src/platform/destroy-app.ts";
import { setConfig } from "../../src/platform/set-config.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { NED, until } from "../platform/lab.ts";
import { openApi, type ApiAnswer, type ApiLab } from "./lab.ts";

const messages = (ndjson: string): string[] =>
  ndjson
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => (JSON.parse(line) as { msg: string }).msg);

interface Follower {
  response: IncomingMessage;
  text(): string;
  sees(text: string): Promise<void>;
}

/** Keep-alive, so that only the answer's own end can tell the server. */
async function follow(t: TestContext, socketPath: string, query = ""): Promise<Follower> {
  const asking = request({ socketPath, path: `/apps/foobaz/logs?tail=true${query}` });
  t.after(() => asking.destroy());
  asking.on("error", () => undefined).end();
  const [response] = (await once(asking, "response")) as [IncomingMessage];
  let text = "";
  response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
  response.on("error", () => undefined);
  return {
    response,
    text: () => text,
    sees: async (wanted) => {
      while (!text.includes(wanted)) await once(response, "data");
    },
  };
}

async function listen(lab: ApiLab): Promise<string> {
  const path = join(lab.home.root, "s");
  await lab.server.listen({ path });
  return path;
}

describe("logs", (test) => {
  test("the last lines, by process and source, as NDJSON", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    for (let n = 1; n <= 120; n += 1) app.log(n % 2 === 0 ? "web.1" : "web.2", `line ${String(n)}`, "app");
    await app.logs.flushed();
    const ask = (query: string): Promise<string[]> =>
      lab.ask("GET", `/apps/foobaz/logs${query}`).then(({ status, headers, body }) => {
        assert.is(status, 200);
        assert.is(headers["content-type"], "application/x-ndjson");
        return messages(String(body));
      });
    assert.is((await ask("")).length, 100);
    assert.equal(await ask("?lines=2"), ["line 119", "line 120"]);
    assert.equal(await ask("?lines=2&ps=web.2"), ["line 117", "line 119"]);
    assert.equal(await ask("?lines=1&source=heroku&ps="), ["Release v1 created by ned@foobazco.com"]);
    assert.equal(await ask("?ps=nosuch"), []);
    assert.equal(await ask("?lines=0"), []);
    assert.equal((await lab.ask("GET", "/apps/foobaz/log-processes")).body, ["api", "web.1", "web.2"]);
    const count = async (query: string): Promise<unknown> =>
      (await lab.ask("GET", `/apps/foobaz/log-count?${query}`)).body;
    assert.equal(await count("source=app"), { count: 120 });
    assert.equal(await count("ps=web.2&search=LINE%2011&ignore_case=true"), { count: 6 });
    assert.equal(await count("regex=line%20.2"), { count: 10 });
  });

  test("a follower gets a sign of life, history, then each line as it comes", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    app.log("web.1", "before", "app");
    const follower = await follow(t, await listen(lab), "&lines=1&source=app");
    await follower.sees("before");
    assert.ok(follower.text().startsWith("\n"));
    app.log("api", "not asked for");
    app.log("web.1", "after", "app");
    await follower.sees("after");
    assert.equal(messages(follower.text()), ["before", "after"]);
  });

  test("a follower that leaves takes everything of it along", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    const ended: string[] = [];
    const tail = app.logs.follow.bind(app.logs);
    let following = 0;
    app.logs.follow = async (query, take, signal) => {
      following += 1;
      try {
        await tail(query, take, signal);
      } finally {
        following -= 1;
        ended.push(signal.aborted ? "aborted" : "by itself");
      }
    };
    const listeners = countListeners(lab.platform.closing);
    const path = await listen(lab);
    const followers = await Promise.all([1, 2, 3].map(() => follow(t, path, "&lines=0")));
    await until(() => following === 3);
    for (const { response } of followers) response.destroy();
    await until(() => following === 0);
    assert.equal(ended, ["aborted", "aborted", "aborted"]);
    assert.is(listeners(), 0);
  });

  test("a stop ends every follower's answer", async (t) => {
    const lab = await openApi(t);
    await createApp(lab.platform, "foobaz", NED);
    const follower = await follow(t, await listen(lab));
    await follower.sees("Release v1");
    const ended = once(follower.response, "end");
    lab.platform.beginClose();
    await ended;
  });

  test("filters, times and releases", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await setConfig(lab.platform, app, { A: "1" }, NED);
    for (const [release, level, msg] of [
      [1, "info", "GET /a 200"],
      [2, "error", 'said "boom"'],
      [2, undefined, "    at one"],
      [2, "warning", "GET /b 500"],
    ] as const) {
      app.logs.append({ ps: "web.1", source: "app", release, msg, ...(level !== undefined && { level }) });
    }
    const ask = async (query: string): Promise<string[]> => {
      const { status, body } = await lab.ask("GET", `/apps/foobaz/logs?ps=web&${query}`);
      assert.is(status, 200, String(body));
      return messages(String(body));
    };
    const all = ["GET /a 200", 'said "boom"', "    at one", "GET /b 500"];
    assert.equal(await ask("since=v1"), all);
    assert.equal(await ask("since=v2&until=now&lines=2"), await ask("since=1h&lines=2&until=2999-01-01"));
    assert.equal(await ask("until=v1"), []);
    assert.equal(await ask("until=yesterday+14%3A00"), []);
    assert.equal(await ask("around=2999-01-01&lines=4"), all.slice(2));
    assert.equal(await ask("release=v2"), all.slice(1));
    assert.equal(await ask("level=warn,error"), [all[1], all[3]]);
    assert.equal(await ask(`search=${encodeURIComponent('"boom"')}`), [all[1]]);
    assert.equal(await ask("search=get&ignore_case=true"), [all[0], all[3]]);
    assert.equal(await ask("search=get&ignore_case=false"), []);
    assert.equal(await ask(`regex=${encodeURIComponent("5\\d\\d$")}`), [all[3]]);
    assert.equal(await ask("regex=GET&invert=true"), all.slice(1, 3));
    assert.equal(await ask("search=boom&context=1"), all.slice(0, 3));
    // What is empty is not asked for.
    assert.equal(await ask("search=&regex=&since=&release=&level=&context=0&invert=&tail="), all);
  });

  test("the moment of a release is that of its first line, also of several within a second", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    for (const name of ["A", "B", "C"]) await setConfig(lab.platform, app, { [name]: "1" }, NED);
    await app.logs.flushed();
    const ask = async (query: string): Promise<string[]> =>
      messages(String((await lab.ask("GET", `/apps/foobaz/logs?${query}`)).body)).map(
        (msg) => msg.split(" by ")[0] ?? "",
      );
    const [two, three] = [
      ["Config add A", "Release v2 created"],
      ["Config add B", "Release v3 created"],
    ];
    assert.equal(await ask("since=v2&until=v4"), [...two, ...three]);
    assert.equal(await ask("since=v3&until=v4"), three);
    assert.equal(await ask("around=v3&lines=1"), ["Release v2 created"]);
    assert.equal(await ask("until=v2"), ["Initial release", "Release v1 created"]);
  });

  test("what cannot be asked is refused before anything is read, with a hint", async (t) => {
    const lab = await openApi(t);
    await createApp(lab.platform, "foobaz", NED);
    const refused: Record<string, [number, string]> = {
      "lines=x": [422, '"x" is not a number of lines.'],
      "context=-1": [422, '"-1" is not a number of lines.'],
      "since=tomorrow": [422, '"tomorrow" is no time.'],
      "since=v9": [404, "There is no release v9."],
      "since=1h&until=2h": [422, "since is later than until."],
      "release=nine": [422, '"nine" is not a release.'],
      "level=loud": [422, '"loud" is no level.'],
      "search=a&regex=b": [422, "search and regex cannot be used together."],
      "around=1h&since=2h": [422, "around and since cannot be used together."],
      "until=1h&tail=true": [422, "until and tail cannot be used together."],
      "ignore_case=true": [422, "ignore-case needs search or regex."],
      "after=a": [422, "after needs tail."],
      "tail=true&after=a": [422, '"a" is no place in a log.'],
      "tail=yes": [422, 'tail is true or false, not "yes".'],
      "regex=(": [422, '"(" is no regular expression: Unterminated group.'],
      "tail=true&regex=(": [422, '"(" is no regular expression: Unterminated group.'],
      [`search=${"a".repeat(1001)}`]: [422, "A text to search for has at most 1000 characters."],
      [`regex=${"a".repeat(1001)}`]: [422, "A pattern has at most 1000 characters."],
      "since=1h&since=2h": [422, "querystring/since must be string"],
      "trash=true": [404, 'There is no log of a destroyed app "foobaz".'],
    };
    for (const [query, [status, message]] of Object.entries(refused)) {
      const answer = await lab.ask("GET", `/apps/foobaz/logs?${query}`);
      assert.equal([answer.status, answer.body.message], [status, message], query);
    }
  });

  test("with cursors a follower goes on where another stopped", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    const path = await listen(lab);
    const first = await follow(t, path, "&cursors=true&lines=1&source=app");
    app.log("web.1", "one", "app");
    // There is a place before it, too.
    const placeBehind = /"msg":"one"\}\n+\{"cursor":"([^"]+)"\}\n/;
    while (!placeBehind.test(first.text())) await once(first.response, "data");
    const place = placeBehind.exec(first.text())?.[1] ?? "";
    first.response.destroy();
    app.log("web.1", "two", "app");
    await app.logs.flushed();
    const second = await follow(t, path, `&cursors=true&source=app&after=${place}`);
    app.log("web.1", "three", "app");
    await second.sees("three");
    const rows = second
      .text()
      .split("\n")
      .filter((line) => line !== "");
    assert.equal(messages(rows.filter((line) => line.startsWith('{"ts"')).join("\n")), ["two", "three"]);
    assert.ok(rows.at(-1)?.startsWith('{"cursor":"'));
    assert.not.match(second.text(), "one");
    const [segment = ""] = place.split(":");
    const wrong = await lab.ask("GET", `/apps/foobaz/logs?tail=true&after=${segment}:3`);
    assert.equal([wrong.status, wrong.body.message], [422, `No line ends at ${segment}:3.`]);
  });

  test("a pattern that takes too long is told in the last row of a follower", async (t) => {
    const lab = await openApi(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    const follower = await follow(t, await listen(lab), "&cursors=true&lines=0&regex=(a%2B)%2B%24");
    await follower.sees("cursor");
    const ended = once(follower.response, "end");
    app.log("web.1", `${"a".repeat(60)}!`, "app");
    await follower.sees('{"error":{"id":"invalid_params","message":"The pattern takes too long on these lines."');
    await ended;
  });

  test("the log of the app that was destroyed last", async (t) => {
    const lab = await openApi(t);
    for (const word of ["first", "second"]) {
      const app = await createApp(lab.platform, "foobaz", NED);
      app.logs.append({ ps: "web.1", source: "app", release: 1, msg: word });
      await destroyApp(lab.platform, app, NED);
    }
    const ask = (query: string): Promise<ApiAnswer> => lab.ask("GET", `/apps/foobaz/${query}`);
    assert.is((await ask("logs")).status, 404);
    assert.equal(messages((await ask("logs?trash=true&source=app")).body), ["second"]);
    assert.equal(messages((await ask("logs?trash=true&release=v1&since=1h&search=sec")).body), ["second"]);
    assert.equal((await ask("log-processes?trash=true")).body, ["api", "web.1"]);
    const { status, body } = await ask("logs?trash=true&since=v1");
    assert.equal([status, body.message], [422, "v1 is no time for a destroyed app."]);
    assert.is((await ask("logs?trash=true&tail=true")).status, 422);
    assert.is((await lab.ask("GET", "/apps/..%2F..%2Fetc/logs?trash=true")).status, 404);
  });
});

/** How many listeners were added to the signal from now on and not taken away. */
function countListeners(signal: AbortSignal): () => number {
  let count = 0;
  const [add, remove] = [signal.addEventListener.bind(signal), signal.removeEventListener.bind(signal)];
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    count += 1;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    count -= 1;
    remove(...args);
  };
  return () => count;
}
