/** Reads the router's line of a request, ours and Heroku's: `at=info method=GET path="/" … dyno=web.1 connect=0ms
 *  service=3ms status=200 bytes=27`. Fields behind the path are looked for from the end: what a client can choose stands
 *  before them and may look like one. */

export interface RouterRequest {
  /** As it was asked for, with its query. */
  path: string;
  /** `info`, `warning` or `error`: how the router takes it. */
  at: string;
  /** `H12` when the router had something to say; empty otherwise. */
  code: string;
  /** What the code means, such as `Request timeout`. */
  desc: string;
  /** Empty when no process was chosen. */
  dyno: string;
  /** Undefined when unknown, as the next two. */
  connectMs: number | undefined;
  serviceMs: number | undefined;
  status: number | undefined;
}

/** Undefined for what is no request. Quotes may stand behind a backslash, as in the stored line. */
export function parseRouterLine(text: string): RouterRequest | undefined {
  const pathAt = text.indexOf(" path=");
  if (pathAt === -1) return undefined;
  const from = text.indexOf('"', pathAt) + 1;
  const to = from === 0 ? -1 : text.indexOf('"', from);
  if (to === -1) return undefined;
  return {
    path: bare(text.slice(from, to)),
    ...parseOutcome(text.slice(0, pathAt)),
    dyno: lastField(text, " dyno=", to) ?? "",
    connectMs: numberOf(lastField(text, " connect=", to)),
    serviceMs: numberOf(lastField(text, " service=", to)),
    status: numberOf(lastField(text, " status=", to)),
  };
}

const FINE = { at: "info", code: "", desc: "" };

function parseOutcome(head: string): Pick<RouterRequest, "at" | "code" | "desc"> {
  if (!head.includes("code=")) return FINE;
  const [, code = ""] = /(?:^| )code=(\w+)/.exec(head) ?? [];
  const [, desc = ""] = / desc=\\?"([^"]*)"/.exec(head) ?? [];
  const [, at = ""] = /(?:^| )at=(\w+)/.exec(head) ?? [];
  return { at, code, desc: bare(desc) };
}

/** 5xx, or a code of the router: what the visitor asked for was not given. */
export function isFailure({ code, status = 0 }: Pick<RouterRequest, "code" | "status">): boolean {
  return code !== "" || status >= 500;
}

function lastField(text: string, name: string, from: number): string | undefined {
  const at = text.lastIndexOf(name);
  if (at < from) return undefined;
  const start = at + name.length;
  const end = text.indexOf(" ", start);
  return text.slice(start, end === -1 ? text.length : end);
}

/** Digits at the start; whatever unit follows. */
function numberOf(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  const number = Number.parseInt(text, 10);
  return Number.isNaN(number) ? undefined : number;
}

function bare(quoted: string): string {
  return quoted.endsWith("\\") ? quoted.slice(0, -1) : quoted;
}
