/** What keeps other machines from the ports of apps' processes on a server: a table of nftables of the platform's own, and the
 *  unit that puts it into the kernel. Whatever else the machine's firewall says stays as it is. */
import { PROCESS_PORTS } from "./process-ports.ts";

export const PORTS_SERVICE = "git-heroku-ports.service";
export const NFT = "/usr/sbin/nft";
/** Its family and name, as nft writes them. */
export const PORT_TABLE = "inet git_heroku";

/** For `nft -f`: in one step, whether the table is there or not. What this machine itself has begun from such a port goes on, as only
 *  first packets are refused. */
export function portRules(): string {
  const { first, last } = PROCESS_PORTS;
  return `table ${PORT_TABLE} {
}
delete table ${PORT_TABLE}
table ${PORT_TABLE} {
	chain input {
		type filter hook input priority -1; policy accept;
		iifname != "lo" tcp dport ${String(first)}-${String(last)} tcp flags & (fin | syn | rst | ack) == syn reject with tcp reset
	}
}
`;
}

/** Debian's nftables.service removes all tables when it starts and when it reads its rules again. When that one is restarted or
 *  reloaded this one is too; its first start, which systemd hands on to nobody, is what `nftablesDropIn` is for.
 *  @param rules path of a file */
export function portsUnitText(rules: string): string {
  return `[Unit]
Description=git-heroku: only the router reaches processes of apps
After=nftables.service
PartOf=nftables.service
ReloadPropagatedFrom=nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=${NFT} -f ${rules}
ExecReload=${NFT} -f ${rules}
ExecStop=-${NFT} delete table ${PORT_TABLE}

[Install]
WantedBy=multi-user.target
`;
}

/** For nftables.service: once it has removed all tables by its start, ours is put back, unless somebody has stopped the unit. It waits for
 *  nothing, since the unit itself waits for nftables.service. */
export function nftablesDropIn(): string {
  return `[Service]
ExecStartPost=-systemctl --no-block try-reload-or-restart ${PORTS_SERVICE}
`;
}

/** The line of `doctor` about these ports. */
export interface PortsLine {
  readonly name: string;
  readonly ok: boolean;
  readonly level: "ok" | "warning";
  readonly message: string;
  readonly hint?: string;
}

export const PORTS_CHECK = "app ports";
const RANGE = `${String(PROCESS_PORTS.first)} to ${String(PROCESS_PORTS.last)}`;

export function portsAreClosed(): PortsLine {
  const message = `${RANGE} are closed to other machines (${PORTS_SERVICE})`;
  return { name: PORTS_CHECK, ok: true, level: "ok", message };
}

/** @param why where they should be closed */
export function portsAreOpen(why: string): PortsLine {
  const hint = `Close them: systemctl restart ${PORTS_SERVICE}`;
  return {
    name: PORTS_CHECK,
    ok: true,
    level: "warning",
    message: `${RANGE} are open to other machines: ${why}`,
    hint,
  };
}
