/** The manual page git-heroku(1), made from the same words as the help: `git heroku --help` is git's, and opens it. */
import { TOPICS, type Command } from "./command.ts";
import { optionWords, usageLine, type ListedCommand } from "./help-text.ts";

export function formatManPage(listed: readonly ListedCommand[], version: string): string {
  return [
    `.TH GIT-HEROKU 1 "" "git-heroku ${escape(version)}" "git-heroku manual"`,
    ".SH NAME",
    "git-heroku \\- ps, logs, releases and rollback for machines you own",
    ".SH SYNOPSIS",
    ".B git heroku",
    "\\fIcommand\\fR [\\fIarguments\\fR] [\\fIoptions\\fR]",
    ".SH DESCRIPTION",
    ...DESCRIPTION,
    ...TOPICS.flatMap((topic) => formatTopic(topic, listed)),
    ".SH EXIT STATUS",
    "0 done; 1 refused or failed, with the reason on standard error; 2 a mistake in the arguments; 70 a bug.",
    ".SH ENVIRONMENT",
    ...ENVIRONMENT.flatMap(([name, meaning]) => [".TP", `.B ${name}`, escape(meaning)]),
    ".SH SEE ALSO",
    ".BR git (1),",
    ".BR git\\-push (1)",
    "",
  ].join("\n");
}

const DESCRIPTION = [
  "A small platform that turns any machine with git and Node into a place to push to.",
  "Each release is one commit that holds code, config and add\\-ons; the app is found from",
  "\\fB\\-\\-app\\fR, from \\fB\\-\\-remote\\fR, or from the clone's remotes: production first, then heroku,",
  "then the only one that points to the platform.",
];

const ENVIRONMENT: readonly (readonly [string, string])[] = [
  ["GIT_HEROKU_HOME", "The platform's home, ~/.git-heroku unless set."],
  ["GIT_HEROKU_ROUTER_PORT", "The port where apps are served; 0 means any free one."],
  ["GIT_HEROKU_API_PORT", "The port of the Platform API on the loopback; 0 means any free one."],
  ["GIT_HEROKU_USER", "Who is asking, as Name <email>; otherwise the author that git would name."],
  ["NO_COLOR", "When not empty, no colours are used."],
];

function formatTopic(topic: string, listed: readonly ListedCommand[]): string[] {
  const commands = listed.filter(({ command }) => command.topic === topic);
  return [`.SH ${topic.toUpperCase()}`, ...commands.flatMap(formatCommand)];
}

function formatCommand({ command, aliases }: ListedCommand): string[] {
  return [
    `.SS ${escape(usageLine(command))}`,
    `${escape(command.summary)}.`,
    ...(command.details === undefined ? [] : [escape(command.details)]),
    ...(aliases.length === 0 ? [] : [".PP", `Also called: ${escape(aliases.join(", "))}`]),
    ...command.options.flatMap((option) => [".TP", `.B ${escape(optionWords(option).trim())}`, escape(option.summary)]),
    ...formatExamples(command),
  ];
}

function formatExamples({ examples }: Command): string[] {
  if (examples.length === 0) return [];
  return [".PP", ".nf", ...examples.map(({ command, summary }) => escape(`    ${command}    # ${summary}`)), ".fi"];
}

/** A backslash, a dash and a quote mean something to roff, and so does a dot at the start of a line. */
function escape(text: string): string {
  return text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("`", "\\(ga")
    .replaceAll("'", "\\(aq")
    .replace(/^(?=\.)/gm, "\\&");
}
