/** `git heroku completion` */
import type { Command } from "../command.ts";
import { usageError } from "../parse-arguments.ts";

const SHELLS = ["bash", "zsh", "fish"] as const;
type Shell = (typeof SHELLS)[number];

export const completion: Command = {
  name: "completion",
  topic: "Help",
  summary: "Print a script that completes commands in bash, zsh or fish",
  details:
    "Keep it where the shell looks for such scripts, and make it anew after an upgrade; the next shell completes `git heroku` and `git-heroku`. For bash, with the package bash-completion, that is ~/.local/share/bash-completion/completions/git-heroku; without the package, source the script in ~/.bashrc after git's own. For zsh it is the file _git-heroku of a directory in fpath, named there before compinit: `fpath=(~/.zsh/completions $fpath)`. Commands and options are in the script. Apps, releases, process types and names of config vars are asked of the platform when it runs; nothing is started, and one that is slow is not waited for.",
  parameters: "<shell>",
  completes: SHELLS,
  options: [],
  examples: [
    { command: "source <(git heroku completion bash)", summary: "bash" },
    { command: "git heroku completion zsh > ~/.zsh/completions/_git-heroku", summary: "zsh" },
    { command: "git heroku completion fish > ~/.config/fish/conf.d/git-heroku.fish", summary: "fish" },
  ],
  async run({ args, out }) {
    const [word = ""] = args.words;
    const shell = SHELLS.find((known) => known === word);
    if (shell === undefined) {
      throw usageError(
        completion,
        `${JSON.stringify(word)} is not a shell that is known here; give ${SHELLS.join(", ")}`,
      );
    }
    const [{ listEverything }, { completedCommands }, format] = await Promise.all([
      import("../help-command.ts"),
      import("../completion-model.ts"),
      loadFormat(shell),
    ]);
    await out.write(format(completedCommands(await listEverything())));
    return undefined;
  },
};

async function loadFormat(shell: Shell): Promise<typeof import("../completion-bash.ts").formatBash> {
  if (shell === "bash") return (await import("../completion-bash.ts")).formatBash;
  if (shell === "zsh") return (await import("../completion-zsh.ts")).formatZsh;
  return (await import("../completion-fish.ts")).formatFish;
}
