/** `git heroku open` */
import { spawn } from "node:child_process";
import type { Environment } from "../../api/home.ts";
import { APP_OPTIONS, type Command } from "../command.ts";

export const open: Command = {
  name: "open",
  topic: "Apps",
  summary: "Open an app in the browser",
  parameters: "[path]",
  options: APP_OPTIONS,
  examples: [{ command: "git heroku open /admin", summary: "a page of the app" }],
  async run(context) {
    const { client, out, args, world } = context;
    const app = await client.app(context.app());
    const url = new URL(args.words[0] ?? "", app.web_url).href;
    await out.line(`Opening ${url}`);
    const opener = process.platform === "darwin" ? "open" : "xdg-open";
    if (await opens(opener, url, world.env)) return undefined;
    out.warn(`No browser could be started with ${opener}; visit the address above.`);
    return 1;
  },
};

/** What a browser needs to find the person's screen. */
const INHERITED =
  "PATH HOME USER LANG DISPLAY WAYLAND_DISPLAY XAUTHORITY XDG_RUNTIME_DIR XDG_CURRENT_DESKTOP DBUS_SESSION_BUS_ADDRESS BROWSER".split(
    " ",
  );

/** Some openers end at once, others with the browser: after this long it is open. */
const STARTED_AFTER_MS = 2_000;

/** The browser is nobody's child: it outlives the command. */
function opens(program: string, url: string, env: Environment): Promise<boolean> {
  const inherited = Object.fromEntries(INHERITED.map((name) => [name, env[name]]));
  return new Promise((settle) => {
    const child = spawn(program, [url], { env: inherited, stdio: "ignore", detached: true });
    const isSlow = setTimeout(() => {
      child.unref();
      settle(true);
    }, STARTED_AFTER_MS);
    const end = (started: boolean): void => {
      clearTimeout(isSlow);
      settle(started);
    };
    child.once("error", () => end(false));
    child.once("exit", (status) => end(status === 0));
  });
}
