/** `git heroku server:uninstall` */
import { HOME } from "../../core/server-files.ts";
import type { Command } from "../command.ts";
import { installedSetup, programs, uninstallChanges } from "../server-changes.ts";
import { carryOut, machineOf, MACHINE_OPTIONS } from "../server-machine.ts";

export const serverUninstall: Command = {
  name: "server:uninstall",
  topic: "Platform",
  isAboutThisMachine: true,
  summary: "Undo server:install",
  details:
    "As root. Stops the platform with its apps and removes what server:install has made. The platform's home, with all apps, and its user stay, unless --purge is given: then both go for ever.",
  options: [{ name: "purge", summary: "remove the platform's home and its user too" }, ...MACHINE_OPTIONS],
  examples: [
    { command: "sudo git heroku server:uninstall --dry-run", summary: "show what would be removed" },
    { command: "sudo git heroku server:uninstall", summary: "apps stay on disk" },
  ],
  async run(context) {
    const { args, out } = context;
    const { root } = machineOf(context);
    const setup = { ...installedSetup(root), home: HOME, ...programs(context.world) };
    await carryOut(context, uninstallChanges(root, setup, args.has("purge")));
    if (!args.has("purge")) await out.line(`${HOME} and the user ${setup.user} stay.`);
    return undefined;
  },
};
