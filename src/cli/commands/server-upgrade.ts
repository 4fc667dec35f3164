/** `git heroku server:upgrade` */
import { HOME, SERVICE } from "../../core/server-files.ts";
import type { Command } from "../command.ts";
import { checkReachable, installChanges, installedSetup, programs } from "../server-changes.ts";
import { carryOut, machineOf, MACHINE_OPTIONS } from "../server-machine.ts";

export const serverUpgrade: Command = {
  name: "server:upgrade",
  topic: "Platform",
  isAboutThisMachine: true,
  summary: "Run this version from now on, without stopping apps",
  details:
    "As root, with the new version: npm install -g, then this. The unit, sshd's part and the front are brought up to date as server:install was told, and the daemon starts anew; apps run on, and the router hands its port over.",
  options: MACHINE_OPTIONS,
  examples: [{ command: "sudo git heroku server:upgrade", summary: "after a new version was installed" }],
  async run(context) {
    const { root } = machineOf(context);
    const setup = { ...installedSetup(root), home: HOME, ...programs(context.world) };
    if (root === "/") checkReachable([setup.node, setup.daemon]);
    await carryOut(context, installChanges(root, setup, ["systemctl", "restart", SERVICE]));
    return undefined;
  },
};
