/** The client's end of an answer that tells what happens on the way (docs/api.md, "Live answers"). */
import { parseJson, readRefusal, readText, stoppedMidway, type Question } from "./exchange.ts";
import type { StreamedAnswer } from "./line.ts";

/** Is given each piece of text as it comes. */
export type Show = (text: string) => Promise<unknown> | void;

export interface ChangeOptions {
  /** The version of the release that was read. */
  since?: number;
  show?: Show;
}

export interface LiveAnswer<T> {
  body: T;
  /** The version that was made. */
  release: number | undefined;
}

const NDJSON = "application/x-ndjson";

export function askLive(question: Question): Question {
  const accept = `${NDJSON}, application/vnd.heroku+json; version=3`;
  return { ...question, headers: { ...question.headers, accept } };
}

/** @throws AppError what the platform refused with, or unavailable when it stopped before it had said. */
export async function readLiveAnswer<T>(response: StreamedAnswer, show: Show): Promise<LiveAnswer<T>> {
  if (response.headers["content-type"]?.startsWith(NDJSON) === true) return readLines(response, show);
  const text = await readText(response);
  const release = Number(response.headers["git-heroku-release"]);
  return {
    body: (text === "" ? undefined : parseJson(text)) as T,
    release: Number.isInteger(release) && release > 0 ? release : undefined,
  };
}

interface Line<T> {
  output?: string;
  result?: T;
  release?: number;
  error?: unknown;
}

async function readLines<T>(response: StreamedAnswer, show: Show): Promise<LiveAnswer<T>> {
  for await (const text of linesOf(response)) {
    const line = parseJson(text) as Line<T>;
    if (line.output !== undefined) await show(line.output);
    else if (line.error !== undefined) throw readRefusal(response.statusCode ?? 0, line.error);
    else if (line.result !== undefined) return { body: line.result, release: line.release };
  }
  throw stoppedMidway(undefined);
}

async function* linesOf(response: StreamedAnswer): AsyncGenerator<string, void> {
  let rest = "";
  response.setEncoding("utf8");
  try {
    for await (const chunk of response as AsyncIterable<string>) {
      const lines = (rest + chunk).split("\n");
      rest = lines.pop() ?? "";
      yield* lines;
    }
  } catch (error) {
    throw stoppedMidway(error);
  }
}
