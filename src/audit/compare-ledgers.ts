/** Where two histories of one ledger part, for a person who must find out what happened: the last release that they have
 *  in common, and what either has after it. */
import { MalformedRelease, parseCommit, parseRelease } from "../core/release-commit.ts";
import type { Release } from "../core/release.ts";
import { walkReleases, type Chain } from "./chain.ts";
import { ObjectSource, type Place } from "./object-source.ts";

/** A release as it can be told; undefined when the commit is none, or not here. */
export interface ToldCommit {
  oid: string;
  release: Release | undefined;
}

export interface Side {
  /** How many there are after the common release. */
  count: number;
  /** The first of them, oldest first. */
  commits: ToldCommit[];
}

export interface Comparison {
  /** Undefined when the two have nothing in common. */
  common: ToldCommit | undefined;
  seen: Side;
  found: Side;
}

/** More would only hide the first. */
const TOLD_MAX = 10;

export async function compareLedgers(place: Place, heads: { seen: string; found: string }): Promise<Comparison> {
  const source = new ObjectSource(place);
  try {
    const [seen, found] = [await walkReleases(source, heads.seen), await walkReleases(source, heads.found)];
    let shared = 0;
    while (shared < seen.length && seen.at(shared) === found.at(shared)) shared += 1;
    const common = shared === 0 ? undefined : seen.at(shared - 1);
    return {
      common: common === undefined ? undefined : await tell(source, common),
      seen: await sideOf(source, seen, shared),
      found: await sideOf(source, found, shared),
    };
  } finally {
    await source.close();
  }
}

async function sideOf(source: ObjectSource, chain: Chain, from: number): Promise<Side> {
  const count = chain.length - from;
  const oids = Array.from({ length: Math.min(count, TOLD_MAX) }, (_, index) => chain.at(from + index) ?? "");
  return { count, commits: await Promise.all(oids.map((oid) => tell(source, oid))) };
}

async function tell(source: ObjectSource, oid: string): Promise<ToldCommit> {
  const found = await source.read(oid);
  if (!("data" in found)) return { oid, release: undefined };
  try {
    return { oid, release: parseRelease(oid, parseCommit(Buffer.from(found.data).toString("utf8"))) };
  } catch (error) {
    if (error instanceof MalformedRelease) return { oid, release: undefined };
    throw error;
  }
}
