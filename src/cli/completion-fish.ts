/** The completion script for fish. It is read at each start, because fish would look for that of `git-heroku` only where
 *  the command is called so. */
import type { Completes } from "./command.ts";
import type { CompletedCommand, CompletedOption } from "./completion-model.ts";

export function formatFish(commands: readonly CompletedCommand[]): string {
  const names = commands.map(
    ({ names: [name], summary }) => `complete -c git-heroku -n $alone -a ${quoted(name)} -d ${quoted(summary)}`,
  );
  const list = commands.map(({ names: [name] }) => name).join(" ");
  return `${HEAD}
set -g __git_heroku_commands ${list}

${FUNCTIONS}
${names.join("\n")}

${commands.flatMap(formatCommand).join("\n")}
`;
}

function formatCommand({ names, options, words }: CompletedCommand): string[] {
  const start = `complete -c git-heroku -n ${quoted(`__git_heroku_using ${names.join(" ")}`)}`;
  const own = words === undefined ? [] : [`${start} ${words === "files" ? "-F" : `-a ${candidates(words)}`}`];
  return [...own, ...options.map((option) => `${start} ${formatOption(option)}`)];
}

function formatOption({ name, short, value, summary, values }: CompletedOption): string {
  const spelled = `-l ${name}${short === undefined ? "" : ` -s ${short}`} -d ${quoted(summary)}`;
  if (value === undefined) return spelled;
  if (values === "files") return `${spelled} -r -F`;
  return `${spelled} -x${values === undefined ? "" : ` -a ${candidates(values)}`}`;
}

function candidates(completes: Exclude<Completes, "files">): string {
  if (typeof completes !== "string") return quoted(completes.join(" "));
  if (completes === "commands") return quoted("$__git_heroku_commands");
  return quoted(completes === "remotes" ? "(command git remote 2>/dev/null)" : `(__git_heroku_values ${completes})`);
}

function quoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}

const HEAD = `# Completes \`git heroku\` and \`git-heroku\` in fish; printed by \`git heroku completion fish\`.

status is-interactive; or exit
`;

const FUNCTIONS = `# Whether the command is one of these.
function __git_heroku_using
    set -l words (commandline -opc)
    contains -- "$words[2]" $argv
    and not contains -- -- $words
end

# What only the platform knows, of this kind; it is asked for the command's app.
function __git_heroku_values -a kind
    set -l words (commandline -opc)
    command git heroku complete-values $kind -- $words[2..] 2>/dev/null
end

# The same behind \`git\`, whose own completion knows where its options end.
function __git_heroku_below_git
    set -l words (commandline -opc)
    while set -q words[1]; and test "$words[1]" != heroku
        set -e words[1]
    end
    complete -C (string join ' ' -- git-heroku (string escape -- $words[2..]) (commandline -ct))
end
complete -c git -f -n '__fish_git_using_command heroku' -a '(__git_heroku_below_git)'

set -l alone 'test (count (commandline -opc)) -eq 1'
complete -c git-heroku -f
`;
