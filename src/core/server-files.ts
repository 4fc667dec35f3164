/** The files that make a Debian or Ubuntu server a platform: a systemd unit, sshd's drop-in, and a site of Caddy or nginx in
 *  front. Plain texts made of checked values; who writes them is for the caller. */
import { AppError } from "./error.ts";
import { nftablesDropIn, portRules, portsUnitText, PORTS_SERVICE } from "./port-guard.ts";

export interface ServerSetup {
  /** The system user: sshd lets people in as it. */
  user: string;
  /** The platform's home. */
  home: string;
  /** Absolute path of node, and of the daemon's script. */
  node: string;
  daemon: string;
  /** Whether the daemon is root, so that each app is a user of its own. */
  asRoot: boolean;
  front: Front | undefined;
  /** Whether other machines may come to processes past the router. */
  openPorts: boolean;
}

export interface Front {
  program: "caddy" | "nginx";
  /** Apps are at `NAME.DOMAIN`, the API and git at the domain itself. */
  domain: string;
  /** Undefined: Caddy's own authority. */
  certificate: { file: string; key: string } | undefined;
}

export interface ServerFile {
  path: string;
  text: string;
}

export const SERVICE = "git-heroku.service";
export const HOME = "/var/lib/git-heroku";
/** What sshd's user may reach of the platform. */
export const SSH_DIRECTORY = "/run/git-heroku";
export const PLACES = {
  unit: `/etc/systemd/system/${SERVICE}`,
  portsUnit: `/etc/systemd/system/${PORTS_SERVICE}`,
  ports: "/etc/git-heroku-ports.nft",
  portsDropIn: "/etc/systemd/system/nftables.service.d/git-heroku.conf",
  directories: "/etc/tmpfiles.d/git-heroku.conf",
  sshd: "/etc/ssh/sshd_config.d/git-heroku.conf",
  caddy: "/etc/caddy/git-heroku.caddy",
  caddyMain: "/etc/caddy/Caddyfile",
  nginx: "/etc/nginx/sites-available/git-heroku",
  nginxLink: "/etc/nginx/sites-enabled/git-heroku",
} as const;
/** What Caddy's main file gets as a line. */
export const CADDY_IMPORT = `import ${PLACES.caddy}`;

const ROUTER = "127.0.0.1:5000";
const API = "127.0.0.1:5001";
const MADE = "# Made by `git heroku server:install`; `server:upgrade` writes it again.\n";

const SETUP_MARK = "# setup ";

/** Lower-case letters, digits and dashes, as useradd has it. */
const USER = /^[a-z][a-z0-9-]{0,30}$/;
const LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?";
const DOMAIN = new RegExp(`^(?=.{1,200}$)${LABEL}(?:\\.${LABEL})+$`);
/** What no configuration language gives a meaning to. */
const PLAIN_PATH = /^\/[A-Za-z0-9/._+@-]*$/;

/** @throws AppError invalid_params for what could mean something else in one of the files */
export function checkSetup({ user, home, node, daemon, front }: ServerSetup): void {
  if (!USER.test(user)) throw odd("a name of a system user", user);
  for (const path of [home, node, daemon]) checkPath(path);
  if (front === undefined) return;
  if (!DOMAIN.test(front.domain)) throw odd("a domain such as apps.example.com", front.domain);
  for (const path of Object.values(front.certificate ?? {})) checkPath(path);
}

function checkPath(path: string): void {
  if (!PLAIN_PATH.test(path)) throw odd("an absolute path without odd characters", path);
}

function odd(what: string, text: string): AppError {
  return new AppError("invalid_params", `${JSON.stringify(text.slice(0, 100))} is not ${what}.`);
}

/** What a person decides. */
export type AskedSetup = Pick<ServerSetup, "user" | "asRoot" | "front" | "openPorts">;

/** What `server:install` was told, as its unit says; undefined for a unit that is not its own. */
export function readSetup(unit: string): AskedSetup | undefined {
  const line = unit.split("\n").find((one) => one.startsWith(SETUP_MARK));
  if (line === undefined || !unit.startsWith(MADE)) return undefined;
  const { user, asRoot, front, openPorts } = JSON.parse(line.slice(SETUP_MARK.length)) as AskedSetup;
  return { user, asRoot, front, openPorts };
}

/** The rules before the unit that reads them. */
export function portFiles(): ServerFile[] {
  return [
    { path: PLACES.ports, text: `${MADE}${portRules()}` },
    { path: PLACES.portsUnit, text: `${MADE}${portsUnitText(PLACES.ports)}` },
    { path: PLACES.portsDropIn, text: `${MADE}${nftablesDropIn()}` },
  ];
}

export function serverFiles(setup: ServerSetup): ServerFile[] {
  const { front } = setup;
  return [
    { path: PLACES.unit, text: unitText(setup) },
    { path: PLACES.directories, text: directoriesText(setup) },
    { path: PLACES.sshd, text: sshdText(setup) },
    ...(front?.program === "caddy" ? [{ path: PLACES.caddy, text: caddyText(front) }] : []),
    ...(front?.program === "nginx" ? [{ path: PLACES.nginx, text: nginxText(front) }] : []),
  ];
}

function unitText(setup: ServerSetup): string {
  const { home, node, daemon, front, asRoot, user, openPorts } = setup;
  const nodes = node.slice(0, node.lastIndexOf("/"));
  const domain =
    front === undefined
      ? []
      : [
          `GIT_HEROKU_BASE_DOMAINS=https://${front.domain}`,
          `GIT_HEROKU_API_URL=https://${front.domain}`,
          "GIT_HEROKU_TRUSTED_PROXIES=127.0.0.1",
        ];
  const environment = [
    `HOME=${home}`,
    `GIT_HEROKU_HOME=${home}`,
    `GIT_HEROKU_SSH_DIRECTORY=${SSH_DIRECTORY}`,
    "GIT_HEROKU_ROUTER_PORT=5000",
    "GIT_HEROKU_API_PORT=5001",
    ...domain,
    `PATH=${nodes}:/usr/local/bin:/usr/bin:/bin`,
  ];
  return `${MADE}${SETUP_MARK}${JSON.stringify({ user, asRoot, front, openPorts })}
[Unit]
Description=git-heroku, a platform to git push to
After=network-online.target
Wants=network-online.target

[Service]
${asRoot ? "# root's: each app is a user of its own." : `User=${user}\nGroup=${user}`}
${environment.map((one) => `Environment=${one}`).join("\n")}
EnvironmentFile=-/etc/default/git-heroku
WorkingDirectory=${home}
ExecStart=${node} ${daemon}
# Not after server:stop.
Restart=on-failure
RestartSec=1
# Apps and the router run on while the daemon is away, and the next one adopts them.
KillMode=process
TimeoutStopSec=60
OOMPolicy=continue
# Control groups for the apps.
Delegate=yes
TasksMax=infinity
LimitNOFILE=65536
UMask=0077

${(asRoot ? ROOT_LIMITS : USER_LIMITS).join("\n")}

[Install]
WantedBy=multi-user.target
`;
}

/** No directive that covers a part of /proc or /sys, and none about namespaces: the kernel would then refuse the sandboxes a
 *  /proc of their own. No private /tmp: it would be taken from apps that run on. */
const LIMITS = [
  "NoNewPrivileges=yes",
  "ProtectSystem=full",
  "ProtectHome=yes",
  "ProtectKernelModules=yes",
  "LockPersonality=yes",
  "RestrictRealtime=yes",
  "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
  "SystemCallArchitectures=native",
];
const USER_LIMITS = [...LIMITS, "RestrictSUIDSGID=yes", "CapabilityBoundingSet=", "AmbientCapabilities="];
/** What it takes to become other users, give them files, and make mounts and control groups. */
const ROOT_LIMITS = [
  ...LIMITS,
  `CapabilityBoundingSet=${[
    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL MKNOD NET_ADMIN NET_BIND_SERVICE SETGID SETPCAP SETUID",
    "SYS_ADMIN SYS_CHROOT SYS_PTRACE SYS_RESOURCE",
  ]
    .join(" ")
    .split(" ")
    .map((name) => `CAP_${name}`)
    .join(" ")}`,
];

function directoriesText({ home, user, asRoot }: ServerSetup): string {
  const owner = asRoot ? "root" : user;
  // What the daemon makes for sshd's user belongs to its group. `managed` keeps others from starting a daemon of their own, and
  // through the link the user's `git heroku` finds the platform.
  return `${MADE}d ${home} 0700 ${owner} ${owner} - -
f ${home}/managed 0600 ${owner} ${owner} - ${SERVICE}
L ${home}/.git-heroku - - - - .
d ${SSH_DIRECTORY} 2750 ${owner} ${user} - -
`;
}

function sshdText({ user }: ServerSetup): string {
  return `${MADE}Match User ${user}
  AuthorizedKeysFile ${SSH_DIRECTORY}/authorized_keys
  AuthenticationMethods publickey
  PubkeyAuthentication yes
  PasswordAuthentication no
  KbdInteractiveAuthentication no
  AcceptEnv GIT_PROTOCOL
  AllowAgentForwarding no
  AllowStreamLocalForwarding no
  AllowTcpForwarding no
  PermitTTY no
  PermitTunnel no
  PermitUserRC no
  X11Forwarding no
  Banner none
Match all
`;
}

function caddyText({ domain, certificate }: Front): string {
  const tls = certificate === undefined ? "tls internal" : `tls ${certificate.file} ${certificate.key}`;
  return `${MADE}https://*.${domain} {
	${tls}
	reverse_proxy ${ROUTER} {
		flush_interval -1
		header_up X-Forwarded-Port 443
	}
}

https://${domain} {
	${tls}
	reverse_proxy ${API} {
		flush_interval -1
	}
}
`;
}

function nginxText({ domain, certificate }: Front): string {
  const site = (name: string, to: string): string => `
server {
  listen 443 ssl http2;
  listen [::]:443 ssl http2;
  server_name ${name};
  ssl_certificate     ${certificate?.file ?? ""};
  ssl_certificate_key ${certificate?.key ?? ""};

  # The platform has its own limits.
  client_max_body_size 0;
  proxy_request_buffering off;
  proxy_buffering off;
  proxy_read_timeout 1h;
  proxy_send_timeout 1h;

  location / {
    proxy_pass http://${to};
    proxy_http_version 1.1;
    proxy_set_header Host $host;
    proxy_set_header Connection $git_heroku_connection;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header X-Forwarded-For $remote_addr;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-Port $server_port;
    proxy_set_header X-Request-Start "";
  }
}
`;
  return `${MADE}map $http_upgrade $git_heroku_connection {
  default upgrade;
  ""      "";
}
${site(`*.${domain}`, ROUTER)}${site(domain, API)}`;
}
