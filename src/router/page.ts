/** The pages that the router answers with: its own small document for each failure, or the app's. */
import type { ServerResponse } from "node:http";
import { type Failure, FAILURES } from "./failure.ts";

/** An app's own page: a document, or the address of one, which is then shown in a frame, as Heroku does. */
export type Page = { readonly type: string; readonly body: string } | { readonly frame: string };

/** `status` when it differs from the failure's own. */
function ownPage(failure: Failure, app: string | undefined, status: number = failure.status): Buffer {
  const command = failure.command?.replace("APP", app ?? "APP");
  const owner = command === undefined ? "" : `<p>If it is yours: <code>${command}</code></p>`;
  const mark = failure.code === undefined ? `status=${String(status)}` : `code=${failure.code}`;
  return Buffer.from(
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${failure.title}</title>` +
      `<meta name="viewport" content="width=device-width,initial-scale=1"><style>` +
      `:root{color-scheme:light dark}body{font:1.1em/1.5 system-ui,sans-serif;max-width:36em;margin:15vh auto;padding:0 1em}` +
      `small{opacity:.8}</style></head><body><main><h1>${failure.title}</h1><p>${failure.text}</p>${owner}` +
      `<p><small>${mark}</small></p></main></body></html>\n`,
  );
}

function framePage(url: string): Buffer {
  return Buffer.from(
    `<!doctype html><html><head><meta charset="utf-8"><title></title>` +
      `<meta name="viewport" content="width=device-width,initial-scale=1"><style>` +
      `html,body,iframe{margin:0;border:0;width:100%;height:100%;overflow:hidden;display:block}</style></head>` +
      `<body><iframe src="${escapeAttribute(url)}"></iframe></body></html>\n`,
  );
}

function escapeAttribute(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
}

export interface Pages {
  readonly error?: Page;
  readonly maintenance?: Page;
}

/** The app's own: for maintenance, and for what the app or the platform failed at. */
export function pageFor(failure: Failure, pages: Pages | undefined): Page | undefined {
  if (failure === FAILURES.H80) return pages?.maintenance;
  return failure.status >= 500 && failure !== FAILURES.H81 ? pages?.error : undefined;
}

export interface PageRequest {
  readonly app?: string;
  /** When it differs from the failure's own. */
  readonly status?: number;
  /** The app's page, if it has one for this failure. */
  readonly page?: Page | undefined;
}

/** Answers with the failure's page; node reads and drops what the client still sends of its body. */
export function answerFailure(response: ServerResponse, failure: Failure, request: PageRequest = {}): void {
  const { app, status = failure.status, page } = request;
  const body =
    page === undefined
      ? ownPage(failure, app, status)
      : "frame" in page
        ? framePage(page.frame)
        : Buffer.from(page.body);
  response.writeHead(status, pageHeaders(body, page !== undefined && "type" in page ? page.type : undefined));
  response.end(body);
}

/** A whole answer as bytes, for a socket whose request could not even be parsed. */
export function rawFailure(failure: Failure, status: number, reason: string): Buffer {
  const page = ownPage(failure, undefined, status);
  const fields = Object.entries({ ...pageHeaders(page), Connection: "close" });
  const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${String(status)} ${reason}\r\n${head}\r\n`), page]);
}

function pageHeaders(page: Buffer, type = "text/html; charset=utf-8"): Record<string, string> {
  return {
    "Content-Type": type,
    "Content-Length": String(page.length),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    Via: "1.1 git-heroku-router",
  };
}
