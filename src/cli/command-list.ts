/** Every command by name. A module is loaded only when its command is run or its help is shown. */
import { AppError } from "../core/error.ts";
import type { Command } from "./command.ts";
import type { ListedCommand } from "./help-text.ts";
import { nearNames } from "../core/near-names.ts";

interface Entry {
  aliases?: readonly string[];
  load: () => Promise<Command>;
}

const COMMANDS: Readonly<Record<string, Entry>> = {
  create: { aliases: ["apps:create"], load: async () => (await import("./commands/create.ts")).create },
  apps: { aliases: ["apps:list", "list"], load: async () => (await import("./commands/apps.ts")).apps },
  info: { aliases: ["apps:info"], load: async () => (await import("./commands/info.ts")).info },
  rename: { aliases: ["apps:rename"], load: async () => (await import("./commands/rename.ts")).rename },
  destroy: {
    aliases: ["apps:destroy", "apps:delete"],
    load: async () => (await import("./commands/destroy.ts")).destroy,
  },
  open: { aliases: ["apps:open"], load: async () => (await import("./commands/open.ts")).open },
  remote: { aliases: ["git:remote"], load: async () => (await import("./commands/remote.ts")).remote },
  backup: { aliases: ["apps:backup"], load: async () => (await import("./commands/backup.ts")).backup },
  restore: { aliases: ["apps:restore"], load: async () => (await import("./commands/restore.ts")).restore },
  ps: { load: async () => (await import("./commands/ps.ts")).ps },
  "ps:scale": { aliases: ["scale", "dyno:scale"], load: async () => (await import("./commands/ps-scale.ts")).psScale },
  "ps:restart": {
    aliases: ["restart", "dyno:restart"],
    load: async () => (await import("./commands/ps-restart.ts")).psRestart,
  },
  "ps:stop": {
    aliases: ["stop", "kill", "ps:kill", "dyno:stop", "dyno:kill"],
    load: async () => (await import("./commands/ps-stop.ts")).psStop,
  },
  "ps:autosleep": { load: async () => (await import("./commands/ps-autosleep.ts")).psAutosleep },
  "ps:limits": { load: async () => (await import("./commands/ps-limits.ts")).psLimits },
  "ps:wait": { load: async () => (await import("./commands/ps-wait.ts")).psWait },
  run: { load: async () => (await import("./commands/run.ts")).run },
  "run:detached": { load: async () => (await import("./commands/run-detached.ts")).runDetached },
  local: { aliases: ["local:start"], load: async () => (await import("./commands/local.ts")).local },
  "local:run": { load: async () => (await import("./commands/local-run.ts")).localRun },
  logs: { load: async () => (await import("./commands/logs.ts")).logs },
  "logs:stats": { load: async () => (await import("./commands/logs-stats.ts")).logsStats },
  "logs:errors": { load: async () => (await import("./commands/logs-errors.ts")).logsErrors },
  "logs:export": { load: async () => (await import("./commands/logs-export.ts")).logsExport },
  "logs:archive": { load: async () => (await import("./commands/logs-archive.ts")).logsArchive },
  "logs:import": { load: async () => (await import("./commands/logs-import.ts")).logsImport },
  "logs:imports": { load: async () => (await import("./commands/logs-imports.ts")).logsImports },
  "logs:imports:remove": { load: async () => (await import("./commands/logs-imports-remove.ts")).logsImportsRemove },
  "logs:retention": { load: async () => (await import("./commands/logs-retention.ts")).logsRetention },
  drains: { load: async () => (await import("./commands/drains.ts")).drains },
  "drains:add": { load: async () => (await import("./commands/drains-add.ts")).drainsAdd },
  "drains:remove": { load: async () => (await import("./commands/drains-remove.ts")).drainsRemove },
  releases: { load: async () => (await import("./commands/releases.ts")).releases },
  "releases:info": { load: async () => (await import("./commands/releases-info.ts")).releasesInfo },
  "releases:output": { load: async () => (await import("./commands/releases-output.ts")).releasesOutput },
  builds: { load: async () => (await import("./commands/builds.ts")).builds },
  "builds:info": { load: async () => (await import("./commands/builds-info.ts")).buildsInfo },
  "builds:output": { load: async () => (await import("./commands/builds-output.ts")).buildsOutput },
  "builds:cancel": { load: async () => (await import("./commands/builds-cancel.ts")).buildsCancel },
  slugs: { load: async () => (await import("./commands/slugs.ts")).slugs },
  "releases:diff": { load: async () => (await import("./commands/releases-diff.ts")).releasesDiff },
  "releases:verify": { load: async () => (await import("./commands/releases-verify.ts")).releasesVerify },
  "releases:revert": { load: async () => (await import("./commands/releases-revert.ts")).releasesRevert },
  "releases:redeploy": { load: async () => (await import("./commands/releases-redeploy.ts")).releasesRedeploy },
  "releases:mark": { load: async () => (await import("./commands/releases-mark.ts")).releasesMark },
  "releases:bisect": { load: async () => (await import("./commands/releases-bisect.ts")).releasesBisect },
  rollback: { aliases: ["releases:rollback"], load: async () => (await import("./commands/rollback.ts")).rollback },
  promote: { aliases: ["pipelines:promote"], load: async () => (await import("./commands/promote.ts")).promote },
  config: { load: async () => (await import("./commands/config.ts")).config },
  "config:get": { load: async () => (await import("./commands/config-get.ts")).configGet },
  "config:add": { aliases: ["config:set"], load: async () => (await import("./commands/config-add.ts")).configAdd },
  "config:remove": {
    aliases: ["config:unset"],
    load: async () => (await import("./commands/config-remove.ts")).configRemove,
  },
  "config:edit": { load: async () => (await import("./commands/config-edit.ts")).configEdit },
  "config:import": { load: async () => (await import("./commands/config-import.ts")).configImport },
  "config:export": { load: async () => (await import("./commands/config-export.ts")).configExport },
  "config:rotate-key": { load: async () => (await import("./commands/config-rotate-key.ts")).configRotateKey },
  "config:blame": { load: async () => (await import("./commands/config-blame.ts")).configBlame },
  "config:history": { load: async () => (await import("./commands/config-history.ts")).configHistory },
  buildpacks: { load: async () => (await import("./commands/buildpacks.ts")).buildpacks },
  "buildpacks:set": { load: async () => (await import("./commands/buildpacks-set.ts")).buildpacksSet },
  "buildpacks:add": { load: async () => (await import("./commands/buildpacks-add.ts")).buildpacksAdd },
  "buildpacks:remove": { load: async () => (await import("./commands/buildpacks-remove.ts")).buildpacksRemove },
  "buildpacks:clear": { load: async () => (await import("./commands/buildpacks-clear.ts")).buildpacksClear },
  domains: { load: async () => (await import("./commands/domains.ts")).domains },
  "domains:add": { load: async () => (await import("./commands/domains-add.ts")).domainsAdd },
  "domains:remove": { load: async () => (await import("./commands/domains-remove.ts")).domainsRemove },
  maintenance: { load: async () => (await import("./commands/maintenance.ts")).maintenance },
  "maintenance:on": { load: async () => (await import("./commands/maintenance-on.ts")).maintenanceOn },
  "maintenance:off": { load: async () => (await import("./commands/maintenance-off.ts")).maintenanceOff },
  settings: { load: async () => (await import("./commands/settings.ts")).settings },
  "settings:set": { load: async () => (await import("./commands/settings-set.ts")).settingsSet },
  "settings:unset": { load: async () => (await import("./commands/settings-unset.ts")).settingsUnset },
  access: { load: async () => (await import("./commands/access.ts")).access },
  "access:add": { load: async () => (await import("./commands/access-add.ts")).accessAdd },
  "access:update": { load: async () => (await import("./commands/access-update.ts")).accessUpdate },
  "access:remove": { load: async () => (await import("./commands/access-remove.ts")).accessRemove },
  transfer: { aliases: ["apps:transfer"], load: async () => (await import("./commands/transfer.ts")).transfer },
  login: { aliases: ["auth:login"], load: async () => (await import("./commands/login.ts")).login },
  logout: { aliases: ["auth:logout"], load: async () => (await import("./commands/logout.ts")).logout },
  whoami: { aliases: ["auth:whoami"], load: async () => (await import("./commands/whoami.ts")).whoami },
  tokens: { load: async () => (await import("./commands/tokens.ts")).tokens },
  "tokens:create": { load: async () => (await import("./commands/tokens-create.ts")).tokensCreate },
  "tokens:revoke": { load: async () => (await import("./commands/tokens-revoke.ts")).tokensRevoke },
  keys: { load: async () => (await import("./commands/keys.ts")).keys },
  "keys:add": { load: async () => (await import("./commands/keys-add.ts")).keysAdd },
  "keys:remove": { load: async () => (await import("./commands/keys-remove.ts")).keysRemove },
  webhooks: { load: async () => (await import("./commands/webhooks.ts")).webhooks },
  "webhooks:add": { load: async () => (await import("./commands/webhooks-add.ts")).webhooksAdd },
  "webhooks:remove": { load: async () => (await import("./commands/webhooks-remove.ts")).webhooksRemove },
  "webhooks:deliveries": {
    load: async () => (await import("./commands/webhooks-deliveries.ts")).webhooksDeliveries,
  },
  "heroku-env": { load: async () => (await import("./commands/heroku-env.ts")).herokuEnv },
  proxy: { load: async () => (await import("./commands/proxy.ts")).proxy },
  server: { load: async () => (await import("./commands/server.ts")).server },
  "server:start": { load: async () => (await import("./commands/server-start.ts")).serverStart },
  "server:stop": { load: async () => (await import("./commands/server-stop.ts")).serverStop },
  "server:restart": { load: async () => (await import("./commands/server-restart.ts")).serverRestart },
  "server:status": { load: async () => (await import("./commands/server-status.ts")).serverStatus },
  "server:logs": { load: async () => (await import("./commands/server-logs.ts")).serverLogs },
  "server:install": { load: async () => (await import("./commands/server-install.ts")).serverInstall },
  "server:upgrade": { load: async () => (await import("./commands/server-upgrade.ts")).serverUpgrade },
  "server:uninstall": { load: async () => (await import("./commands/server-uninstall.ts")).serverUninstall },
  completion: { load: async () => (await import("./commands/completion.ts")).completion },
  doctor: { load: async () => (await import("./commands/doctor.ts")).doctor },
};

/** @throws AppError usage, naming the nearest commands. */
export async function loadCommand(word: string): Promise<ListedCommand> {
  const entry = findEntry(word);
  if (entry !== undefined) return { command: await entry.load(), aliases: entry.aliases ?? [] };
  const names = [...Object.keys(COMMANDS), ...Object.values(COMMANDS).flatMap(({ aliases }) => aliases ?? [])];
  const near = nearNames(word, names);
  throw new AppError("usage", `${JSON.stringify(word)} is not a git heroku command.`, {
    hint: near.length === 0 ? "`git heroku help` lists them." : `Perhaps you meant ${near.join(" or ")}.`,
  });
}

function findEntry(word: string): Entry | undefined {
  if (Object.hasOwn(COMMANDS, word)) return COMMANDS[word];
  return Object.values(COMMANDS).find(({ aliases }) => aliases?.includes(word));
}

/** In the order of the table above, which is the order of the help. */
export function loadAllCommands(): Promise<ListedCommand[]> {
  return Promise.all(
    Object.values(COMMANDS).map(async ({ aliases, load }) => ({ command: await load(), aliases: aliases ?? [] })),
  );
}
