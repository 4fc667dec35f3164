/** What an app has from its first moment on, as the API is told it; made of an app.json and of what a person gives. */
import type { AppJson, AppJsonVar } from "./app-json.ts";
import type { ConfigVars } from "./config-vars.ts";
import { AppError } from "./error.ts";

export interface AppSetup {
  config_vars?: ConfigVars | undefined;
  /** Process type → quantity. */
  formation?: Readonly<Record<string, number>> | undefined;
  buildpacks?: readonly string[] | undefined;
  /** By name, as people write them. */
  settings?: Readonly<Record<string, string>> | undefined;
  /** A command that runs once, after the first deploy. */
  postdeploy?: string | undefined;
}

/** @param given config vars by whoever creates the app; they go before what app.json says
 *  @throws AppError invalid_params for a name that app.json has not, or for one that must be given and is not */
export function makeSetup(app: AppJson, given: ConfigVars, makeSecret: () => string): AppSetup {
  checkGiven(app, given);
  const vars = app.env.flatMap(({ name, source }): [string, string][] => {
    const own = Object.hasOwn(given, name) ? given[name] : undefined;
    if (own !== undefined) return [[name, own]];
    if (source.kind === "value") return [[name, source.value]];
    return source.kind === "secret" ? [[name, makeSecret()]] : [];
  });
  return {
    config_vars: Object.fromEntries(vars),
    formation: app.formation,
    buildpacks: app.buildpacks,
    ...(app.healthPath !== undefined && { settings: { "health-path": app.healthPath } }),
    ...(app.postdeploy !== undefined && { postdeploy: app.postdeploy }),
  };
}

function checkGiven(app: AppJson, given: ConfigVars): void {
  const known = new Set(app.env.map(({ name }) => name));
  const unknown = Object.keys(given).filter((name) => !known.has(name));
  if (unknown.length > 0) {
    throw new AppError("invalid_params", `app.json has no env ${unknown.join(", ")}.`, {
      hint: "Set other config vars when the app is there: git heroku config:set NAME=value",
    });
  }
  const missing = app.env.filter(({ name, source }) => source.kind === "missing" && !Object.hasOwn(given, name));
  if (missing.length === 0) return;
  const lines = missing.map(({ name, description }) => (description === undefined ? name : `${name} (${description})`));
  throw new AppError("invalid_params", `app.json wants a value for ${lines.join(", ")}.`, {
    hint: `Give it: ${missing.map(({ name }) => `--env ${name}=…`).join(" ")}`,
  });
}

/** Rows for the person who is to agree: a label and what it is. Values of config vars that are no secret are shown. */
export function describeSetup(app: AppJson, given: ConfigVars): [label: string, text: string][] {
  const formation = Object.entries(app.formation).map(([type, quantity]) => `${type}=${String(quantity)}`);
  const rows: [string, string | undefined][] = [
    ["About", [app.name, app.description].filter((text) => text !== undefined).join(": ") || undefined],
    ...app.env.map((one): [string, string] => ["Config var", describeVar(one, given)]),
    ["Buildpacks", app.buildpacks.join(", ") || undefined],
    ["Formation", formation.join(" ") || undefined],
    ["Health path", app.healthPath],
    ["Postdeploy", app.postdeploy],
  ];
  return rows.filter((row): row is [string, string] => row[1] !== undefined);
}

/** The same for a program. */
export interface SetupPlan extends AppSetup {
  /** Config vars that are given with the command. */
  given: readonly string[];
  /** Config vars whose value is made up. */
  secrets: readonly string[];
}

/** @param setup as `makeSetup` makes it; its secrets are none of it */
export function planSetup(app: AppJson, given: ConfigVars, setup: AppSetup): SetupPlan {
  const names = app.env.map(({ name }) => name).filter((name) => Object.hasOwn(given, name));
  const secrets = app.env
    .filter(({ name, source }) => source.kind === "secret" && !names.includes(name))
    .map(({ name }) => name);
  const shown = Object.entries(setup.config_vars ?? {}).filter(
    ([name]) => !names.includes(name) && !secrets.includes(name),
  );
  return { ...setup, config_vars: Object.fromEntries(shown), given: names, secrets };
}

const VALUE_SHOWN_MAX = 60;

function describeVar({ name, source }: AppJsonVar, given: ConfigVars): string {
  if (Object.hasOwn(given, name)) return `${name}, as given`;
  if (source.kind === "secret") return `${name}, a secret that is made up`;
  if (source.kind === "missing") return `${name}, to be given with --env ${name}=…`;
  if (source.kind === "none") return `${name}, not set`;
  const cut = source.value.length > VALUE_SHOWN_MAX ? `${source.value.slice(0, VALUE_SHOWN_MAX)}…` : source.value;
  return `${name} => ${JSON.stringify(cut)}`;
}
