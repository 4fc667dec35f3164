/** What tests read out of a page: its examples, its tables, and the commands that it names. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ROOT } from "../support/transcript.ts";

export interface Example {
  text: string;
  /** The words behind the language of the fence, `id=…` and the like. */
  facts: Readonly<Record<string, string>>;
}

export function readPage(path: string): Promise<string> {
  return readFile(join(ROOT, path), "utf8");
}

/** The fenced blocks that are marked `example=NAME`. */
export function examplesOf(page: string): Map<string, Example> {
  const found = new Map<string, Example>();
  for (const [, info = "", text = ""] of page.matchAll(/^```[a-z]+ (example=.*)\n([\s\S]*?)^```$/gm)) {
    const facts = Object.fromEntries(info.split(" ").map((word) => word.split("=") as [string, string]));
    found.set(facts["example"] ?? "", { text, facts });
  }
  return found;
}

/** The rows of the table under this header, cells trimmed. */
export function tableUnder(page: string, header: RegExp): string[][] {
  const lines = page.split("\n");
  const start = lines.findIndex((line) => line.startsWith("|") && header.test(line));
  const end = lines.findIndex((line, index) => index > start && !line.startsWith("|"));
  return lines.slice(start + 2, end < 0 ? undefined : end).map((line) =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

/** The texts in back-ticks. */
export function codeIn(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, code = ""]) => code);
}
