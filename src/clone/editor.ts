/** The person's editor, as git finds it: $GIT_EDITOR, core.editor, $VISUAL, $EDITOR, git's own default. */
import { spawn } from "node:child_process";
import { AppError } from "../core/error.ts";
import { runGit, type Place } from "./git.ts";

const CHOICES = ["GIT_EDITOR", "VISUAL", "EDITOR"];

/** @returns a command for `sh`.
 *  @throws AppError unavailable when there is none, or nobody to type into it. */
export function findEditor(place: Place, hasTerminal: boolean): string {
  const isChosen = CHOICES.some((name) => (place.env[name] ?? "") !== "") || hasConfigured(place);
  if (!isChosen && !hasTerminal) throw noEditor("There is no terminal to edit in.");
  const { status, stdout } = runGit(place, ["var", "GIT_EDITOR"]);
  if (status !== 0 || stdout.trim() === "") throw noEditor("No editor was found.");
  return stdout.trim();
}

function hasConfigured(place: Place): boolean {
  return runGit(place, ["config", "core.editor"]).status === 0;
}

function noEditor(message: string): AppError {
  return new AppError("unavailable", message, {
    hint: "Set GIT_EDITOR to a program that edits the file it is given, or use config:export and config:import.",
  });
}

/** Opens the file as git would, and waits until the editor ends.
 *  @throws AppError bad_request when it does not end well. */
export async function runEditor(place: Place, editor: string, path: string): Promise<void> {
  const child = spawn("sh", ["-c", `${editor} "$@"`, editor, path], {
    cwd: place.cwd,
    env: { ...place.env },
    stdio: "inherit",
  });
  const status = await new Promise<string>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve(signal ?? `status ${String(code)}`));
  });
  if (status === "status 0") return;
  throw new AppError("bad_request", `The editor ended with ${status}, so nothing was changed.`, {
    hint: `The editor is ${JSON.stringify(editor)}; git heroku asks \`git var GIT_EDITOR\` for it.`,
  });
}
