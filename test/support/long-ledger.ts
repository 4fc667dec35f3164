/** Ledgers of any length in seconds: signed releases, a third of them deploys, the others config changes, written to
 *  one pack with the product's own formats and keys. And code that makes a repository large. */
import { createHash, randomBytes, randomFillSync } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { ConfigCipher } from "../../src/ledger/config-cipher.ts";
import type { AppKeys } from "../../src/ledger/app-keys.ts";
import { openRepository, runGit, type Repository } from "../../src/ledger/git-process.ts";
import type { LedgerKey } from "../../src/ledger/ledger-key.ts";
import { formatCommit, formatReleaseMessage, parseCommit, type Commit } from "../../src/core/release-commit.ts";
import type { Person } from "../../src/core/person.ts";
import type { ReleaseStatus } from "../../src/core/release.ts";
import { PackFile } from "./pack-file.ts";

export interface LedgerPlace {
  repoPath: string;
  signingKey: LedgerKey;
  appKeys: AppKeys;
}

interface Entry {
  mode: string;
  name: string;
  oid: string;
}

interface Head {
  oid: string;
  version: number;
  /** Committed at, seconds. */
  seconds: number;
  code: string | undefined;
  codeEntries: Entry[];
  addonsJson: Entry;
  procfile: Entry | undefined;
}

const PLATFORM: Person = { name: "git-heroku", email: "platform@git-heroku" };
const PEOPLE: readonly Person[] = [
  { name: "Ned", email: "ned@foobazco.com" },
  { name: "Kate", email: "kate@foobazco.com" },
];
/** Two variables with so many values each: 576 different configs cost 48 encryptions. */
const VALUES = 24;
const DEPLOY_EACH = 3;

/** Appends releases to a ledger that nobody has open, until it has `count`. Failed ones are deploys, all of them. */
export async function growLedger(
  place: LedgerPlace,
  count: number,
  status: ReleaseStatus = "succeeded",
): Promise<void> {
  const repository = openRepository(place.repoPath, PLATFORM);
  let head = await readHead(repository);
  const [before, configs] = [head.oid, await makeConfigs(place.appKeys)];
  const mainBefore = head.code;
  const pack = new PackFile(repository);
  while (head.version < count) {
    const isDeploy = head.code === undefined || head.version % DEPLOY_EACH === 0 || status === "failed";
    if (isDeploy) head = addCode(pack, head);
    head = addRelease(pack, place.signingKey, head, { isDeploy, status, configEnv: configs(head.version) });
  }
  await pack.finish(repository);
  if (status === "succeeded" && head.code !== undefined && head.code !== mainBefore) {
    await runGit(repository, ["update-ref", "refs/heads/main", head.code, mainBefore ?? "0".repeat(40)]);
  }
  await runGit(repository, ["update-ref", "refs/heads/releases", head.oid, before]);
}

/** A branch whose code is so many megabytes of noise, in one pack. */
export async function addLargeCode(repoPath: string, megabytes: number): Promise<void> {
  const repository = openRepository(repoPath, PLATFORM);
  const pack = new PackFile(repository, 0);
  const entries = Array.from({ length: megabytes }, (_, n) => {
    const oid = pack.add("blob", randomFillSync(Buffer.alloc(1024 * 1024)));
    return { mode: "100644", name: `noise-${String(n).padStart(6, "0")}.bin`, oid };
  });
  const stamp = { person: PEOPLE[0] ?? PLATFORM, seconds: 1_795_419_055 };
  const commit = { tree: pack.add("tree", formatTree(entries)), parents: [], author: stamp, committer: stamp };
  const oid = pack.add("commit", Buffer.from(formatCommit({ ...commit, message: "Noise\n" })));
  await pack.finish(repository);
  await runGit(repository, ["update-ref", "refs/heads/noise", oid]);
}

/** Loose objects that nothing refers to, all in the one directory that an estimate looks at, where each stands for 256. */
export function addLooseNoise(repoPath: string, count: number): void {
  const directory = join(repoPath, "objects/17");
  mkdirSync(directory, { recursive: true });
  for (let made = 0; made < count;) {
    const bytes = Buffer.from(`blob 8\0${randomBytes(4).toString("hex")}`);
    const oid = createHash("sha1").update(bytes).digest("hex");
    if (!oid.startsWith("17")) continue;
    writeFileSync(join(directory, oid.slice(2)), deflateSync(bytes));
    made += 1;
  }
}

async function readHead(repository: Repository): Promise<Head> {
  const git = (...args: string[]): Promise<string> => runGit(repository, args);
  const oid = (await git("rev-parse", "refs/heads/releases")).trim();
  const commit = parseCommit(await git("cat-file", "commit", oid));
  const entries = parseLsTree(await git("ls-tree", oid));
  const named = (name: string): Entry | undefined => entries.find((entry) => entry.name === name);
  const code = named("code");
  const addonsJson = named("addons.json");
  if (addonsJson === undefined) throw new Error("The head of the ledger has no addons.json.");
  return {
    oid,
    version: Number(/^v(\d+): /.exec(commit.message)?.[1]),
    seconds: commit.committer.seconds,
    code: commit.parents[1],
    codeEntries: code === undefined ? [] : parseLsTree(await git("ls-tree", code.oid)),
    addonsJson,
    procfile: named("Procfile"),
  };
}

function parseLsTree(text: string): Entry[] {
  return [...text.matchAll(/^(\d+) [a-z]+ ([0-9a-f]{40})\t(.*)$/gm)].map(([, mode = "", oid = "", name = ""]) => ({
    mode: mode.replace(/^0/, ""),
    name,
    oid,
  }));
}

/** Version → the text of its config.env. */
async function makeConfigs(keys: AppKeys): Promise<(version: number) => string> {
  const cipher = new ConfigCipher(keys);
  const lines = async (name: string): Promise<string[]> => {
    const made = [];
    for (let n = 0; n < VALUES; n += 1) {
      const text = await cipher.change("", { [name]: String(n) });
      made.push(text.trimEnd().split("\n").at(-1) ?? "");
    }
    return made;
  };
  const [first, second] = [await lines("FIRST"), await lines("SECOND")];
  return (version) => {
    const n = Math.floor(version / DEPLOY_EACH) * 2 + (version % DEPLOY_EACH === 2 ? 1 : 0);
    const [a, b] = [first[n % VALUES] ?? "", second[Math.floor(n / VALUES) % VALUES] ?? ""];
    return `DOTENV_PUBLIC_KEY="${keys.publicKey}"\n${a}\n${b}\n`;
  };
}

/** One more code commit: a file that counts. */
function addCode(pack: PackFile, head: Head): Head {
  const counter = pack.add("blob", Buffer.from(`${String(head.version)}\n`));
  const others = head.codeEntries.filter(({ name }) => name !== "counter.txt");
  const codeEntries = [...others, { mode: "100644", name: "counter.txt", oid: counter }];
  const stamp = { person: PEOPLE[0] ?? PLATFORM, seconds: head.seconds };
  const commit: Commit = {
    tree: pack.add("tree", formatTree(codeEntries)),
    parents: head.code === undefined ? [] : [head.code],
    author: stamp,
    committer: stamp,
    message: `Count to ${String(head.version)}\n`,
  };
  const code = pack.add("commit", Buffer.from(formatCommit(commit)));
  const procfile = head.procfile ?? { mode: "100644", name: "Procfile", oid: "" };
  if (procfile.oid === "") procfile.oid = pack.add("blob", Buffer.from("web: node index.js\n"));
  return { ...head, code, codeEntries, procfile };
}

function addRelease(
  pack: PackFile,
  key: LedgerKey,
  head: Head,
  { isDeploy, status, configEnv }: { isDeploy: boolean; status: ReleaseStatus; configEnv: string },
): Head {
  const version = head.version + 1;
  const codeTree = pack.add("tree", formatTree(head.codeEntries));
  const entries = [
    head.addonsJson,
    { mode: "40000", name: "code", oid: codeTree },
    { mode: "100644", name: "config.env", oid: pack.add("blob", Buffer.from(configEnv)) },
    ...(head.procfile === undefined ? [] : [head.procfile]),
  ];
  const change = isDeploy ? "deploy" : "config";
  const description = isDeploy ? `Deploy ${head.code?.slice(0, 7) ?? ""}` : "Config add FIRST, SECOND";
  const release = { version, change, description, code: head.code, rollbackTo: undefined } as const;
  const commit: Commit = {
    tree: pack.add("tree", formatTree(entries)),
    parents: [head.oid, head.code].filter((parent) => parent !== undefined),
    author: { person: PEOPLE[version % PEOPLE.length] ?? PLATFORM, seconds: head.seconds },
    committer: { person: PLATFORM, seconds: head.seconds },
    message: formatReleaseMessage({ ...release, status, via: "local" }),
  };
  const signature = key.sign(Buffer.from(formatCommit(commit)));
  return { ...head, version, oid: pack.add("commit", Buffer.from(formatCommit({ ...commit, signature }))) };
}

/** git sorts a directory as if its name ended in a slash. */
function formatTree(entries: readonly Entry[]): Buffer {
  const sortName = ({ mode, name }: Entry): string => (mode === "40000" ? `${name}/` : name);
  const sorted = entries.toSorted((a, b) => Buffer.compare(Buffer.from(sortName(a)), Buffer.from(sortName(b))));
  return Buffer.concat(
    sorted.flatMap(({ mode, name, oid }) => [Buffer.from(`${mode} ${name}\0`), Buffer.from(oid, "hex")]),
  );
}
