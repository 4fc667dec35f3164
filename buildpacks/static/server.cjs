#!/usr/bin/env node
/** Serves a folder. `static.json` beside it may say: `root` (default: the first of `public`, `dist`, `_site` and `.` that has an
 *  index.html), `clean_urls` (`/about` is about.html), `error_page` (shown with 404), `routes` (pattern → file, for apps of
 *  one page: `{"/**": "index.html"}`), `headers` (pattern → header → value). In patterns `*` is a part of a path, `**` any. */
"use strict";
const { createReadStream, existsSync, readFileSync, realpathSync } = require("node:fs");
const { stat } = require("node:fs/promises");
const { createServer } = require("node:http");
const { extname, join, resolve, sep } = require("node:path");

const TYPES = {
  avif: "image/avif",
  css: "text/css; charset=utf-8",
  csv: "text/csv; charset=utf-8",
  gif: "image/gif",
  htm: "text/html; charset=utf-8",
  html: "text/html; charset=utf-8",
  ico: "image/x-icon",
  jpeg: "image/jpeg",
  jpg: "image/jpeg",
  js: "text/javascript; charset=utf-8",
  json: "application/json",
  map: "application/json",
  md: "text/markdown; charset=utf-8",
  mjs: "text/javascript; charset=utf-8",
  mp3: "audio/mpeg",
  mp4: "video/mp4",
  otf: "font/otf",
  pdf: "application/pdf",
  png: "image/png",
  svg: "image/svg+xml",
  ttf: "font/ttf",
  txt: "text/plain; charset=utf-8",
  wasm: "application/wasm",
  webm: "video/webm",
  webmanifest: "application/manifest+json",
  webp: "image/webp",
  woff: "font/woff",
  woff2: "font/woff2",
  xml: "application/xml",
};
const ROOTS = ["public", "dist", "_site", "."];

/** @throws Error in a sentence for people */
function readSettings(file) {
  if (!existsSync(file)) return {};
  let settings;
  try {
    settings = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(`static.json is no JSON: ${error.message}`, { cause: error });
  }
  if (settings === null || typeof settings !== "object" || Array.isArray(settings)) {
    throw new Error("static.json is no JSON object.");
  }
  for (const name of ["root", "error_page"]) {
    if (settings[name] !== undefined && typeof settings[name] !== "string") {
      throw new Error(`${name} in static.json is no text.`);
    }
  }
  return settings;
}

function chooseRoot(app, { root }) {
  const place = root ?? ROOTS.find((one) => existsSync(join(app, one, "index.html"))) ?? ".";
  return realpathSync(resolve(app, place));
}

function matches(pattern, path) {
  const source = pattern
    .replace(/[.+^${}()|[\]\\?]/g, "\\$&")
    .replace(/\*\*|\*/g, (stars) => (stars === "**" ? ".*" : "[^/]*"));
  return new RegExp(`^${source}$`).test(path);
}

/** The first of the patterns that fits. */
function lookUp(table, path) {
  return Object.entries(table ?? {}).find(([pattern]) => matches(pattern, path))?.[1];
}

/** A regular file below the root, also after links; names that begin with a dot are not served. */
async function findFile(root, path) {
  if (path.split("/").some((part) => part.startsWith(".") && part !== ".well-known")) return undefined;
  try {
    const file = realpathSync(join(root, path));
    if (file !== root && !file.startsWith(root.endsWith(sep) ? root : root + sep)) return undefined;
    const about = await stat(file);
    return about.isFile() ? { file, about } : about.isDirectory() ? { directory: true } : undefined;
  } catch {
    return undefined;
  }
}

async function choose(root, settings, path) {
  const found = await findFile(root, path);
  if (found?.directory) {
    if (!path.endsWith("/")) return (await findFile(root, `${path}/index.html`))?.file && { location: `${path}/` };
    const index = await findFile(root, `${path}index.html`);
    if (index?.file) return index;
  } else if (found !== undefined) return found;
  if (settings.clean_urls === true && !path.endsWith("/")) {
    const page = await findFile(root, `${path}.html`);
    if (page?.file) return page;
  }
  const route = lookUp(settings.routes, path);
  const routed = route === undefined ? undefined : await findFile(root, `/${route}`);
  return routed?.file ? routed : undefined;
}

/** `bytes=A-B`, one range only; undefined for all of it, null when there is nothing there. */
function readRange(header, size) {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? "");
  if (match === null || (match[1] === "" && match[2] === "")) return undefined;
  const start = match[1] === "" ? Math.max(0, size - Number(match[2])) : Number(match[1]);
  const end = match[1] === "" || match[2] === "" ? size - 1 : Math.min(Number(match[2]), size - 1);
  return start > end ? null : { start, end };
}

function send(request, response, { file, about }, status) {
  const type = TYPES[extname(file).slice(1).toLowerCase()] ?? "application/octet-stream";
  const etag = `"${about.size.toString(16)}-${Math.trunc(about.mtimeMs).toString(16)}"`;
  response.setHeader("Content-Type", type);
  response.setHeader("ETag", etag);
  if (!response.hasHeader("Cache-Control")) response.setHeader("Cache-Control", "public, max-age=0");
  if (status === 200 && request.headers["if-none-match"] === etag) return response.writeHead(304).end();
  const range = status === 200 ? readRange(request.headers.range, about.size) : undefined;
  if (range === null) return response.writeHead(416, { "Content-Range": `bytes */${about.size}` }).end();
  const { start, end } = range ?? { start: 0, end: about.size - 1 };
  response.setHeader("Accept-Ranges", "bytes");
  response.setHeader("Content-Length", Math.max(0, end - start + 1));
  if (range !== undefined) response.setHeader("Content-Range", `bytes ${start}-${end}/${about.size}`);
  response.writeHead(range === undefined ? status : 206);
  if (request.method === "HEAD" || about.size === 0) return response.end();
  return createReadStream(file, { start, end })
    .on("error", () => response.destroy())
    .pipe(response);
}

async function answer(root, settings, request, response) {
  if (request.method !== "GET" && request.method !== "HEAD") {
    return response.writeHead(405, { Allow: "GET, HEAD" }).end();
  }
  let path;
  try {
    path = decodeURIComponent(request.url.split("?")[0]);
  } catch {
    return response.writeHead(400).end();
  }
  if (!path.startsWith("/") || path.includes("\0")) return response.writeHead(400).end();
  for (const [name, value] of Object.entries(lookUp(settings.headers, path) ?? {})) response.setHeader(name, value);
  const found = await choose(root, settings, path);
  if (found?.location) return response.writeHead(301, { Location: encodeURI(found.location) }).end();
  if (found) return send(request, response, found, 200);
  const page = await findFile(root, `/${settings.error_page ?? "404.html"}`);
  if (page?.file) return send(request, response, page, 404);
  return response.writeHead(404, { "Content-Type": "text/plain; charset=utf-8" }).end("Not found\n");
}

function main() {
  const app = process.cwd();
  const settings = readSettings(join(app, "static.json"));
  const root = chooseRoot(app, settings);
  const server = createServer((request, response) => {
    answer(root, settings, request, response).catch((error) => {
      console.error(error);
      response.destroy();
    });
  });
  server.listen(Number(process.env.PORT ?? 5000), () => console.log(`Serving ${root} on ${server.address().port}`));
  process.on("SIGTERM", () => {
    server.close(() => process.exit(0));
    server.closeIdleConnections();
  });
}

if (process.argv[2] === "--check") {
  try {
    readSettings(process.argv[3]);
  } catch (error) {
    console.log(` !     ${error.message}`);
    process.exitCode = 1;
  }
} else main();
