/** Which ssh git would use in this clone (git(1), GIT_SSH_COMMAND; git-config(1), core.sshCommand), as words for a shell. */
import { runGit, type Place } from "./git.ts";

export function sshCommand(place: Place): string {
  const { GIT_SSH_COMMAND: chosen, GIT_SSH: program } = place.env;
  if (chosen) return chosen;
  const configured = runGit(place, ["config", "core.sshCommand"]).stdout.trim();
  if (configured !== "") return configured;
  return program ? `'${program.replaceAll("'", String.raw`'\''`)}'` : "ssh";
}
