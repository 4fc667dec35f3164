/** Whose a token or a key is: whoever may do everything hands them out to others, for what those may do; everybody else
 *  makes their own alone. */
import type { FastifyRequest } from "fastify";
import { parseEmail, sameAddress } from "../core/access.ts";
import { AppError } from "../core/error.ts";
import { parsePerson, type Person } from "../core/person.ts";
import { visitorOf } from "./caller.ts";

export interface Holder {
  owner: Person;
  /** For everything, as its maker is. */
  isAdmin: boolean;
}

/** @param user whom it is for, an address with or without a name; oneself when left out
 *  @throws AppError forbidden, or invalid_params for no address */
export function holderOf(request: FastifyRequest, user: string | undefined): Holder {
  const { isAdmin, actor } = visitorOf(request);
  if (user === undefined) return { owner: actor.by, isAdmin };
  const email = parseEmail(parsePerson(user)?.email ?? user);
  const { name } = parsePerson(user) ?? { name: email };
  if (isAdmin) return { owner: { name, email }, isAdmin: false };
  if (email === sameAddress(actor.by.email)) return { owner: actor.by, isAdmin };
  throw new AppError("forbidden", "You can do that for yourself only.", {
    hint: "Whoever runs the platform does it for others.",
  });
}

/** On the platform's own socket everybody's. */
export function isSeenBy(request: FastifyRequest): (one: { owner: Person }) => boolean {
  const { credential, actor } = visitorOf(request);
  return ({ owner }) => credential === undefined || sameAddress(owner.email) === sameAddress(actor.by.email);
}
