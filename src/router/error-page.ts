/** The router's own pages: one small self-contained document for each failure. */
import type { ServerResponse } from "node:http";
import type { Failure } from "./failure.ts";

/** `status` when it differs from the failure's own. */
function errorPage(failure: Failure, app: string | undefined, status: number = failure.status): Buffer {
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

/** Answers with the failure's page; node reads and drops what the client still sends of its body. */
export function answerFailure(response: ServerResponse, failure: Failure, app?: string, status?: number): void {
  const page = errorPage(failure, app, status);
  response.writeHead(status ?? failure.status, pageHeaders(page));
  response.end(page);
}

/** A whole answer as bytes, for a socket whose request could not even be parsed. */
export function rawFailure(failure: Failure, status: number, reason: string): Buffer {
  const page = errorPage(failure, undefined, status);
  const fields = Object.entries({ ...pageHeaders(page), Connection: "close" });
  const head = fields.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${String(status)} ${reason}\r\n${head}\r\n`), page]);
}

function pageHeaders(page: Buffer): Record<string, string> {
  return {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Length": String(page.length),
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    Via: "1.1 git-heroku-router",
  };
}
