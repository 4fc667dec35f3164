/** Which dynos an app should have: names, quantities and changes of quantities (`web=2`, `worker+1`, `web-1`). */
import { AppError } from "./error.ts";
import { formationTypes, isOneOffType, ONE_OFF_TYPE, WEB_TYPE } from "./procfile.ts";
import type { Procfile } from "./procfile.ts";

/** Process type → how many. A type that is not named has none. */
export type Quantities = Readonly<Record<string, number>>;

export interface DynoName {
  readonly type: string;
  /** 1, 2, 3 … */
  readonly slot: number;
}

export interface QuantityChange {
  readonly type: string;
  readonly mode: "set" | "add";
  readonly amount: number;
}

/** Heroku's own limit for one process type. */
export const QUANTITY_MAX = 100;

const DYNO_NAME = /^([A-Za-z0-9_-]{1,128})\.([1-9][0-9]{0,5})$/;
const SCALE = /^([A-Za-z0-9_-]{1,128})([=+-])([0-9]{1,9})$/;

/** `web.1`, or undefined for anything else. */
export function parseDynoName(text: string): DynoName | undefined {
  const match = DYNO_NAME.exec(text);
  if (match?.[1] === undefined) return undefined;
  return { type: match[1], slot: Number(match[2]) };
}

export function formatDynoName(name: DynoName): string {
  return `${name.type}.${String(name.slot)}`;
}

/** By type, then by number: web.2 before web.10. */
export function compareDynoNames(a: DynoName, b: DynoName): number {
  if (a.type !== b.type) return a.type < b.type ? -1 : 1;
  return a.slot - b.slot;
}

/** Reads `web=2`, `worker+1` or `web-1`.
 *  @throws AppError invalid_params for anything else. */
export function parseScale(text: string): QuantityChange {
  const match = SCALE.exec(text);
  if (match?.[1] === undefined) {
    throw new AppError("invalid_params", `${JSON.stringify(text.slice(0, 60))} is not a quantity of processes.`, {
      hint: "Write it as web=2, worker+1 or worker-1.",
    });
  }
  const amount = Number(match[3]);
  return { type: match[1], mode: match[2] === "=" ? "set" : "add", amount: match[2] === "-" ? -amount : amount };
}

/** Reads a quantity of the API: 3, "3", "+1" or "-1".
 *  @throws AppError invalid_params for anything else. */
export function parseQuantity(type: string, value: unknown): QuantityChange {
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text === "string" && /^[+-]?[0-9]{1,9}$/.test(text) && !(typeof value === "number" && value < 0)) {
    return { type, mode: /^[+-]/.test(text) ? "add" : "set", amount: Number(text) };
  }
  throw new AppError("invalid_params", `The quantity of ${type.slice(0, 60)} is not a whole number of processes.`, {
    hint: 'Give a number such as 2, or a change such as "+1".',
  });
}

const TYPE = /^[A-Za-z0-9_-]{1,128}$/;

/** Could a Procfile have this type, and could it be scaled? For an app whose Procfile nobody has seen yet. */
export function isScalableType(type: string): boolean {
  return TYPE.test(type) && !isOneOffType(type);
}

export function isQuantity(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= QUANTITY_MAX;
}

/** Applies the changes in order; types that are not named keep their quantity.
 *  @throws AppError not_found for a type that the app does not have, invalid_params for a quantity out of range. */
export function changeQuantities(
  quantities: Quantities,
  changes: readonly QuantityChange[],
  procfile: Procfile,
  max = QUANTITY_MAX,
): Quantities {
  const next = new Map(Object.entries(quantities));
  for (const { type, mode, amount } of changes) {
    checkType(type, procfile);
    const quantity = mode === "set" ? amount : (next.get(type) ?? 0) + amount;
    checkQuantity(type, quantity, max);
    next.set(type, quantity);
  }
  return Object.fromEntries([...next].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** @throws AppError not_found for a type that the app does not have, invalid_params for one-off processes. */
export function checkType(type: string, procfile: Procfile): void {
  const types = formationTypes(procfile);
  if (types.includes(type)) return;
  if (type === ONE_OFF_TYPE) {
    throw new AppError("invalid_params", "One-off processes cannot be scaled or limited.", {
      hint: "Start each with `git heroku run:detached COMMAND`.",
    });
  }
  if (types.length === 0) {
    throw new AppError("not_found", "The app has no process types yet.", {
      hint: "Add a Procfile with a line such as `web: node server.js`, commit it and push.",
    });
  }
  throw new AppError("not_found", `Couldn't find the process type ${JSON.stringify(type.slice(0, 60))}.`, {
    hint: `The app has: ${types.join(", ")}.`,
  });
}

function checkQuantity(type: string, quantity: number, max: number): void {
  if (quantity < 0) {
    throw new AppError("invalid_params", `${type} cannot have ${String(quantity)} processes.`, {
      hint: `${type}=0 stops all of them.`,
    });
  }
  if (quantity > max) {
    throw new AppError("invalid_params", `${type} cannot have more than ${String(max)} processes.`, {
      hint: `Ask for ${String(max)} or fewer.`,
    });
  }
}

/** What a first deploy runs: one web process, if there is such a type. */
export function firstQuantities(procfile: Procfile): Quantities {
  return procfile.has(WEB_TYPE) ? { [WEB_TYPE]: 1 } : {};
}

/** A type may be called `constructor`; only what was written counts. */
export function quantityOf(quantities: Quantities, type: string): number {
  return Object.hasOwn(quantities, type) ? (quantities[type] ?? 0) : 0;
}

/** The dynos that should exist, in the order in which `ps` lists them. */
export function plannedDynos(procfile: Procfile, quantities: Quantities): DynoName[] {
  return formationTypes(procfile)
    .flatMap((type) => Array.from({ length: quantityOf(quantities, type) }, (_, index) => ({ type, slot: index + 1 })))
    .sort(compareDynoNames);
}
