/** The limits of a daemon that its environment says, in numbers. */
import { AppError } from "../core/error.ts";
import { AddressGuard } from "../outbound/address-guard.ts";
import { usualBuildSlots } from "../platform/build-slots.ts";
import { CALLS_PER_HOUR } from "../server/request-limits.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** @throws AppError usage when it is no number. */
export function buildsMaxOf(env: Environment): number {
  const text = env["GIT_HEROKU_BUILDS"];
  if (text === undefined || text === "") return usualBuildSlots();
  if (/^[1-9][0-9]{0,2}$/.test(text)) return Number(text);
  throw new AppError("usage", `GIT_HEROKU_BUILDS=${text.slice(0, 40)} is no number of builds from 1 to 999.`);
}

/** Infinite when it is `off`.
 *  @throws AppError usage when it is neither that nor a number. */
export function callsPerHourOf(env: Environment): number {
  const text = env["GIT_HEROKU_API_CALLS"];
  if (text === undefined || text === "") return CALLS_PER_HOUR;
  if (text === "off") return Number.POSITIVE_INFINITY;
  if (/^[1-9][0-9]{0,6}$/.test(text)) return Number(text);
  throw new AppError("usage", `GIT_HEROKU_API_CALLS=${text.slice(0, 40)} is no number of calls from 1 to 9999999.`, {
    hint: "It says how many calls a token may make in an hour; off: no limit.",
  });
}

/** @throws AppError usage when it is no list of networks. */
export function addressGuardOf(env: Environment): AddressGuard {
  const networks = (env["GIT_HEROKU_WEBHOOK_NETWORKS"] ?? "").split(",").filter((text) => text !== "");
  try {
    return new AddressGuard(networks);
  } catch (error) {
    throw new AppError("usage", `GIT_HEROKU_WEBHOOK_NETWORKS is no list of networks: ${(error as Error).message}`, {
      hint: "Write GIT_HEROKU_WEBHOOK_NETWORKS=10.0.0.0/8, with commas between several.",
    });
  }
}
