/** Reads what the platform has left of a long answer. */
import { setFlagsFromString } from "node:v8";
import type { FoundLines, LogRestItem } from "../api/log-resources.ts";
import { readRest } from "../logs/read-rest.ts";

// Machine code of a function that runs for a tenth of a second is made for nobody, and takes another processor that long. V8 of Node 22
// and later sees that itself, and knows this flag no more.
const V8_MAJOR_MAX = 11;
if (Number.parseInt(process.versions.v8, 10) <= V8_MAJOR_MAX) setFlagsFromString("--interrupt-budget=1000000");

export function readLogRest({ dir, segments, end, filter }: LogRestItem): AsyncIterable<FoundLines> {
  return readRest({ dir, snapshot: { segments, end }, filter }, new AbortController().signal);
}
