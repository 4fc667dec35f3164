/** An app with a dozen releases, some of them deploys and some changes of config, and something wrong in one of them. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { cloneFixture, must, platformClient } from "./deploy.ts";
import type { TestPlatform } from "./platform.ts";

/** Says what is wrong by its exit status, as a test would: 125 cannot tell. */
const CHECK = `const price = require("./price.js");
if (process.env.CANNOT_TELL !== undefined) process.exit(125);
if (process.env.PORT !== undefined) throw new Error("a one-off process has no port");
console.log(\`\${process.env.HEROKU_RELEASE_VERSION} asks \${price} at \${process.env.RATE}\`);
process.exit(price === 3 && process.env.RATE === "1" ? 0 : 1);
`;

/** Runs nothing by itself, so that releases are made quickly. */
const PROCFILE = "worker: node check.js\ncheck: node check.js\n";

export interface BisectApp {
  clone: string;
  /** Commits this price and pushes it. */
  deploy: (price: number, note: string) => Promise<void>;
  config: (change: Record<string, string | null>) => Promise<void>;
}

/** v1 is there, v2 is the first deploy, without RATE; v3 sets RATE=1 and is the first that is good. */
export async function makeBisectApp(platform: TestPlatform, name: string): Promise<BisectApp> {
  const clone = await cloneFixture(platform, "hello", name);
  await writeFile(join(clone, "check.js"), CHECK);
  await writeFile(join(clone, "Procfile"), PROCFILE);
  const deploy = async (price: number, note: string): Promise<void> => {
    await writeFile(join(clone, "price.js"), `// ${note}\nmodule.exports = ${String(price)};\n`);
    await must(platform, clone, "add", ".");
    await must(platform, clone, "commit", "-q", "-m", note);
    await must(platform, clone, "push", "-q", "production", "main");
  };
  const config = async (change: Record<string, string | null>): Promise<void> => {
    await platformClient(platform).changeConfig(name, change);
  };
  await must(platform, clone, "heroku", "create", name);
  await deploy(3, "First price");
  await config({ RATE: "1" });
  return { clone, deploy, config };
}

/** Ten more releases, v4 to v13; in v9 the config goes wrong. */
export async function spoilConfig({ deploy, config }: BisectApp): Promise<void> {
  await deploy(3, "Words");
  await config({ COLOUR: "red" });
  await config({ SIZE: "xl" });
  await deploy(3, "More words");
  await config({ COLOUR: "blue" });
  await config({ RATE: "2" });
  await config({ COLOUR: "green" });
  await deploy(3, "Yet more words");
  await config({ SIZE: "s" });
  await config({ SIZE: "m" });
}
