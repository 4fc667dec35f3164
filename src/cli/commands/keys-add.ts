/** `git heroku keys:add` */
import { open } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { AppError } from "../../core/error.ts";
import { parseSshKey } from "../../core/ssh-key.ts";
import { JSON_OPTION, SERVER_OPTION, type Command, type World } from "../command.ts";

/** In the order in which ssh tries them; its newest kind first. */
const USUAL_FILES = ["id_ed25519.pub", "id_ed25519_sk.pub", "id_ecdsa.pub", "id_ecdsa_sk.pub", "id_rsa.pub"];
/** Far more than any key has. */
const FILE_BYTES_MAX = 16 * 1024;

export const keysAdd: Command = {
  name: "keys:add",
  topic: "Access",
  summary: "Add an SSH key, with which its owner may come in",
  details:
    "The key says who somebody is: what is done with it is done in its owner's name. A key is of one person, and a person may have several. Without a file the usual one in ~/.ssh is taken; - reads standard input. For somebody else it is added by whoever runs the platform, who says whose it is with --for.",
  parameters: "[file]",
  completes: "files",
  options: [
    { name: "for", value: "EMAIL", summary: "whose key it is; usually yours. Also: 'Kate Bush <kate@foobazco.com>'" },
    { name: "yes", short: "y", summary: "for Heroku's sake; nothing is asked" },
    SERVER_OPTION,
    JSON_OPTION,
  ],
  examples: [
    { command: "git heroku keys:add kate.pub --for kate@foobazco.com", summary: "lets Kate in" },
    { command: "git heroku keys:add", summary: "another key of your own" },
    {
      command: "sudo -u git -H git heroku keys:add - --for ned@foobazco.com <ned.pub",
      summary: "on a server, a file of root's",
    },
  ],
  async run({ args, client, out, world }) {
    const text = await readKey(world, args.words[0]);
    // What is no key is told here, before anything is asked.
    parseSshKey(text);
    const add = () => client.access.addKey({ public_key: text, user: args.value("for") });
    if (args.has("json")) return out.json(await add());
    const added = await out.action("Adding the key", add, { subject: ({ fingerprint }) => fingerprint });
    return out.line(`It is ${added.email}'s.`);
  },
};

async function readKey(world: World, file: string | undefined): Promise<string> {
  if (file === "-") return readInput(world);
  if (file !== undefined) return readFileStart(resolve(world.cwd, file));
  const directory = join(world.env["HOME"] ?? homedir(), ".ssh");
  for (const name of USUAL_FILES) {
    const text = await readFileStart(join(directory, name)).catch(() => undefined);
    if (text !== undefined) return text;
  }
  throw new AppError("not_found", `There is no public key in ${directory}.`, {
    hint: "Make one with `ssh-keygen -t ed25519`, or name the file.",
  });
}

async function readInput(world: World): Promise<string> {
  let text = "";
  for await (const chunk of world.stdin) {
    text += chunk.toString();
    if (text.length > FILE_BYTES_MAX) throw tooLarge("Standard input");
  }
  return text;
}

/** @throws AppError for what cannot be read, or is no text of a key's size */
async function readFileStart(path: string): Promise<string> {
  try {
    const file = await open(path, "r");
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(FILE_BYTES_MAX + 1), 0, FILE_BYTES_MAX + 1, 0);
      if (bytesRead > FILE_BYTES_MAX) throw tooLarge(path);
      return buffer.toString("utf8", 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof AppError) throw error;
    throw new AppError("not_found", `${path} cannot be read: ${(error as Error).message}`, {
      hint: "A file of another user's goes to standard input: git heroku keys:add - --for EMAIL <FILE",
    });
  }
}

function tooLarge(what: string): AppError {
  return new AppError("invalid_params", `${what} is far too large for a public key.`);
}
