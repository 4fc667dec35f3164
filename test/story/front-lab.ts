/** Real fronts that end TLS before a platform, each with a certificate of its own authority. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { PLACES, serverFiles } from "../../src/core/server-files.ts";
import { AUTHORITY, CERTIFICATE, CERTIFICATE_KEY } from "../support/certificates.ts";
import { freePort } from "../support/http.ts";
import type { TestPlatform } from "../support/platform.ts";
import { poll } from "../support/poll.ts";
import type { TestContext } from "../support/suite.ts";
import { apiOf } from "./team-lab.ts";

export interface Front {
  url: string;
  /** The file of its authority. */
  authority: string;
}

export async function startCaddy(t: TestContext, platform: TestPlatform): Promise<Front> {
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
  const front = {
    url: `https://localhost:${String(port)}`,
    authority: join(dir, "caddy", "pki", "authorities", "local", "root.crt"),
  };
  await startFront(t, platform, front, ["caddy", ["run", "--config", join(dir, "Caddyfile")], env]);
  return front;
}

/** The site that `server:install` writes, with this test's ports and name. */
export async function startNginx(t: TestContext, platform: TestPlatform): Promise<Front> {
  const dir = join(platform.dir, "nginx");
  await mkdir(dir);
  const [certificate, key, authority] = [join(dir, "cert.pem"), join(dir, "key.pem"), join(dir, "authority.pem")];
  await writeFile(certificate, CERTIFICATE + AUTHORITY);
  await writeFile(key, CERTIFICATE_KEY);
  await writeFile(authority, AUTHORITY);
  const port = await freePort();
  const { host } = new URL(await apiOf(platform));
  const front = { program: "nginx", domain: "apps.example.com", certificate: { file: certificate, key } } as const;
  const setup = { user: "git", home: "/h", node: "/n", daemon: "/d", asRoot: false, openPorts: true, front };
  const site = serverFiles(setup).find(({ path }) => path === PLACES.nginx)?.text ?? "";
  const own = site
    .replaceAll("apps.example.com", "localhost")
    .replaceAll(/listen (\[::\]:)?443/g, (_, six?: string) => `listen ${six ?? "127.0.0.1:"}${String(port)}`)
    .replaceAll("127.0.0.1:5001", host)
    .replaceAll("127.0.0.1:5000", `127.0.0.1:${String(platform.routerPort)}`);
  const paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${dir}/${name};`);
  const lines = ["daemon off;", "master_process off;", `pid ${dir}/pid;`, "events {}", "http {", "access_log off;"];
  await writeFile(join(dir, "nginx.conf"), [...lines, ...paths, own, "}", ""].join("\n"));
  const words = ["-e", "stderr", "-c", join(dir, "nginx.conf")];
  const begun = { url: `https://localhost:${String(port)}`, authority };
  await startFront(t, platform, begun, ["nginx", words, platform.env]);
  return begun;
}

/** Resolves when it answers. */
async function startFront(
  t: TestContext,
  platform: TestPlatform,
  { url, authority }: Front,
  [program, words, env]: [program: string, words: string[], env: Record<string, string>],
): Promise<void> {
  const front = spawn(program, words, { env, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  front.stderr.on("data", (bytes: Buffer) => (said += bytes.toString()));
  const ended = once(front, "exit");
  t.after(async () => {
    front.kill("SIGKILL");
    await ended;
  });
  await poll(async () => {
    if (front.exitCode !== null) throw new Error(said);
    const answer = await platform.exec("git", ["-c", `http.sslCAInfo=${authority}`, "ls-remote", `${url}/x.git`], {
      env: { GIT_TERMINAL_PROMPT: "0" },
    });
    // Somebody answers who knows TLS: a name and a password are asked for.
    return answer.stderr.includes("could not read Username") ? true : undefined;
  });
}

/** The platform is known by the name of its front from now on. */
export async function standBehind(platform: TestPlatform, { url }: Front): Promise<void> {
  platform.env["GIT_HEROKU_API_URL"] = url;
  const restarted = await platform.exec("git", ["heroku", "server:restart"]);
  assert.is(restarted.status, 0, restarted.stderr);
  await platform.wake();
}
