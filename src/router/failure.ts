/** Heroku's router errors: code, description and status for the log, a few words for the browser. */

export interface Failure {
  /** Undefined: the request belongs to no app, so no line is logged. */
  readonly code: string | undefined;
  readonly at: "info" | "warning" | "error";
  readonly desc: string;
  readonly status: number;
  /** The socket that broke, where Heroku names it. */
  readonly sock?: "client" | "backend";
  readonly title: string;
  readonly text: string;
  /** For the owner: the command that tells more, `APP` being the app's name. */
  readonly command?: string;
}

const LOOK = "git heroku logs --app APP";
const BROKEN = { title: "Application error", text: "The application could not serve this page.", command: LOOK };
const SLOW = { title: "Application error", text: "The application took too long to answer.", command: LOOK };
const BUSY = {
  title: "Too busy",
  text: "Too many requests are waiting for this application. Please try again soon.",
};
const CLIENT = { title: "Bad request", text: "The request could not be completed." };

export const FAILURES = {
  H10: { code: "H10", at: "error", desc: "App crashed", status: 503, ...BROKEN },
  H11: {
    code: "H11",
    at: "error",
    desc: "Backlog too deep",
    status: 503,
    ...BUSY,
  },
  H12: { code: "H12", at: "error", desc: "Request timeout", status: 503, ...SLOW },
  H13: { code: "H13", at: "error", desc: "Connection closed without response", status: 503, ...BROKEN },
  H14: {
    code: "H14",
    at: "error",
    desc: "No web processes running",
    status: 503,
    title: "Nothing is serving this page",
    text: "The application has no web process running.",
    command: "git heroku ps:scale web=1 --app APP",
  },
  H15: { code: "H15", at: "error", desc: "Idle connection", status: 503, ...SLOW },
  H17: { code: "H17", at: "error", desc: "Poorly formatted HTTP response", status: 503, ...BROKEN },
  H18: { code: "H18", at: "error", desc: "Server Request Interrupted", status: 503, sock: "backend", ...BROKEN },
  H19: { code: "H19", at: "error", desc: "Backend connection timeout", status: 503, ...BROKEN },
  H20: { code: "H20", at: "error", desc: "App boot timeout", status: 503, ...SLOW },
  H21: { code: "H21", at: "error", desc: "Backend connection refused", status: 503, ...BROKEN },
  H22: { code: "H22", at: "error", desc: "Connection limit reached", status: 503, ...BUSY },
  H23: { code: "H23", at: "error", desc: "Endpoint misconfigured", status: 503, ...BROKEN },
  H24: { code: "H24", at: "warning", desc: "Forced close", status: 503, ...BROKEN },
  H25: { code: "H25", at: "error", desc: "HTTP Restriction", status: 502, ...BROKEN },
  H26: { code: "H26", at: "error", desc: "Request Error", status: 400, ...CLIENT },
  H27: { code: "H27", at: "warning", desc: "Client Request Interrupted", status: 499, sock: "client", ...CLIENT },
  H28: { code: "H28", at: "warning", desc: "Client Connection Idle", status: 499, sock: "client", ...CLIENT },
  H80: {
    code: "H80",
    at: "info",
    desc: "Maintenance mode",
    status: 503,
    title: "Offline for maintenance",
    text: "This application is undergoing maintenance right now. Please check back later.",
  },
  H81: {
    code: "H81",
    at: "info",
    desc: "Blank app",
    status: 503,
    title: "Nothing here yet",
    text: "There is an application with this name, but no code has been pushed to it yet.",
    command: "git push production main",
  },
  H99: {
    code: "H99",
    at: "error",
    desc: "Platform error",
    status: 500,
    title: "Platform error",
    text: "The platform could not handle this request. The fault is not the application's.",
  },
  noSuchApp: {
    code: undefined,
    at: "info",
    desc: "No such app",
    status: 404,
    title: "No such app",
    text: "There is no application at this address.",
    command: "git heroku apps",
  },
  badRequest: { code: undefined, at: "info", desc: "Bad request", status: 400, ...CLIENT },
} as const satisfies Record<string, Failure>;

export type FailureName = keyof typeof FAILURES;

const REFUSED = new Set([
  "ECONNREFUSED",
  "ENOENT",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EHOSTDOWN",
  "EADDRNOTAVAIL",
  "ECONNRESET",
  "EPIPE",
]);

/** What an error before the connection stood means. */
export function unreachedBy(error: NodeJS.ErrnoException | undefined): FailureName {
  const code = error?.code ?? "";
  if (code === "ETIMEDOUT") return "H19";
  return REFUSED.has(code) ? "H21" : "H99";
}
