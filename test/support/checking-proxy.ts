/** Stands between a client and the Platform API: hands everything on as it is, and holds every JSON answer against the schema of
 *  its route before the client gets it. */
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { answerOf } from "../../src/server/answers.ts";
import { faultsOf } from "./check-answers.ts";
import type { TestContext } from "./suite.ts";

export interface CheckingProxy {
  url: string;
  /** Route and fault; whoever reads it takes away. */
  wrong: string[];
  /** Method and route of the JSON answers so far. */
  checked: Set<string>;
}

interface Route {
  method: string;
  url: string;
  pattern: RegExp;
}

export async function startCheckingProxy(t: TestContext, api: { url: string; token: string }): Promise<CheckingProxy> {
  const routes = await routesOf(api);
  const seen = { wrong: [] as string[], checked: new Set<string>() };
  const { port } = new URL(api.url);
  const server = createServer((incoming, answer) => {
    const { method, url: path, rawHeaders: headers } = incoming;
    const outgoing = request({ host: "127.0.0.1", port, agent: false, method, path, headers: pairs(headers) });
    // A platform that is away hangs up.
    outgoing.on("error", () => answer.destroy());
    outgoing.on("response", (response) => void handOn(incoming, response, answer));
    answer.on("close", () => outgoing.destroy());
    incoming.on("error", () => outgoing.destroy()).pipe(outgoing);
  });

  async function handOn(incoming: IncomingMessage, response: IncomingMessage, answer: ServerResponse): Promise<void> {
    response.on("error", () => answer.destroy());
    answer.writeHead(response.statusCode ?? 0, response.rawHeaders);
    const isJson = response.headers["content-type"]?.startsWith("application/json") === true;
    if (!isJson || incoming.method === "HEAD") return void response.pipe(answer);
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    check(incoming, { status: response.statusCode ?? 0, body: body.toString() });
    answer.end(body);
  }

  function check(incoming: IncomingMessage, { status, body }: { status: number; body: string }): void {
    const { method = "", url: path = "" } = incoming;
    const route = routes.find((one) => one.method === method && one.pattern.test(path.split("?")[0] ?? ""));
    const url = route?.url ?? `no route for ${path}`;
    seen.checked.add(`${method} ${url}`);
    seen.wrong.push(...faultsOf({ method, url, status, absent: answerOf(method, url) === undefined, body }));
  }

  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`, ...seen };
}

function pairs(raw: string[]): Record<string, string> {
  return Object.fromEntries(
    raw.flatMap((name, index) => (index % 2 === 0 ? [[name, raw[index + 1] ?? ""] as const] : [])),
  );
}

/** As the API itself describes them, those with fewer parameters first: `/apps/:app/dynos/actions/wait` is no process's name. */
async function routesOf({ url, token }: { url: string; token: string }): Promise<Route[]> {
  const response = await fetch(`${url}/schema`, { headers: { authorization: `Bearer ${token}` } });
  const { paths } = (await response.json()) as { paths: Record<string, object> };
  const count = ({ url: path }: Route): number => path.split(":").length;
  return Object.entries(paths)
    .flatMap(([path, methods]) => {
      const route = path.replace(/\{(\w+)\}/g, ":$1");
      const pattern = new RegExp(`^${path.replaceAll(".", "\\.").replace(/\{\w+\}/g, "[^/]+")}$`);
      return Object.keys(methods).map((method) => ({ method: method.toUpperCase(), url: route, pattern }));
    })
    .sort((a, b) => count(a) - count(b));
}
