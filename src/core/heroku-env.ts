/** The environment in which Heroku's own client (11.x) speaks to a platform here, and to nobody else: its token must not
 *  reach heroku.com, whatever the command (docs/heroku-cli.md). */

export interface HerokuEnvironment {
  /** `http://127.0.0.1:5001` */
  apiUrl: string;
  token: string;
  /** The client does not know an app by a remote that is a path. */
  app: string | undefined;
  /** The file that Heroku's client has to trust for `heroku run`; undefined when it trusts another one already. */
  certificate: string | undefined;
  /** What NO_PROXY says so far. */
  noProxy: string;
}

export type Shell = "sh" | "fish";

const LOOPBACK = ["127.0.0.1", "localhost"];
/** They would send the token elsewhere, or be taken for it. */
const UNSET = ["HEROKU_API_TOKEN", "HEROKU_CLOUD", "HEROKU_HEADERS", "HEROKU_ORGANIZATION"];

export function herokuVariables({ apiUrl, token, app, certificate, noProxy }: HerokuEnvironment): Map<string, string> {
  const without = [...new Set([...noProxy.split(",").map((name) => name.trim()), ...LOOPBACK])]
    .filter((name) => name !== "")
    .join(",");
  return new Map([
    ["HEROKU_HOST", apiUrl],
    ["HEROKU_API_KEY", token],
    ...(app === undefined ? [] : [["HEROKU_APP", app] as const]),
    // Services of Heroku's that get the token too: billing, databases, ps:exec, the login page.
    ["HEROKU_PARTICLEBOARD_URL", apiUrl],
    ["HEROKU_DATA_HOST", apiUrl.replace(/^https?:\/\//, "")],
    ["HEROKU_EXEC_URL", apiUrl],
    ["HEROKU_LOGIN_HOST", apiUrl],
    ...(certificate === undefined ? [] : [["NODE_EXTRA_CA_CERTS", certificate] as const]),
    ["DISABLE_TELEMETRY", "true"],
    ["HEROKU_DISABLE_AUTOUPDATE", "true"],
    ["HEROKU_SKIP_NEW_VERSION_CHECK", "true"],
    // A proxy is asked for the loopback too, unless it is named here.
    ["NO_PROXY", without],
    ["no_proxy", without],
  ]);
}

export function formatExports(variables: ReadonlyMap<string, string>, shell: Shell): string {
  const lines = [
    ...UNSET.map((name) => unset(name, shell)),
    ...[...variables].map(([name, value]) => set(name, value, shell)),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

/** Takes back what `formatExports` set; what was unset, and who had been excepted from a proxy, is not known any more. */
export function formatUnsets(shell: Shell): string {
  const names = [...herokuVariables({ apiUrl: "", token: "", app: "", certificate: undefined, noProxy: "" }).keys()];
  return names
    .filter((name) => name.toUpperCase() !== "NO_PROXY")
    .map((name) => `${unset(name, shell)}\n`)
    .join("");
}

function set(name: string, value: string, shell: Shell): string {
  return shell === "fish" ? `set -gx ${name} ${quoteFish(value)}` : `export ${name}=${quoteSh(value)}`;
}

function unset(name: string, shell: Shell): string {
  return shell === "fish" ? `set -e ${name}` : `unset ${name}`;
}

function quoteSh(value: string): string {
  return `'${value.replaceAll("'", `'\\''`)}'`;
}

function quoteFish(value: string): string {
  return `'${value.replace(/[\\']/g, "\\$&")}'`;
}
