/** The name of an app: it becomes a directory, a host name and a git remote, so its form is narrow. */
import { AppError } from "./error.ts";

export type AppName = string & { readonly brand: "AppName" };

/** Heroku's own rule (Platform API schema, app.name). */
const APP_NAME = /^[a-z][a-z0-9-]{1,28}[a-z0-9]$/;

export function isAppName(text: string): text is AppName {
  return APP_NAME.test(text);
}

/** @throws AppError invalid_params when the text is no app name. */
export function parseAppName(text: string): AppName {
  if (isAppName(text)) return text;
  throw new AppError("invalid_params", `Name ${JSON.stringify(text.slice(0, 40))} is not a valid app name.`, {
    hint: "Use 3 to 30 lower-case letters, digits and dashes, beginning with a letter and not ending with a dash.",
  });
}

const ADJECTIVES =
  "autumn bold brave calm clear cosmic crisp dawn deep early fair gentle golden hidden high icy late lively lunar misty morning noble pale quiet radiant silent snowy solar still sunny swift tidal vast warm wild young".split(
    " ",
  );
const NOUNS =
  "bay beach brook canyon cave cliff cloud coast creek dune field fjord forest garden grove harbor hill island lake leaf marsh meadow moon mountain oasis peak pine plain pond reef ridge river sea shore sky spring star stone stream valley wave wood".split(
    " ",
  );

/** A name for `create` without one, such as `calm-river-40721`. `random` yields numbers in [0, 1). */
export function makeAppName(random: () => number): AppName {
  const pick = (words: string[]): string => words[Math.floor(random() * words.length)] ?? "app";
  return parseAppName(`${pick(ADJECTIVES)}-${pick(NOUNS)}-${String(10_000 + Math.floor(random() * 90_000))}`);
}
