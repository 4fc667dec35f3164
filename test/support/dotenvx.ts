/** The real dotenvx as a user runs it on a release's config.env: with one private key and nothing else. Where the machine
 *  can take the network away, it has none. */
import { spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { keypair } from "@dotenvx/primitives";
import { must } from "./deploy.ts";
import type { TestPlatform } from "./platform.ts";

const PROGRAM = fileURLToPath(new URL("../cli/dotenvx.js", import.meta.resolve("@dotenvx/dotenvx")));
const OFFLINE = spawnSync("unshare", ["-rn", "true"]).status === 0 ? ["unshare", "-rn"] : [];

/** The values of a release, read by the private key of its first line. */
export async function readWithDotenvx(
  platform: TestPlatform,
  app: string,
  release = "releases",
): Promise<Record<string, string>> {
  const text = await must(platform, join(platform.home, "repos", `${app}.git`), "show", `${release}:config.env`);
  const file = join(platform.dir, "config.env");
  await writeFile(file, `${text}\n`);
  const publicKey = /^DOTENV_PUBLIC_KEY="([0-9a-f]+)"\n/.exec(text)?.[1];
  const { privateKeys } = await readKeys(platform, app);
  const privateKey = privateKeys.find((key) => keypair(key).publicKey === publicKey) ?? "";
  const [command, ...args] = [...OFFLINE, process.execPath, PROGRAM, "get", "-f", file];
  const { status, stdout, stderr } = await platform.exec(command, args, {
    env: { DOTENV_PRIVATE_KEY: privateKey, DOTENVX_NO_ARMOR: "true" },
  });
  if (status !== 0 || stderr !== "") throw new Error(`dotenvx: ${stderr}`);
  const { DOTENV_PUBLIC_KEY: _, ...vars } = JSON.parse(stdout) as Record<string, string>;
  return vars;
}

export async function readKeys(platform: TestPlatform, app: string): Promise<{ privateKeys: string[] }> {
  return JSON.parse(await readFile(join(platform.home, "keys", `${app}.keys`), "utf8")) as { privateKeys: string[] };
}
