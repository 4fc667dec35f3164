/** `.slugignore`: which files of the code stay out of the slug, before any buildpack sees them (Heroku: "Slug Compiler"). Its
 *  patterns are those of .gitignore, except that none takes another one back with `!`. */

export type IsIgnored = (path: string) => boolean;

/** @returns undefined when the text ignores nothing */
export function parseSlugIgnore(text: string): IsIgnored | undefined {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  const patterns = lines.map((line) => line.trim()).filter((line) => !/^(?:#|!|\/*$)/.test(line));
  if (patterns.length === 0) return undefined;
  const expressions = patterns.map(toExpression);
  return (path) => expressions.some((expression) => expression.test(path));
}

/** Of a path that matches, or lies in a directory that does. A pattern with a slash that is not its last character is of
 *  the root; one without is of any directory. */
function toExpression(pattern: string): RegExp {
  const isDirectory = pattern.endsWith("/");
  const plain = pattern.replace(/\/+$/, "");
  const isAnchored = plain.includes("/");
  const body = plain.replace(/^\//, "").replace(TOKEN, translate);
  return new RegExp(`^${isAnchored ? "" : "(?:.*/)?"}${body}${isDirectory ? "/" : "(?:/|$)"}`, "s");
}

const TOKEN = /^\*\*\/|\/\*\*\/|\/\*\*$|\*+|\?|\[!?[^\]]+\]|\\.|[.+^${}()|[\]\\]/g;

function translate(token: string): string {
  if (token === "**/") return "(?:.*/)?";
  if (token === "/**/") return "/(?:.*/)?";
  if (token === "/**") return "/.*";
  if (token.startsWith("*")) return "[^/]*";
  if (token === "?") return "[^/]";
  if (token.length > 2) return `[${token.slice(1, -1).replace(/^!/, "^").replace(/\\/g, "\\\\")}]`;
  return token.length === 2 ? token : `\\${token}`;
}
