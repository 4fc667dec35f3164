/** `git-heroku complete-values KIND [-- WORDS]`, which completion scripts run for what only git or the platform knows. A
 *  line for each value, and after a tab what it is. It never starts the daemon, and says nothing rather than to let a
 *  person wait: whatever goes wrong, the shell just has nothing to offer. */
import { choosePlatform } from "../clone/choose-platform.ts";
import { findApp } from "../clone/find-app.ts";
import { pointsTo, readRemotes } from "../clone/remotes.ts";
import { clients } from "./clients.ts";
import { formatVersion } from "../core/release.ts";
import type { Context, DynamicKind } from "./command.ts";

/** How long the platform may take to answer, in milliseconds. */
const PATIENCE_MS = 1_000;
/** Older ones are typed. */
const RELEASES_MAX = 50;

/** What means the same to every shell without quotes. Others are left out: nothing that a shell would run is offered. */
const PLAIN = /^[\w:.@%+,/=-]+$/;

type Value = readonly [value: string, description?: string];
/** What is asked, and of whom. */
interface Source extends Pick<Context, "world" | "platform" | "client"> {
  /** @throws AppError when nothing tells which app is meant. */
  app: () => string;
}
type Find = (source: Source) => Promise<Value[]>;

const FINDERS: Readonly<Record<DynamicKind, Find>> = {
  apps: appNames,
  releases: async ({ client, app }) =>
    (await client.releases(app(), RELEASES_MAX)).map(({ version, description }) => [
      formatVersion(version),
      description,
    ]),
  types,
  "types=": async (source) => assigned(await types(source)),
  processes: async (source) => [
    ...(await source.client.dynos(source.app())).map(({ name, state }): Value => [name, state]),
    ...(await types(source)),
  ],
  "config-vars": configVars,
  "config-vars=": async (source) => assigned(await configVars(source)),
  domains: async ({ client, app }) => (await client.domains(app())).map(({ hostname }) => [hostname]),
  collaborators: async ({ client, app }) =>
    (await client.access.list(app())).map(({ user, role }) => [user.email, role]),
  builds: async ({ client, app }) => (await client.builds(app())).map(({ id, status }) => [id, status]),
  tokens: async ({ client }) => (await client.access.tokens()).map(({ id, description }) => [id, description]),
  keys: async ({ client }) => (await client.access.keys()).map(({ fingerprint, email }) => [fingerprint, email]),
  imports: async ({ client, app }) => (await client.logImports(app())).map(({ name }) => [name]),
};

/** @param words the kind, `--`, and what stands on the line before the word */
export async function completeValues(
  { world, out, home }: Pick<Context, "world" | "out" | "home">,
  [kind = "", , ...words]: readonly string[],
): Promise<void> {
  const find = Object.hasOwn(FINDERS, kind) ? FINDERS[kind as DynamicKind] : undefined;
  try {
    const platform = choosePlatform(world, home, chosenApp(words));
    const { client } = clients(world, { home, platform: () => platform, patienceMs: PATIENCE_MS });
    const app = (): string => findApp(world, platform, chosenApp(words));
    for (const [value, description = ""] of (await find?.({ client, world, platform, app })) ?? []) {
      if (!PLAIN.test(value)) continue;
      const line = description === "" ? value : `${value}\t${description.replaceAll(/\p{Cc}+/gu, " ")}`;
      await out.write(`${line}\n`);
    }
  } catch {
    // Nobody looks at an error in the middle of a line that is being typed.
  }
}

/** Which app the words before name. They are not parsed whole: a line that is being typed is wrong until it is done. */
function chosenApp(words: readonly string[]): { app: string | undefined; remote: string | undefined } {
  return { app: lastValue(words, "app"), remote: lastValue(words, "remote") };
}

function lastValue(words: readonly string[], name: "app" | "remote"): string | undefined {
  const [long, short] = [`--${name}`, `-${name.slice(0, 1)}`];
  return words
    .flatMap((word, index) => {
      if (word === long || word === short) return words[index + 1] ?? [];
      if (word.startsWith(`${long}=`)) return word.slice(long.length + 1);
      return word.startsWith(short) ? word.slice(short.length).replace(/^=/, "") : [];
    })
    .at(-1);
}

/** The clone's own first. */
async function appNames({ client, world, platform }: Source): Promise<Value[]> {
  const names = readRemotes(world).flatMap((remote) =>
    remote.target !== undefined && pointsTo(remote, platform) ? remote.target.app : [],
  );
  // A platform that does not run knows its apps no less, but this clone's are what can be told without it.
  const all = await client.apps().catch(() => []);
  return [...new Set([...names, ...all.map(({ name }) => name)])].map((name) => [name]);
}

async function types({ client, app }: Source): Promise<Value[]> {
  return (await client.formation(app())).map(({ type, command }) => [type, command]);
}

/** Their names: a value is nobody's business here. */
async function configVars({ client, app }: Source): Promise<Value[]> {
  return Object.keys(await client.config(app())).map((name) => [name]);
}

function assigned(values: readonly Value[]): Value[] {
  return values.map(([value, ...more]) => [`${value}=`, ...more]);
}
