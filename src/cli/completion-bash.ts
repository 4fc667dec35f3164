/** The completion script for bash, from 3.2 (macOS) on. */
import type { Completes } from "./command.ts";
import { quoted, type CompletedCommand } from "./completion-model.ts";

export function formatBash(commands: readonly CompletedCommand[]): string {
  const names = commands.map(({ names: [name] }) => name).join(" ");
  return `${HEAD}
# Of the command $1: its options, those of them that take a value with the kind of that, and the kind of its words.
__git_heroku_command ()
{
	case $1 in
${commands.map(formatCommand).join("\n")}
	esac
}

__git_heroku_commands=${quoted(names)}
${FUNCTIONS}`;
}

function formatCommand({ names, options, words }: CompletedCommand): string {
  const switches = options.map(({ name }) => `--${name}`).join(" ");
  const values = options
    .filter(({ value }) => value !== undefined)
    .flatMap((option) => spellings(option).map((word) => `${word} ${kindWord(option.values)}`))
    .join(" ");
  return `	${names.join("|")})
		options=${quoted(switches)} values=${quoted(values)} parameters=${quoted(kindWord(words))} ;;`;
}

function spellings({ name, short }: { name: string; short?: string }): string[] {
  return short === undefined ? [`--${name}`] : [`--${name}`, `-${short}`];
}

/** One word for the script: `-` is nothing, and a list begins with a colon. */
function kindWord(completes: Completes | undefined): string {
  if (completes === undefined) return "-";
  return typeof completes === "string" ? completes : `:${completes.join(",")}`;
}

const HEAD = `# Completes \`git heroku\` and \`git-heroku\` in bash; printed by \`git heroku completion bash\`.
`;

const FUNCTIONS = `
# Called by git's own completion, which has set cur, cword, words and __git_cmd_idx.
_git_heroku ()
{
	local at=$((\${__git_cmd_idx:-1} + 1))
	__git_heroku_complete "$cur" "\${words[@]:at:cword-at}"
}

# Bash takes words apart at colons and equals signs, so the line itself is read.
_git_heroku_program ()
{
	local IFS=$' \\t\\n' line=\${COMP_LINE:0:COMP_POINT} cur= last
	local -a words
	read -r -a words <<< "$line"
	case $line in
	*[$' \\t']) ;;
	*)
		last=$((\${#words[@]} - 1))
		cur=\${words[last]}
		unset "words[last]" ;;
	esac
	__git_heroku_complete "$cur" "\${words[@]:1}"
}

# $1 is the word to complete; the others are those before it, from the command on.
__git_heroku_complete ()
{
	local IFS=$' \\t\\n' whole=$1 start= kind options= values= parameters=-
	shift
	COMPREPLY=()
	case " $* " in *' -- '*) return ;; esac
	if [ $# -eq 0 ]; then
		kind=commands
	else
		__git_heroku_command "$1"
		kind=$(__git_heroku_kind_of "\${!#}" $values)
		if [ -z "$kind" ]; then
			case $whole in
			--*=*)
				start=\${whole%%=*}=
				kind=$(__git_heroku_kind_of "\${whole%%=*}" $values) ;;
			-*) kind=options ;;
			esac
		fi
		[ -n "$kind" ] || kind=$parameters
	fi
	[ "$kind" = files ] && return
	# Nothing else is known to be right: no names of files.
	compopt +o default +o bashdefault 2> /dev/null
	__git_heroku_reply "$whole" "$start" "$(__git_heroku_words "$kind" "$@")"
}

# $1 is an option; the others are all that take a value, each with its kind.
__git_heroku_kind_of ()
{
	local option=$1
	shift
	while [ $# -gt 1 ]; do
		if [ "$1" = "$option" ]; then
			printf %s "$2"
			return
		fi
		shift 2
	done
}

# A line for each word of the kind $1; what only git or the platform knows is asked of them.
__git_heroku_words ()
{
	local kind=$1
	shift
	case $kind in
	-) ;;
	:*) printf '%s\\n' "\${kind#:}" | tr , '\\n' ;;
	commands) printf '%s\\n' $__git_heroku_commands ;;
	options) printf '%s\\n' $options ;;
	remotes) command git \${__git_C_args[@]+"\${__git_C_args[@]}"} remote 2> /dev/null ;;
	*)
		command git \${__git_C_args[@]+"\${__git_C_args[@]}"} heroku complete-values "$kind" -- "$@" 2> /dev/null |
			cut -f 1 ;;
	esac
}

# The words $3 that fit $1, of which $2 is an option; bash replaces only what follows the last place where it breaks words.
__git_heroku_reply ()
{
	local IFS=$'\\n' word tail=$1
	case $COMP_WORDBREAKS in *:*) tail=\${tail##*:} ;; esac
	case $COMP_WORDBREAKS in *=*) tail=\${tail##*=} ;; esac
	local kept=\${1%"$tail"}
	for word in $3; do
		word=$2$word
		case $word in "$1"*) ;; *) continue ;; esac
		word=\${word#"$kept"}
		case $word in *=) ;; *) word="$word " ;; esac
		COMPREPLY+=("$word")
	done
}

complete -o bashdefault -o default -o nospace -F _git_heroku_program git-heroku
`;
