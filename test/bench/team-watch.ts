/** Fifty people with tokens of their own who follow an app's log and ask for `ps` every two seconds, each time on a new
 *  connection as the command does: what that costs the daemon. */
import { request, type ClientRequest, type IncomingMessage } from "node:http";
import { once, setMaxListeners } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { cloneFixture, must, platformClient, untilUp } from "../support/deploy.ts";
import { startPlatform } from "../support/platform.ts";
import { apiOf } from "../story/team-lab.ts";
import { withContext, type Row } from "./measure.ts";
import { cpuTicks, TICKS_PER_SECOND } from "./process-figures.ts";

const PEOPLE = 50;
const LINES_A_SECOND = 100;
const ASK_EVERY_MS = 2_000;
const LIMIT = 0.2;
const WARM_UP_MS = 3_000;
const MEASURED_MS = 20_000;
const APP = "talking";

export async function benchTeamWatch(): Promise<Row[]> {
  return withContext(async (t) => {
    const platform = await startPlatform(t);
    const clone = await cloneFixture(platform, "hello", APP);
    const talk = `setInterval(() => console.log("GET /orders/4711 status=200 bytes=4321"), ${String(1000 / LINES_A_SECOND)});\n`;
    await writeFile(join(clone, "talk.js"), talk);
    await writeFile(join(clone, "Procfile"), "web: node web.js\ntalk: node talk.js\n");
    await must(platform, clone, "add", ".");
    await must(platform, clone, "commit", "-q", "-m", "Talk");
    await must(platform, clone, "heroku", "create", APP);
    await must(platform, clone, "push", "-q", "production", "main");
    await must(platform, clone, "heroku", "scale", "talk=1");
    await untilUp(platform, APP, 2);
    const { port } = new URL(await apiOf(platform));
    const over = new AbortController();
    setMaxListeners(0, over.signal);
    t.after(() => over.abort());
    const people: Person[] = [];
    const { access } = platformClient(platform);
    for (let n = 0; n < PEOPLE; n += 1) {
      const email = `p${String(n)}@foobazco.com`;
      await access.add(APP, email, ["view"]);
      const { access_token: made } = await access.createToken({ description: "", expires_in: null, user: email });
      people.push(new Person(Number(port), made?.token ?? "", over.signal));
    }
    await Promise.all(people.map((one) => one.begin()));
    await sleep(WARM_UP_MS);
    const [before, linesBefore] = [await cpuTicks(platform.pid), sum(people, "lines")];
    const begun = performance.now();
    await sleep(MEASURED_MS);
    const seconds = (performance.now() - begun) / 1000;
    const share = (await cpuTicks(platform.pid)) - before;
    const lines = (sum(people, "lines") - linesBefore) / PEOPLE / seconds;
    const used = share / TICKS_PER_SECOND / seconds;
    return [
      {
        what: `${String(PEOPLE)} people who follow ${lines.toFixed(0)} lines a second and ask for ps every 2 s`,
        ours: `${(used * 100).toFixed(1)} % of a core`,
        peer: `${String(sum(people, "answers"))} answers, ${String(sum(people, "failures"))} failed`,
        ratio: "",
        limit: `${String(LIMIT * 100)} %`,
      },
    ];
  });
}

const sum = (people: readonly Person[], what: "lines" | "answers" | "failures"): number =>
  people.reduce((all, one) => all + one[what], 0);

class Person {
  lines = 0;
  answers = 0;
  failures = 0;
  readonly #port: number;
  readonly #token: string;
  readonly #over: AbortSignal;

  constructor(port: number, token: string, over: AbortSignal) {
    this.#port = port;
    this.#token = token;
    this.#over = over;
  }

  /** Resolves when the log is followed. */
  async begin(): Promise<void> {
    const answer = await this.#ask(`/apps/${APP}/logs?tail=true`);
    if (answer.statusCode !== 200) throw new Error(`The log is answered with ${String(answer.statusCode)}.`);
    answer.on("data", (bytes: Buffer) => {
      for (const byte of bytes) if (byte === 0x0a) this.lines += 1;
    });
    answer.on("error", () => undefined);
    void this.#poll();
  }

  async #poll(): Promise<void> {
    await sleep(Math.random() * ASK_EVERY_MS);
    while (!this.#over.aborted) {
      const answer = await this.#ask(`/apps/${APP}/dynos`).catch(() => undefined);
      answer?.resume();
      if (answer?.statusCode === 200) this.answers += 1;
      else if (!this.#over.aborted) this.failures += 1;
      await sleep(ASK_EVERY_MS);
    }
  }

  async #ask(path: string): Promise<IncomingMessage> {
    const headers = { authorization: `Bearer ${this.#token}`, accept: "application/x-ndjson" };
    const place = { host: "127.0.0.1", port: this.#port, path, headers, agent: false, signal: this.#over };
    const asked: ClientRequest = request(place);
    asked.end();
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    return answer;
  }
}
