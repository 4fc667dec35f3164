/** A program for the upkeep test: packs a repository and is killed on the way. */
import { openRepository } from "../../src/ledger/git-process.ts";
import { keepUp } from "../../src/ledger/upkeep.ts";

const repository = openRepository(process.argv[2] ?? "", { name: "git-heroku", email: "platform@git-heroku" });
await keepUp(repository, Date.now(), new AbortController().signal);
