/** A push over SSH, against the same to a bare repository behind a plain sshd. What a release costs locally is allowed on top. */
import { cp, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { deployFixture, must, platformClient } from "../support/deploy.ts";
import { startPlatform, type TestPlatform } from "../support/platform.ts";
import { startSshd, startSshdFor } from "../support/sshd.ts";
import { median, ms, timed, withContext, type Row } from "./measure.ts";
import { untilSettled } from "./push.ts";

const ROUNDS = 16;
const SHARE = 1.3;

export async function benchTeamSsh(): Promise<Row[]> {
  return withContext(async (t) => {
    const platform = await startPlatform(t);
    const clone = await deployFixture(platform, "hello");
    const bare = join(platform.dir, "bare.git");
    await must(platform, platform.dir, "init", "-q", "--bare", "-b", "main", bare);
    const [sshd, keys] = [await startSshd(t, platform), join(platform.dir, "keys")];
    const plain = await startSshdFor(t, keys);
    const [kate, ned] = [await sshd.person("kate"), await plain.person("ned")];
    await must(platform, clone, "heroku", "keys:add", kate.publicKey, "--for", kate.email);
    await must(platform, clone, "heroku", "access:add", kate.email, "--permissions", "deploy", "--app", "hello");
    await cp(ned.publicKey, keys);
    const remotes: Record<string, { url: string; env: Record<string, string> }> = {
      "ours, ssh": { url: `${sshd.server}/hello.git`, env: kate.env },
      "plain, ssh": { url: `${plain.server}${bare}`, env: ned.env },
      "ours, here": { url: join(platform.home, "repos", "hello.git"), env: {} },
      "plain, here": { url: bare, env: {} },
    };
    const client = platformClient(platform);
    const took = new Map<string, number[]>(Object.keys(remotes).map((name) => [name, []]));
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const [name, { url, env }] of Object.entries(remotes)) {
        await writeFile(join(clone, "change.txt"), `${name} ${String(round)}\n`);
        await must(platform, clone, "add", ".");
        await must(platform, clone, "commit", "-q", "-m", "Again");
        const whole = await timed(() => push(platform, clone, url, env));
        if (round > 0) took.get(name)?.push(whole);
        if (name.startsWith("ours")) await untilSettled(client);
      }
    }
    const [ours = 0, peer = 0, here = 0, plainHere = 0] = [...took.values()].map((times) => median(times));
    const release = Math.max(0, here - plainHere);
    return [
      {
        what: "push over SSH",
        ours: ms(ours),
        peer: `${ms(peer)} plain sshd, and ${ms(release)} of a release`,
        ratio: `${((ours - release) / peer).toFixed(2)} × and the release`,
        limit: `${String(SHARE)} × and the release`,
      },
    ];
  });
}

async function push(platform: TestPlatform, cwd: string, url: string, env: Record<string, string>): Promise<void> {
  const { status, stderr } = await platform.exec("git", ["push", "-q", url, "main"], { cwd, env });
  if (status !== 0) throw new Error(stderr);
}
