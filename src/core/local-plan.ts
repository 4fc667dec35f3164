/** What runs on a developer's machine: which processes of a Procfile, how many of each, and on which ports; the rules are
 *  those of foreman (ddollar.github.io/foreman) and of `heroku local`. */
import { AppError } from "./error.ts";
import { formatDynoName, QUANTITY_MAX } from "./formation-plan.ts";
import { formationTypes, type Procfile } from "./procfile.ts";

export interface LocalProcess {
  /** `web.1`. */
  name: string;
  command: string;
  /** Counted from the first port of all. */
  portOffset: number;
}

export interface LocalWish {
  /** `web`, `web=2` or `web=1,worker=2`: only these types. */
  words: readonly string[];
  /** `web=2,worker=1`, or `all=1` for the types that are not named; undefined for one of each. */
  formation: string | undefined;
}

/** Each type has its own hundred, as in foreman. */
const PORTS_PER_TYPE = 100;
const ALL = "all";
const PAIR = /^([A-Za-z0-9_-]{1,128})(?:=([0-9]{1,9}))?$/;

/** @param procfile in the order in which it is written, which gives the ports.
 *  @throws AppError not_found for a type that is not there, invalid_params for a quantity out of range or when there
 *  would be nothing to run. */
export function planLocal(procfile: Procfile, wish: LocalWish): LocalProcess[] {
  const usual = formationTypes(procfile);
  // The rest, `release` for one, only runs when it is named.
  const types = [...usual, ...[...procfile.keys()].filter((type) => !usual.includes(type))];
  const quantities = readQuantities(usual, wish);
  for (const [type, quantity] of quantities) check(type, quantity, types);
  const processes = types.flatMap((type, index) =>
    Array.from({ length: quantities.get(type) ?? 0 }, (_, slot) => ({
      name: formatDynoName({ type, slot: slot + 1 }),
      command: procfile.get(type) ?? "",
      portOffset: index * PORTS_PER_TYPE + slot,
    })),
  );
  if (processes.length > 0) return processes;
  throw new AppError("invalid_params", "There is nothing to run.", {
    hint: `The Procfile has: ${types.join(", ")}. Ask for some of them, as in \`git heroku local web=1\`.`,
  });
}

function readQuantities(usual: readonly string[], { words, formation }: LocalWish): Map<string, number> {
  const asked = formation === undefined ? undefined : readPairs(formation);
  const others = asked?.get(ALL);
  if (words.length > 0) {
    const named = new Map(words.flatMap((word) => [...readPairs(word)]));
    return new Map([...named].map(([type, count]) => [type, count ?? asked?.get(type) ?? others ?? 1]));
  }
  const quantities = new Map(usual.map((type) => [type, asked === undefined ? 1 : (others ?? 0)]));
  for (const [type, count] of asked ?? []) if (type !== ALL) quantities.set(type, count ?? 1);
  return quantities;
}

/** A type without a number has none of its own. */
function readPairs(text: string): Map<string, number | undefined> {
  const pairs = text.split(",").map((pair): [string, number | undefined] => {
    const [, type, count] = PAIR.exec(pair.trim()) ?? [];
    if (type !== undefined) return [type, count === undefined ? undefined : Number(count)];
    throw new AppError("invalid_params", `${JSON.stringify(pair.slice(0, 60))} is not a number of processes.`, {
      hint: "Write it as web, web=2 or web=2,worker=1.",
    });
  });
  return new Map(pairs);
}

function check(type: string, quantity: number, types: readonly string[]): void {
  if (!types.includes(type)) {
    throw new AppError("not_found", `Couldn't find the process type ${JSON.stringify(type)}.`, {
      hint: `The Procfile has: ${types.join(", ")}.`,
    });
  }
  if (quantity <= QUANTITY_MAX) return;
  throw new AppError("invalid_params", `${type} cannot have more than ${String(QUANTITY_MAX)} processes.`, {
    hint: `Ask for ${String(QUANTITY_MAX)} or fewer.`,
  });
}
