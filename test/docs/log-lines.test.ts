/** docs/logs.md lists every line that the platform writes into an app's log: its tables against the source, both ways, and against the
 *  commands that change something. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { loadAllCommands } from "../../src/cli/command-list.ts";
import { describe } from "../support/suite.ts";
import { ROOT } from "../support/transcript.ts";
import { codeIn, readPage } from "./markdown.ts";

const HEADING = "## Lines of the platform";
/** Rooms that say something in a log, and the words that they share. */
const ROOMS = ["platform", "logs", "drains", "formation", "router", "ledger", "core"];
/** Behind each of these a line begins, as far as it stands there: what was changed, what happens to a process, what a log says of itself. */
const CHANGES = /\.logChange\([\w.#]+, |\.log\("(?:api|build)", |\bmsg: (?=["`])/g;
const EVENTS = /\b#?(?:say|complain)\((?=["`])|\blog\(\{[^}]*?\bmessage: (?=["`])/g;
const SAYING: Readonly<Record<string, RegExp>> = { platform: CHANGES, formation: EVENTS, core: EVENTS };
const OTHER = /\bmsg: (?=["`])/g;
/** What stands for something else, in a template or in the page. */
const HOLE = "\0";
/** Commands that change nothing of an app, or an app that has no log any more or not yet. */
const UNLOGGED =
  /^(access|apps|builds|builds:info|builds:output|completion|config|config:(blame|export|get|history)|buildpacks|doctor|domains|drains|help|heroku-env|info|keys|keys:.*|local|local:run|logs|logs:(archive|errors|export|imports|stats)|maintenance|open|ps|ps:wait|releases|releases:(diff|info|output|verify)|remote|server|server:.*|settings|slugs|tokens|tokens:.*|proxy|version|webhooks|webhooks:deliveries)$/;

interface Row {
  texts: string[];
  when: string;
}

function rowsOf(page: string): Row[] {
  return page
    .slice(page.indexOf(HEADING))
    .split("\n")
    .filter((line) => /^\| [^-]/.test(line) && !line.startsWith("| line "))
    .map((line) => {
      const [, first = "", when = ""] = line.split(/(?<!\\)\|/);
      return { texts: textsIn(first), when };
    });
}

/** `config:add`, `:remove` names two of them. */
function commandsIn(when: string): string[] {
  let topic = "";
  return codeIn(when).map((code) => {
    if (code.startsWith(":")) return topic + code;
    topic = code.replace(/:[^:]*$/, "");
    return code;
  });
}

/** In back-ticks, or in two where there are some within. */
function textsIn(cell: string): string[] {
  const long = [...cell.matchAll(/`` (.*?) ``/g)].map(([, text = ""]) => text);
  return (long.length > 0 ? long : codeIn(cell)).map((text) => text.replaceAll("…", HOLE));
}

/** The text that begins at a place of a source, with holes for what is put in. */
function literalAt(source: string, from: number): string | undefined {
  const quote = source[from];
  if (quote === '"') return /^"((?:[^"\\\n]|\\.)*)"/.exec(source.slice(from))?.[1]?.replace(/\\(.)/g, "$1");
  if (quote !== "`") return undefined;
  let [text, depth] = ["", 0];
  for (let at = from + 1; at < source.length; at += 1) {
    if (depth > 0 && source[at] === "`") at = endOfTemplate(source, at);
    else if (depth > 0) depth += source[at] === "{" ? 1 : source[at] === "}" ? -1 : 0;
    else if (source.startsWith("${", at)) [text, depth, at] = [text + HOLE, 1, at + 1];
    else if (source[at] === "\\") text += source[(at += 1)] ?? "";
    else if (source[at] === "`") return text;
    else text += source[at] ?? "";
  }
  return undefined;
}

function endOfTemplate(source: string, from: number): number {
  let depth = 0;
  for (let at = from + 1; at < source.length; at += 1) {
    if (depth > 0) depth += source[at] === "{" ? 1 : source[at] === "}" ? -1 : 0;
    else if (source.startsWith("${", at)) [depth, at] = [1, at + 1];
    else if (source[at] === "`") return at;
  }
  return source.length;
}

/** Whether two texts can be the same, whatever their holes are. */
function canBeSame(a: string, b: string, [i, j] = [0, 0], seen = new Set<number>()): boolean {
  const key = i * 4096 + j;
  if (seen.has(key)) return false;
  seen.add(key);
  if (i === a.length && j === b.length) return true;
  if (a[i] === HOLE) return canBeSame(a, b, [i + 1, j], seen) || (j < b.length && canBeSame(a, b, [i, j + 1], seen));
  if (b[j] === HOLE) return canBeSame(a, b, [i, j + 1], seen) || (i < a.length && canBeSame(a, b, [i + 1, j], seen));
  return i < a.length && a[i] === b[j] && canBeSame(a, b, [i + 1, j + 1], seen);
}

async function sources(): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const room of ROOMS)
    for (const name of await readdir(join(ROOT, "src", room)))
      if (name.endsWith(".ts")) found.set(`${room}/${name}`, await readFile(join(ROOT, "src", room, name), "utf8"));
  return found;
}

const says = (text: string): boolean => text.replaceAll(HOLE, "").replace(/[^A-Za-z]/g, "").length >= 3;

describe("lines of the platform", (test) => {
  const rows = readPage("docs/logs.md").then(rowsOf);
  const all = sources();

  test("what the source says is in the tables", async () => {
    const texts = (await rows).flatMap((row) => row.texts);
    for (const [path, source] of await all)
      for (const { 0: call, index } of source.matchAll(SAYING[path.split("/")[0] ?? ""] ?? OTHER)) {
        const said = literalAt(source, index + call.length);
        if (said === undefined || !says(said)) continue;
        const shown = said.replaceAll(HOLE, "…");
        assert.ok(
          texts.some((text) => canBeSame(text, said)),
          `src/${path} says "${shown}": docs/logs.md has no such line`,
        );
      }
  });

  test("what is in the tables is in the source", async () => {
    const literals = [...(await all).values()].flatMap((source) =>
      [...source.matchAll(/["`]/g)]
        .map(({ index }) => literalAt(source, index))
        .filter((text) => text !== undefined && says(text)),
    );
    for (const { texts } of await rows)
      for (const text of texts.filter(says))
        assert.ok(
          literals.some((said = "") => canBeSame(text, said) || canBeSame(`${text} by ${HOLE}`, said)),
          `docs/logs.md has "${text.replaceAll(HOLE, "…")}"; no source says it`,
        );
  });

  test("every command that changes an app is named with its line", async () => {
    const named = new Set((await rows).flatMap(({ when }) => commandsIn(when)));
    for (const { command, aliases } of await loadAllCommands()) {
      const { name } = command;
      const isNamed = [name, ...aliases].some((word) => named.has(word));
      assert.ok(
        isNamed !== UNLOGGED.test(name),
        `${name}: docs/logs.md names it with its line, or UNLOGGED does; not both`,
      );
    }
  });
});
