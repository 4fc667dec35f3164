/** The completion script for zsh: an autoloaded function, which zsh's own `_git` finds by its name. */
import type { Completes } from "./command.ts";
import { quoted, type CompletedCommand, type CompletedOption } from "./completion-model.ts";

export function formatZsh(commands: readonly CompletedCommand[]): string {
  const list = commands.map(({ names: [name], summary }) => quoted(`${name.replaceAll(":", "\\:")}:${summary}`));
  return `${HEAD}
__git_heroku_commands () {
	local -a commands
	commands=(
${list.map((line) => `\t\t${line}`).join("\n")}
	)
	_describe -t commands 'git heroku command' commands
}
${VALUES}
__git_heroku_arguments () {
	case $words[1] in
${commands.map(formatCommand).join("\n")}
	(*) return 1 ;;
	esac
}
${TAIL}`;
}

function formatCommand({ names, options, words }: CompletedCommand): string {
  const specs = options.map(formatOption);
  const word = words === undefined ? [] : [quoted(`*: :${action(words)}`)];
  return `\t(${names.join("|")})
		_arguments -S -s ${[...specs, ...word].join(" \\\n\t\t\t")} ;;`;
}

/** `'(-a --app)'{-a,--app=}'[the app]:name:…'` */
function formatOption({ name, short, value, many, summary, values }: CompletedOption): string {
  const argument = value === undefined ? "" : `:${escape(value.toLowerCase())}:${action(values)}`;
  const about = `[${escape(summary)}]${argument}`;
  const long = `--${name}${value === undefined ? "" : "="}`;
  if (short === undefined) return quoted(`${many === true ? "*" : ""}${long}${about}`);
  const brief = `-${short}${value === undefined ? "" : "+"}`;
  return `${many === true ? quoted("*") : quoted(`(-${short} --${name})`)}{${brief},${long}}${quoted(about)}`;
}

function action(completes: Completes | undefined): string {
  if (completes === undefined) return " ";
  if (typeof completes !== "string") {
    const words = completes.map(escape).join(" ");
    return completes.every((word) => word.endsWith("=")) ? `compadd -S "" -- ${words}` : `(${words})`;
  }
  if (completes === "files") return "_files";
  return completes === "commands" || completes === "remotes"
    ? `__git_heroku_${completes}`
    : `__git_heroku_values ${completes}`;
}

function escape(text: string): string {
  return text.replaceAll(/[\\:[\]]/g, "\\$&");
}

const HEAD = `#compdef git-heroku
#description ps, logs, releases and rollback for machines you own
# Completes \`git heroku\` and \`git-heroku\` in zsh; printed by \`git heroku completion zsh\`.
`;

const VALUES = `
__git_heroku_remotes () {
	local -a remotes
	remotes=(\${(f)"$(command git remote 2> /dev/null)"})
	compadd "$@" -a remotes
}

# What only the platform knows, of the kind that comes last; it is asked for the command's app.
__git_heroku_values () {
	local kind=$argv[-1] line value about
	local -a values finish
	[[ $kind = *= ]] && finish=(-S '')
	for line in \${(f)"$(command git heroku complete-values $kind -- $words[1,CURRENT-1] 2> /dev/null)"}; do
		value=\${line%%$'\\t'*}
		about=
		[[ $line = *$'\\t'* ]] && about=:\${line#*$'\\t'}
		values+=("\${value//:/\\\\:}$about")
	done
	_describe -V -t values \${kind%=} values "\${finish[@]}"
}
`;

const TAIL = `
_git-heroku () {
	local curcontext=$curcontext state line ret=1
	local -A opt_args
	_arguments -C ': :__git_heroku_commands' '*:: :->arguments' && ret=0
	[[ $state = arguments ]] && __git_heroku_arguments && ret=0
	return ret
}

# Run by zsh as the function itself, or sourced by a person.
if [[ $funcstack[1] = _git-heroku ]]; then
	_git-heroku "$@"
else
	compdef _git-heroku git-heroku
fi
`;
