/** The log endpoints, the live one over a real unix socket. */
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { createApp } from "../../src/platform/create-app.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { NED, until } from "../platform/lab.ts";
import { openApi, type ApiLab } from "./lab.ts";

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
    const tail = app.logs.tail.bind(app.logs);
    let following = 0;
    app.logs.tail = async function* (query, signal) {
      following += 1;
      try {
        yield* tail(query, signal);
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
