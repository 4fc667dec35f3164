/** What a command is: its words for people, the arguments that it takes, and what it does. The help texts, the man page
 *  and the parser all read the same value, so they cannot drift apart. */
import type { FoundLines, LogRestItem } from "../api/log-resources.ts";
import type { PlatformClient } from "../api/platform-client.ts";
import type { Environment } from "../api/home.ts";
import type { AppName } from "../core/app-name.ts";
import type { OutputStream, Terminal } from "./terminal.ts";

export interface Option {
  /** Without the dashes. */
  name: string;
  short?: string;
  /** What its value is called, such as `NAME`; an option without one is a switch. */
  value?: string;
  /** What else Heroku's client calls it, with and without a value alike; understood, and not shown. */
  also?: readonly string[];
  /** Its value is taken for the first word. */
  isWord?: true;
  /** May be given several times, for as many values. */
  many?: boolean;
  summary: string;
  /** What a shell offers for its value, where `value` alone does not tell. */
  completes?: Completes;
}

/** What the platform or the clone must be asked for (complete-values.ts). With `=`, to be assigned. */
export type DynamicKind =
  | "apps"
  | "releases"
  | "types"
  | "types="
  | "processes"
  | "config-vars"
  | "config-vars="
  | "domains"
  | "collaborators"
  | "builds"
  | "tokens"
  | "imports"
  | "keys";

/** What a shell offers for a word: certain words, or some kind of them. */
export type Completes = readonly string[] | DynamicKind | "files" | "commands" | "remotes";

export interface Example {
  command: string;
  summary: string;
}

export interface Command {
  /** Heroku's name for it, such as `ps:scale`. */
  name: string;
  topic: Topic;
  /** One line, no full stop. */
  summary: string;
  /** A paragraph more; its lines are broken where it is shown. */
  details?: string;
  /** `[name]`, `<process>` or `<var=value...>`, separated by spaces. */
  parameters?: string;
  /** What may stand after `--`, such as `command`; its words are kept apart, and untouched. */
  trailing?: string;
  /** What a shell offers for the parameters, where their name alone does not tell. */
  completes?: Completes;
  options: readonly Option[];
  examples: readonly Example[];
  /** Is about the platform of this machine, whatever platform the clone's remotes lead to. */
  isAboutThisMachine?: true;
  /** The exit status; nothing means 0. */
  run(context: Context): Promise<number | undefined>;
}

export type Topic =
  | "Apps"
  | "Processes"
  | "Logs"
  | "Releases"
  | "Config"
  | "Builds"
  | "Domains"
  | "Maintenance"
  | "Access"
  | "Platform"
  | "Help";
export const TOPICS: readonly Topic[] = [
  "Apps",
  "Processes",
  "Logs",
  "Releases",
  "Config",
  "Builds",
  "Domains",
  "Maintenance",
  "Access",
  "Platform",
  "Help",
];

/** For commands that need no app yet. */
export const SERVER_OPTION: Option = {
  name: "server",
  value: "ADDRESS",
  summary: "a platform elsewhere: git@host, https://host",
};

export const APP_OPTIONS: readonly Option[] = [
  { name: "app", short: "a", value: "NAME", completes: "apps", summary: "the app, whatever the clone's remotes say" },
  { name: "remote", short: "r", value: "NAME", completes: "remotes", summary: "the git remote that leads to the app" },
];
/** The same as the option `app`, as a word. */
export const APP_PARAMETER = "[app]";
export const NO_WRAP_OPTION: Option = { name: "no-wrap", summary: "for Heroku's sake; no line is wrapped" };
export const JSON_OPTION: Option = { name: "json", short: "j", summary: "print JSON" };
/** Heroku's way to name what a command is aimed at. */
export const PROCESS_OPTIONS: readonly Option[] = [
  {
    name: "dyno-name",
    short: "d",
    value: "PROCESS",
    also: ["dyno"],
    isWord: true,
    summary: "one process, instead of the word",
  },
  { name: "process-type", short: "p", value: "TYPE", isWord: true, summary: "all of a type, instead of the word" },
];

/** The arguments of one run, after parsing. */
export interface Arguments {
  /** What stands without an option, in order. */
  words: readonly string[];
  /** What stands after `--`, of a command that takes that; empty otherwise. */
  trailing: readonly string[];
  has(option: string): boolean;
  /** The last one, if it was given several times. */
  value(option: string): string | undefined;
  values(option: string): readonly string[];
}

/** The machine around a command, handed in so that tests can be that machine. */
export interface World {
  env: Environment;
  cwd: string;
  stdin: InputStream;
  stdout: OutputStream;
  stderr: OutputStream;
  now(): number;
  /** The daemon's script. */
  daemonScript: string;
  /** Builds as the platform does; gives the directory of the built code.
   *  @throws AppError when the build fails or is cancelled. */
  buildRelease(build: ReleaseBuild): Promise<string>;
  /** What the platform has left of a long answer, read from its files. */
  readLogRest(rest: LogRestItem): AsyncIterable<FoundLines>;
  /** The version of this program. */
  version(): string;
}

export interface ReleaseBuild {
  /** The repository that has the commit, and its tree. */
  repo: string;
  commit: string;
  tree: string;
  /** Everything that the build makes is in it. */
  directory: string;
  env: Environment;
  output: (text: string) => void;
  /** Cancels the build. */
  signal: AbortSignal;
}

export interface InputStream extends AsyncIterable<string | Buffer> {
  readonly isTTY?: boolean;
  /** Of a terminal: each key at once, and nothing of it shown. */
  setRawMode?(on: boolean): unknown;
  /** Reads no more. */
  destroy?(): unknown;
}

export interface Context {
  world: World;
  out: Terminal;
  args: Arguments;
  /** Of the platform of this machine. */
  home: string;
  /** The platform that the command is about: its address (core/platform-address.ts), `home` for the one of this machine. */
  platform: string;
  client: PlatformClient;
  /** A client that does not start the daemon. */
  quietClient: PlatformClient;
  /** @throws AppError when neither the options nor the clone tell which app is meant. */
  app(): AppName;
}
