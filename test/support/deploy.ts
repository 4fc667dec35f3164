/** Short ways to a deployed app, for tests that are about something else. */
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { PlatformClient } from "../../src/api/platform-client.ts";
import { writeRemote } from "../../src/clone/remotes.ts";
import { FIXTURES, type TestPlatform } from "./platform.ts";
import { poll } from "./poll.ts";

export function platformClient(platform: Pick<TestPlatform, "home">): PlatformClient {
  return new PlatformClient({
    home: platform.home,
    identity: () => ({ name: "Rick", email: "rick@foobazco.com" }),
  });
}

/** Runs git, which must succeed; gives what it says on standard output, trimmed. */
export async function must(platform: TestPlatform, cwd: string, ...args: string[]): Promise<string> {
  const result = await platform.exec("git", args, { cwd });
  if (result.status !== 0) throw new Error(`git ${args.join(" ")}: ${result.stdout}${result.stderr}`);
  return result.stdout.trim();
}

/** A clone of a fixture with one commit, not yet connected to an app. */
export async function cloneFixture(platform: TestPlatform, fixture: string, name = fixture): Promise<string> {
  const dir = join(platform.dir, name);
  await cp(join(FIXTURES, fixture), dir, { recursive: true });
  await must(platform, dir, "init", "-q", "-b", "main");
  await must(platform, dir, "add", ".");
  await must(platform, dir, "commit", "-q", "-m", "First");
  return dir;
}

/** As `git heroku create` makes an app and its remote, in this process: hundreds of starts of the command are dear. */
async function create(platform: TestPlatform, clone: string, name: string): Promise<void> {
  await platformClient(platform).createApp(name);
  const repo = join(platform.home, "repos", `${name}.git`);
  writeRemote({ cwd: clone, env: platform.env }, "production", repo);
}

/** Creates the app and pushes the fixture; resolves with the clone's directory when the push was accepted. */
export async function deployFixture(platform: TestPlatform, fixture: string, name = fixture): Promise<string> {
  const dir = await cloneFixture(platform, fixture, name);
  await create(platform, dir, name);
  await must(platform, dir, "push", "-q", "production", "main");
  return dir;
}

/** No process runs from here on: for tests that make many releases and look at none of them run. */
export async function stopRunning(platform: TestPlatform, app: string): Promise<void> {
  const client = platformClient(platform);
  const updates = (await client.formation(app)).map(({ type }) => ({ type, quantity: "0" }));
  await client.scale(app, updates);
}

export async function makeConfigReleases(platform: TestPlatform, app: string, count: number): Promise<void> {
  const client = platformClient(platform);
  for (let n = 0; n < count; n += 1) await client.changeConfig(app, { COUNTER: String(n) });
}

/** Resolves when exactly `count` processes of the app are listed and all are in the state. */
export async function untilState(
  platform: Pick<TestPlatform, "home">,
  app: string,
  state: string,
  count: number,
): Promise<void> {
  const client = platformClient(platform);
  await poll(async () => {
    const dynos = await client.dynos(app);
    return dynos.length === count && dynos.every((dyno) => dyno.state === state) ? true : undefined;
  });
}

export function untilUp(platform: TestPlatform, app: string, count: number): Promise<void> {
  return untilState(platform, app, "up", count);
}
