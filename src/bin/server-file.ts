/** `server.json` in the home: where the running daemon is found (docs/formats.md, "Home"). */
import { rm } from "node:fs/promises";
import { writeDurably } from "../ledger/durable-file.ts";
import type { Home } from "../platform/home.ts";
import type { Journal } from "../platform/journal.ts";

export interface ServerFacts {
  pid: number;
  /** Its address, `http://127.0.0.1:5000`. */
  router: string;
  /** The Platform API over TCP, `http://127.0.0.1:5001`. */
  api: string;
  version: string;
}

/** A daemon that cannot write it, as on a full disk, serves all the same: the commands ask its socket. What an earlier
 *  daemon wrote must not stay then. */
export async function writeServerFile(home: Home, journal: Journal, facts: ServerFacts): Promise<void> {
  try {
    await writeDurably(home.serverFile, `${JSON.stringify(facts)}\n`, 0o600);
  } catch (error) {
    journal.fault("writing server.json", error);
    await removeServerFile(home, journal);
  }
}

export async function removeServerFile(home: Home, journal: Journal): Promise<void> {
  try {
    await rm(home.serverFile, { force: true });
  } catch (error) {
    journal.fault("removing server.json", error);
  }
}
