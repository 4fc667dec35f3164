/** What keeps other machines from the ports of apps' processes on a server: a table of nftables of the platform's own, and the
 *  unit that puts it into the kernel. Whatever else the machine's firewall says stays as it is. */
import { PROCESS_PORTS } from "./process-ports.ts";

export const PORTS_SERVICE = "git-heroku-ports.service";
export const NFT = "/usr/sbin/nft";
const TABLE = "inet git_heroku";

/** For `nft -f`: in one step, whether the table is there or not. What this machine itself has begun from such a port goes on, as only
 *  first packets are refused. */
export function portRules(): string {
  const { first, last } = PROCESS_PORTS;
  return `table ${TABLE} {
}
delete table ${TABLE}
table ${TABLE} {
	chain input {
		type filter hook input priority -1; policy accept;
		iifname != "lo" tcp dport ${String(first)}-${String(last)} tcp flags & (fin | syn | rst | ack) == syn reject with tcp reset
	}
}
`;
}

/** Debian's nftables.service removes all tables when it starts anew or reads its rules again: so does this one then.
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
ExecStop=-${NFT} delete table ${TABLE}

[Install]
WantedBy=multi-user.target
`;
}
