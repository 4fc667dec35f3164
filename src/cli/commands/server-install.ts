/** `git heroku server:install` */
import { AppError } from "../../core/error.ts";
import { HOME, SERVICE, type Front, type ServerSetup } from "../../core/server-files.ts";
import type { Arguments, Command } from "../command.ts";
import { usageError } from "../parse-arguments.ts";
import { canClosePorts, checkReachable, installChanges, programs } from "../server-changes.ts";
import { carryOut, machineOf, MACHINE_OPTIONS } from "../server-machine.ts";

export const serverInstall: Command = {
  name: "server:install",
  topic: "Platform",
  isAboutThisMachine: true,
  summary: "Make this Debian or Ubuntu server a platform for a team",
  details:
    "As root. Makes a system user, a systemd unit, sshd's part and, when asked, a site of Caddy or nginx with TLS in front. With nftables it closes the ports of apps' processes, 20000 to 29999, to other machines. The platform's home is /var/lib/git-heroku. Run again it changes what differs, and nothing else. With --as-root the daemon is root, so that each app is a user of its own, in its builds too.",
  options: [
    { name: "user", value: "NAME", summary: "the system user, of git@host (usually git)" },
    { name: "as-root", summary: "run the daemon as root: each app a user of its own" },
    { name: "open-ports", summary: "let other machines reach processes past the router" },
    { name: "front", value: "PROGRAM", completes: ["caddy", "nginx"], summary: "set up TLS with caddy or nginx" },
    { name: "domain", value: "DOMAIN", summary: "apps at NAME.DOMAIN, the API at the domain itself" },
    {
      name: "certificate",
      value: "FILE",
      completes: "files",
      summary: "for *.DOMAIN and DOMAIN; Caddy makes its own without",
    },
    { name: "key", value: "FILE", completes: "files", summary: "the certificate's private key" },
    ...MACHINE_OPTIONS,
  ],
  examples: [
    { command: "git heroku server:install --dry-run", summary: "show what would be changed" },
    { command: "git heroku server:install", summary: "SSH only" },
    {
      command: "git heroku server:install --front caddy --domain apps.example.com",
      summary: "with TLS in front of apps and API",
    },
  ],
  async run(context) {
    const { args, out, world } = context;
    const machine = machineOf(context);
    const setup: ServerSetup = {
      user: args.value("user") ?? "git",
      home: HOME,
      ...programs(world),
      asRoot: args.has("as-root"),
      front: frontOf(args),
      openPorts: args.has("open-ports"),
    };
    if (machine.root === "/") checkReachable([setup.node, setup.daemon]);
    await carryOut(context, installChanges(machine.root, setup, ["systemctl", "enable", "--now", SERVICE]));
    if (args.has("dry-run")) return undefined;
    if (!setup.openPorts && !canClosePorts(machine.root))
      await out.line("Other machines may reach processes past the router: install nftables, and run this again.");
    // root has a platform of its own in its own home.
    const who = setup.asRoot ? `sudo GIT_HEROKU_HOME=${HOME}` : `sudo -u ${setup.user} -H`;
    await out.line(`To let somebody in: ${who} git heroku keys:add - --for EMAIL <FILE`);
    return out.line(`They then run: git heroku create NAME --server ${setup.user}@HOST`);
  },
};

function frontOf(args: Arguments): Front | undefined {
  const [program, domain] = [args.value("front"), args.value("domain")];
  if (program === undefined) {
    const stray = ["domain", "certificate", "key"].find((name) => args.value(name) !== undefined);
    if (stray !== undefined) throw usageError(serverInstall, `--${stray} is for a front: add --front caddy or nginx`);
    return undefined;
  }
  if (program !== "caddy" && program !== "nginx") throw usageError(serverInstall, "--front is caddy or nginx");
  if (domain === undefined) throw usageError(serverInstall, "a front needs a domain: --domain apps.example.com");
  const certificate = certificateOf(args);
  if (program === "caddy" || certificate !== undefined) return { program, domain, certificate };
  throw new AppError("invalid_params", "nginx makes no certificates by itself.", {
    hint: "Give one with --certificate and --key, or let Caddy do it: --front caddy",
  });
}

function certificateOf(args: Arguments): Front["certificate"] {
  const [file, key] = [args.value("certificate"), args.value("key")];
  if (file !== undefined && key !== undefined) return { file, key };
  if (file === undefined && key === undefined) return undefined;
  throw usageError(serverInstall, "--certificate and --key come together");
}
