/** `git heroku domains` */
import { pad } from "../../core/text-table.ts";
import { APP_OPTIONS, JSON_OPTION, NO_WRAP_OPTION, type Command } from "../command.ts";

export const domains: Command = {
  name: "domains",
  topic: "Domains",
  summary: "List the host names of the app",
  details:
    "The first one is the platform's own name for the app; the others were added. The DNS, or the TLS front, of an added name must lead to the router; docs/routing.md shows how.",
  options: [...APP_OPTIONS, NO_WRAP_OPTION, JSON_OPTION],
  examples: [{ command: "git heroku domains", summary: "for the app of this clone" }],
  async run(context) {
    const items = await context.client.domains(context.app());
    if (context.args.has("json")) return context.out.json(items);
    const width = Math.max(...items.map(({ hostname }) => hostname.length));
    for (const { hostname, kind, created_at } of items) {
      const about = kind === "heroku" ? "the platform's own" : `added ${created_at}`;
      await context.out.line(`${pad(hostname, width)}  ${about}`);
    }
    return undefined;
  },
};
