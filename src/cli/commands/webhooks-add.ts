/** `git heroku webhooks:add` */
import { randomBytes } from "node:crypto";
import { AppError } from "../../core/error.ts";
import { WEBHOOK_ENTITIES, WEBHOOK_LEVELS } from "../../core/webhook.ts";
import { APP_OPTIONS, JSON_OPTION, type Command } from "../command.ts";

const SECRET_BYTES = 32;

export const webhooksAdd: Command = {
  name: "webhooks:add",
  topic: "Apps",
  summary: "Tell another program of the app's events",
  details:
    "Each event is sent by POST, as Heroku sends it: JSON, signed with the secret in the header Heroku-Webhook-Hmac-SHA256. The secret is shown now and never again. Addresses of the platform's own machine and of private networks are refused unless the platform allows them. docs/webhooks.md tells more.",
  options: [
    { name: "url", short: "u", value: "URL", summary: "who is told" },
    {
      name: "include",
      short: "i",
      value: "EVENTS",
      completes: WEBHOOK_ENTITIES,
      summary: `of what, with commas between: ${WEBHOOK_ENTITIES.join(", ")}`,
    },
    {
      name: "level",
      short: "l",
      value: "LEVEL",
      completes: WEBHOOK_LEVELS,
      summary: "notify: each event once; sync (usually): until it is taken, for up to 72 hours",
    },
    { name: "secret", short: "s", value: "TEXT", summary: "signs what is sent; one is made up when left out" },
    { name: "authorization", short: "t", value: "TEXT", summary: "sent as the header Authorization" },
    ...APP_OPTIONS,
    JSON_OPTION,
  ],
  examples: [
    {
      command: "git heroku webhooks:add -u https://chat.foobazco.com/hook -i api:release",
      summary: "each release, until it is taken",
    },
    {
      command: "git heroku webhooks:add -u https://foobazco.com/in -i dyno,api:formation -l notify",
      summary: "what becomes of processes, once",
    },
  ],
  async run(context) {
    const { client, args, out } = context;
    const [url, include] = [args.value("url"), args.value("include")];
    if (url === undefined || include === undefined) throw incomplete();
    const secret = args.value("secret") ?? randomBytes(SECRET_BYTES).toString("hex");
    const added = await client.webhooks.add(context.app(), {
      url,
      include: include.split(",").map((entity) => entity.trim()),
      level: args.value("level") ?? "sync",
      secret,
      authorization: args.value("authorization"),
    });
    if (args.has("json")) return out.json({ ...added, secret });
    await out.line(`Added webhook ${added.id.slice(0, 8)} to ${added.url}`);
    return out.line(`Signing secret: ${secret}`);
  },
};

function incomplete(): AppError {
  return new AppError("usage", "Say who is told, and of what.", {
    hint: "git heroku webhooks:add --url https://foobazco.com/hook --include api:release",
  });
}
