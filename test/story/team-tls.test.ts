/** The same through a real front that ends TLS, with a certificate of its own authority: what people on the internet do. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { cloneFixture, untilUp } from "../support/deploy.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";
import { freePort } from "../support/http.ts";
import { poll } from "../support/poll.ts";
import { startGit } from "../support/push.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { apiOf, colleague, logIn, type Colleague } from "./team-lab.ts";

interface Front {
  url: string;
  /** The file of its authority. */
  authority: string;
}

async function startCaddy(t: TestContext, platform: TestPlatform): Promise<Front> {
  const dir = join(platform.dir, "caddy");
  await mkdir(dir);
  const port = await freePort();
  const { host } = new URL(await apiOf(platform));
  const lines = [
    "{",
    "admin off",
    "skip_install_trust",
    "auto_https disable_redirects",
    "}",
    `https://localhost:${String(port)} {`,
    "tls internal",
    `reverse_proxy ${host}`,
    "}",
  ];
  await writeFile(join(dir, "Caddyfile"), `${lines.join("\n")}\n`);
  const env = { ...platform.env, XDG_DATA_HOME: dir, XDG_CONFIG_HOME: dir, HOME: dir };
  const caddy = spawn("caddy", ["run", "--config", join(dir, "Caddyfile")], {
    env,
    stdio: ["ignore", "ignore", "pipe"],
  });
  let said = "";
  caddy.stderr.on("data", (bytes: Buffer) => (said += bytes.toString()));
  const ended = once(caddy, "exit");
  t.after(async () => {
    caddy.kill("SIGKILL");
    await ended;
  });
  const authority = join(dir, "caddy", "pki", "authorities", "local", "root.crt");
  const url = `https://localhost:${String(port)}`;
  await poll(async () => {
    if (caddy.exitCode !== null) throw new Error(said);
    const answer = await platform.exec("git", ["-c", `http.sslCAInfo=${authority}`, "ls-remote", `${url}/x.git`], {
      env: { GIT_TERMINAL_PROMPT: "0" },
    });
    // Somebody answers who knows TLS: a name and a password are asked for.
    return answer.stderr.includes("could not read Username") ? true : undefined;
  });
  return { url, authority };
}

/** Whom the front's authority is known to. */
function trusting(who: Colleague, { authority }: Front): Colleague {
  Object.assign(who.env, { GIT_SSL_CAINFO: authority, NODE_EXTRA_CA_CERTS: authority });
  return who;
}

const missing = spawnSync("caddy", ["version"]).status === 0 ? undefined : "caddy";

describe("team over HTTPS", (test) => {
  test.needing(missing, "two people push, roll back, follow logs and run commands; a third gets 404", async (t) => {
    const platform = await startPlatform(t);
    const front = await startCaddy(t, platform);
    platform.env["GIT_HEROKU_API_URL"] = front.url;
    const restarted = await platform.exec("git", ["heroku", "server:restart"]);
    assert.is(restarted.status, 0, restarted.stderr);
    Object.assign(platform, {
      pid: (JSON.parse(await readFile(join(platform.home, "server.json"), "utf8")) as { pid: number }).pid,
    });
    const names = ["kate", "ned", "eve"] as const;
    const [kate, ned, eve] = (await Promise.all(names.map((name) => colleague(platform, name)))).map((who) =>
      trusting(who, front),
    ) as [Colleague, Colleague, Colleague];
    for (const who of [kate, ned, eve]) {
      const done = await logIn(platform, who, front.url);
      assert.is(done.stdout, `Logged in as ${who.email}\n`, done.stderr);
    }
    const clone = await cloneFixture(platform, "hello");
    await kate.must(clone, "heroku", "create", "hello", "--server", front.url);
    await kate.must(clone, "push", "-q", "production", "main");
    await kate.must(clone, "heroku", "access:add", ned.email);
    await ned.must(ned.dir, "clone", "-q", "-o", "production", `${front.url}/hello.git`);
    const neds = join(ned.dir, "hello");
    await untilUp(platform, "hello", 1);
    const follower = startGit(platform, clone, ["heroku", "logs", "--tail", "--ps", "api"], kate.env);
    await follower.shows(`Add collaborator ${ned.email}`);
    await ned.must(neds, "commit", "-q", "--allow-empty", "-m", "Neds");
    await Promise.all([
      ned.must(neds, "push", "-q", "production", "main"),
      follower.shows(`Release v3 created by ${ned.email}`),
    ]);
    assert.match(await ned.must(neds, "heroku", "rollback"), "done, v4");
    await follower.shows(`Rollback to v2 by ${ned.email}`);
    assert.match(await ned.must(neds, "heroku", "run", "--no-tty", "echo", "over TLS"), "over TLS");
    process.kill(-follower.pid, "SIGINT");
    await follower.left;
    const list = await kate.must(clone, "heroku", "apps", "--json");
    assert.is((JSON.parse(list) as { git_url: string }[])[0]?.git_url, `${front.url}/hello.git`);
    const strange = await eve.git(eve.dir, "clone", `${front.url}/hello.git`);
    assert.match(strange.stderr, `repository '${front.url}/hello.git/' not found`);
  });
});
