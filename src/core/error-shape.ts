/** What lines of an error have in common: everything that differs from one time to the next (numbers, ids, addresses,
 *  quoted texts, times) is replaced, so that equal shapes are the same error. */
import { COLOUR } from "./colour.ts";

const LENGTH_MAX = 300;

/** In this order: what comes first may contain what comes later. */
const PARTS: readonly [RegExp, string][] = [
  [COLOUR, ""],
  [/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?/g, "<time>"],
  [/\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b/gi, "<uuid>"],
  [/"(?:[^"\\]|\\.){0,500}"/g, '"…"'],
  [/(?<![A-Za-z0-9])'(?:[^'\\]|\\.){0,500}'(?![A-Za-z0-9])/g, "'…'"],
  [/`[^`]{0,500}`/g, "`…`"],
  [/(?<![\w.+-])[\w.+-]+@[\w-]+\.[\w.-]+/g, "<address>"],
  [/\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b/g, "<address>"],
  [/\[?(?<![0-9A-Za-z:])(?:[0-9a-f]{0,4}:){3,7}[0-9a-f]{0,4}(?![0-9A-Za-z:])(?:\]:\d+)?/gi, "<address>"],
  [/\b0x[0-9a-f]+\b/gi, "<hex>"],
  [/\b(?=[a-f]*\d)(?=\d*[a-f])[0-9a-f]{8,}\b/gi, "<hex>"],
  [/(?<![A-Za-z_\d])\d+(?:[.,:]\d+)*/g, "<n>"],
];

/** At most 300 characters. */
export function errorShape(text: string): string {
  let shape = text.slice(0, 2 * LENGTH_MAX).trim();
  for (const [part, word] of PARTS) shape = shape.replace(part, word);
  return shape.slice(0, LENGTH_MAX);
}

/** A frame without its line, which moves with every change of the file, and without the directory of one process. */
export function frameShape(text: string): string {
  return text
    .slice(0, 2 * LENGTH_MAX)
    .trim()
    .replace(/\/[^\s():"]*\/run\/[^/\s]+\/app\//, "/app/")
    .replace(/(?::\d+){1,2}(?=\)?$|:in )/, "")
    .replace(/, line \d+/, "")
    .replace(/\+0x[0-9a-f]+$/, "")
    .slice(0, LENGTH_MAX);
}
