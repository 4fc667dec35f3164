/** Where a passphrase comes from: a file, the environment, or a terminal that does not show it. Never an argument, which
 *  every user of the machine could read. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { AppError } from "../core/error.ts";
import type { Context, InputStream } from "./command.ts";

export const PASSPHRASE_OPTION = {
  name: "passphrase-file",
  value: "FILE",
  summary: "read the passphrase from a file (else $GIT_HEROKU_PASSPHRASE, else you are asked)",
};

/** @param times 2: a new one, which is asked for once more.
 *  @throws AppError invalid_params when it is empty, the two differ, or there is nobody to ask. */
export async function findPassphrase({ args, world, out }: Context, times: 1 | 2): Promise<string> {
  const file = args.value("passphrase-file");
  if (file !== undefined) return notEmpty(await readPassphrase(resolve(world.cwd, file)));
  const given = world.env["GIT_HEROKU_PASSPHRASE"];
  if (given !== undefined) return notEmpty(given);
  if (world.stdin.isTTY !== true) {
    throw new AppError("invalid_params", "A passphrase is needed for the keys, and there is no terminal to ask on.", {
      hint: "Give --passphrase-file FILE, or set GIT_HEROKU_PASSPHRASE.",
    });
  }
  const questions = ["Passphrase: ", "The same again: "].slice(0, times);
  const [first = "", second = first] = await askHidden(world.stdin, questions, (text) => out.note(text));
  if (first !== second) throw new AppError("invalid_params", "The two passphrases differ.");
  return notEmpty(first);
}

async function readPassphrase(path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).replace(/\r?\n$/, "");
  } catch (error) {
    throw new AppError("invalid_params", `The passphrase file cannot be read: ${(error as Error).message}`);
  }
}

function notEmpty(passphrase: string): string {
  if (passphrase !== "") return passphrase;
  throw new AppError("invalid_params", "The passphrase is empty.", { hint: "Choose a long one: it guards the keys." });
}

const ENTER = new Set(["\r", "\n"]);
const END_OF_INPUT = "\u0004";
const INTERRUPT = "\u0003";
const ERASE = new Set(["\u007f", "\b"]);
const ERASE_ALL = "\u0015";

/** Each question in turn; what is typed is not shown. */
export async function askHidden(
  stdin: InputStream,
  questions: readonly string[],
  say: (text: string) => void,
): Promise<string[]> {
  stdin.setRawMode?.(true);
  const chunks = stdin[Symbol.asyncIterator]();
  try {
    const typed = characters(chunks);
    const answers = [];
    for (const question of questions) {
      say(question);
      answers.push(await readHidden(typed));
      say("\n");
    }
    return answers;
  } finally {
    stdin.setRawMode?.(false);
    await chunks.return?.();
  }
}

async function readHidden(typed: AsyncIterator<string>): Promise<string> {
  let answer: string[] = [];
  for (;;) {
    const { value, done } = await typed.next();
    if (done === true || value === END_OF_INPUT || ENTER.has(value)) return answer.join("");
    if (value === INTERRUPT) throw new AppError("bad_request", "Interrupted.");
    if (value === ERASE_ALL) answer = [];
    else if (ERASE.has(value)) answer.pop();
    else answer.push(value);
  }
}

async function* characters(chunks: AsyncIterator<string | Buffer>): AsyncGenerator<string, undefined> {
  const decoder = new TextDecoder();
  for (;;) {
    const { value, done } = await chunks.next();
    if (done === true) return undefined;
    yield* typeof value === "string" ? value : decoder.decode(value, { stream: true });
  }
}
