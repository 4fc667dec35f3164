/** Where all apps are reached, each as `<app>.<base domain>`: names of a machine, or of a TLS front before it. */
import { AppError } from "./error.ts";

export interface BaseDomain {
  readonly name: string;
  readonly scheme: "http" | "https";
  /** Where people connect; undefined: the scheme's own for https, the router's for http. */
  readonly port: number | undefined;
}

/** Names below it reach the machine itself by RFC 6761. */
export const LOCALHOST: BaseDomain = { name: "localhost", scheme: "http", port: undefined };

const BASE = /^(?:(https?):\/\/)?([a-z0-9](?:[a-z0-9.-]{0,240}[a-z0-9])?)(?::(\d{1,5}))?$/;

/** Reads `https://apps.example.com,localhost`; the first one is what people are told.
 *  @throws AppError invalid_params */
export function parseBaseDomains(text: string): BaseDomain[] {
  return text.split(",").map((item) => {
    const match = BASE.exec(item.trim().toLowerCase());
    const port = match?.[3] === undefined ? undefined : Number(match[3]);
    if (match?.[2] !== undefined && !(port !== undefined && (port < 1 || port > 65_535))) {
      return { name: match[2], scheme: match[1] === "https" ? "https" : "http", port };
    }
    throw new AppError("invalid_params", `${JSON.stringify(item.trim().slice(0, 80))} is not a base domain.`, {
      hint: "Write GIT_HEROKU_BASE_DOMAINS=apps.example.com, or https://apps.example.com when TLS ends in front of the router.",
    });
  });
}

/** Without a final slash. */
export function urlBelow({ scheme, name, port }: BaseDomain, app: string, routerPort: number): string {
  const shown = port ?? (scheme === "http" ? routerPort : undefined);
  return `${scheme}://${app}.${name}${shown === undefined ? "" : `:${String(shown)}`}`;
}
