/** `git heroku ps:scale` */
import type { FormationItem, FormationUpdate } from "../../api/resources.ts";
import { AppError } from "../../core/error.ts";
import { APP_OPTIONS, JSON_OPTION, type Command, type Context } from "../command.ts";

export const psScale: Command = {
  name: "ps:scale",
  topic: "Processes",
  summary: "Set how many processes of a type run",
  details:
    "Types that are not named stay as they are. Without arguments it tells the present counts. Scaling makes no release.",
  parameters: "[type=count...]",
  options: [...APP_OPTIONS, JSON_OPTION],
  examples: [
    { command: "git heroku ps:scale web=4", summary: "four web processes" },
    { command: "git heroku ps:scale web+1 worker-1", summary: "one more, one fewer" },
  ],
  async run(context) {
    const { client, out, args } = context;
    const updates = args.words.map(parseUpdate);
    const app = context.app();
    if (updates.length === 0) return show(context, app);
    if (args.has("json")) return out.json(await client.scale(app, updates));
    // One request for all types: either all of them change or none.
    let changed: FormationItem[] = [];
    for (const [index, { type }] of updates.entries()) {
      const work = async (): Promise<FormationItem[]> => {
        if (index === 0) changed = await client.scale(app, updates);
        if (!changed.some((item) => item.type === type)) changed = await client.formation(app);
        return changed;
      };
      const done = (items: FormationItem[]): string => `done, now running ${quantityOf(items, type)}`;
      await out.action(`Scaling ${type} processes`, work, { done });
    }
    return undefined;
  },
};

function parseUpdate(word: string): FormationUpdate {
  const [, type, sign, count] = /^([\w-]+)([=+-])(-?\d{1,6})$/.exec(word) ?? [];
  if (type === undefined || count === undefined) {
    throw new AppError("invalid_params", `${JSON.stringify(word)} is not a number of processes.`, {
      hint: "Write it as web=4, web+1 or web-1.",
    });
  }
  if (count.startsWith("-")) {
    throw new AppError("invalid_params", `${type} cannot have ${count} processes.`, {
      hint: `${type}=0 stops all of them.`,
    });
  }
  return { type, quantity: sign === "=" ? count : `${sign ?? ""}${count}` };
}

async function show({ client, out, args }: Context, app: string): Promise<undefined> {
  const formation = await client.formation(app);
  if (args.has("json")) return out.json(formation);
  if (formation.length === 0) return out.line(`${app} has no process types until its first deploy`);
  await out.line(formation.map((item) => `${item.type}=${String(item.quantity)}`).join(" "));
  return undefined;
}

function quantityOf(items: readonly FormationItem[], type: string): string {
  return String(items.find((item) => item.type === type)?.quantity ?? 0);
}
