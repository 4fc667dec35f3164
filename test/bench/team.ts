/** A push of an empty commit over HTTP, against the same push to a plain `git http-backend`: what is over that must be what the
 *  release itself costs, which is what a local push costs more than one to a bare repository. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { deployFixture, must, platformClient } from "../support/deploy.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";
import { apiOf } from "../story/team-lab.ts";
import { inPairs, ms, timed, withContext, type Row } from "./measure.ts";
import { untilSettled } from "./push.ts";

const PAIRS = 15;
const APP = "hello";

export async function benchTeam(): Promise<Row[]> {
  return withContext(async (t) => {
    const platform = await startPlatform(t);
    const clone = await deployFixture(platform, APP);
    const peer = await servePlainly(platform);
    t.after(() => peer.close());
    const bare = join(platform.dir, "bare.git");
    await must(platform, platform.dir, "init", "-q", "--bare", "-b", "main", bare);
    await must(platform, platform.dir, "heroku", "access:add", "kate@foobazco.com", "--app", APP);
    const token = await must(platform, platform.dir, "heroku", "tokens:create", "--for", "kate@foobazco.com");
    const { host } = new URL(await apiOf(platform));
    await must(platform, clone, "remote", "add", "http", `http://kate:${token}@${host}/${APP}.git`);
    await must(platform, clone, "remote", "add", "plain", `http://127.0.0.1:${String(portOf(peer))}/plain.git`);
    await must(platform, clone, "remote", "add", "bare", bare);
    const client = platformClient(platform);
    const push = async (remote: string): Promise<number> => {
      await must(platform, clone, "commit", "-q", "--allow-empty", "-m", "again");
      const whole = await timed(() => must(platform, clone, "push", "-q", remote, "main"));
      if (remote === "http" || remote === "production") await untilSettled(client);
      return whole;
    };
    const [ours, plain] = await inPairs(
      PAIRS,
      () => push("http"),
      () => push("plain"),
    );
    const [local, localPlain] = await inPairs(
      PAIRS,
      () => push("production"),
      () => push("bare"),
    );
    const release = local - localPlain;
    return [
      {
        what: "push over HTTP, without what the release costs locally",
        ours: `${ms(ours)} − ${ms(release)}`,
        peer: `${ms(plain)} git http-backend`,
        ratio: `${((ours - release) / plain).toFixed(2)} ×`,
        limit: "1.3 ×",
      },
    ];
  });
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

/** One bare repository, without hooks, and nobody is asked who they are. */
async function servePlainly(platform: TestPlatform): Promise<Server> {
  const root = join(platform.dir, "plain");
  await must(platform, platform.dir, "init", "-q", "--bare", "-b", "main", join(root, "plain.git"));
  await must(platform, join(root, "plain.git"), "config", "http.receivepack", "true");
  const server = createServer((request, response) => answer(root, request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

function answer(root: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url ?? "/", "http://localhost");
  const backend = spawn("git", ["http-backend"], {
    env: {
      PATH: process.env["PATH"],
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: "1",
      REQUEST_METHOD: request.method,
      PATH_INFO: pathname,
      QUERY_STRING: search.slice(1),
      CONTENT_TYPE: request.headers["content-type"],
      GIT_PROTOCOL: String(request.headers["git-protocol"] ?? ""),
    },
    stdio: ["pipe", "pipe", "inherit"],
  });
  request.pipe(backend.stdin);
  let head: Buffer | undefined = Buffer.alloc(0);
  backend.stdout.on("data", (bytes: Buffer) => {
    if (head === undefined) return void response.write(bytes);
    head = Buffer.concat([head, bytes]);
    const end = head.indexOf("\r\n\r\n");
    if (end === -1) return undefined;
    const lines = head.toString("latin1", 0, end).split("\r\n");
    for (const line of lines) response.setHeader(line.split(": ")[0] ?? "", line.split(": ")[1] ?? "");
    response.write(head.subarray(end + 4));
    head = undefined;
    return undefined;
  });
  backend.stdout.on("end", () => response.end());
}
