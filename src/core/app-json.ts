/** app.json: what an app needs from the beginning (Heroku: "app.json Schema"). Read when an app is created and never again.
 *  Nothing is left out in silence: what this platform has no use for is named in a notice, what is wrong is refused with
 *  its place. */
import { parseBuildpack } from "./buildpack.ts";
import { checkConfigValue, isConfigName, isReservedName } from "./config-vars.ts";
import { AppError } from "./error.ts";
import { isQuantity, isScalableType, QUANTITY_MAX } from "./formation-plan.ts";
import { isJsonObject, type Json } from "./json.ts";
import { parseJsonText } from "./json-text.ts";
import { parseSettingValue } from "./setting-kinds.ts";

export interface AppJson {
  name: string | undefined;
  description: string | undefined;
  env: readonly AppJsonVar[];
  /** Process type → quantity. */
  formation: Readonly<Record<string, number>>;
  /** In the order in which they run. */
  buildpacks: readonly string[];
  /** For a shell, once after the first deploy. */
  postdeploy: string | undefined;
  healthPath: string | undefined;
  /** What is left out, in whole sentences. */
  notices: readonly string[];
}

export interface AppJsonVar {
  name: string;
  description: string | undefined;
  /** `secret`: made up; `missing`: whoever creates the app must give one; `none`: it is not set. */
  source: { kind: "value"; value: string } | { kind: "secret" } | { kind: "missing" } | { kind: "none" };
}

/** As Heroku makes them: 64 hexadecimal digits. */
export const SECRET_BYTES = 32;

const MISTAKES_SHOWN_MAX = 10;
/** What is read, then what only tells about the app. */
const KNOWN = new Set(
  "env formation buildpacks scripts addons healthcheck healthchecks name description keywords website repository logo success_url".split(
    " ",
  ),
);
const LEFT_OUT: Readonly<Record<string, string>> = {
  stack: "stack is left out: apps run on the platform's machine as it is.",
  image: "image is left out: this platform builds code and runs no images.",
  environments: "environments is left out: it is for test and review apps.",
};

/** @throws AppError invalid_params for text that is no JSON, or with the place of each mistake */
export function parseAppJson(text: string): AppJson {
  const root = parseJsonText(text, "app.json");
  const reader = new Reader();
  const app = readRoot(reader, root);
  if (reader.mistakes.length === 0) return app;
  const shown = reader.mistakes.slice(0, MISTAKES_SHOWN_MAX);
  const more = reader.mistakes.length - shown.length;
  const lines = [...shown, ...(more > 0 ? [`and ${String(more)} more`] : [])];
  throw new AppError("invalid_params", `app.json cannot be used:\n${lines.join("\n")}`, {
    hint: "The schema: https://devcenter.heroku.com/articles/app-json-schema",
  });
}

/** Collects what is wrong and what is left out. */
class Reader {
  readonly mistakes: string[] = [];
  readonly notices: string[] = [];

  refuse(place: string, what: string): undefined {
    this.mistakes.push(`${place} ${what}.`);
    return undefined;
  }

  text(place: string, value: Json | undefined): string | undefined {
    if (value === undefined || typeof value === "string") return value;
    return this.refuse(place, "must be a text");
  }

  object(place: string, value: Json | undefined): [string, Json][] {
    if (value === undefined) return [];
    if (isJsonObject(value)) return Object.entries(value);
    this.refuse(place, "must be an object");
    return [];
  }

  list(place: string, value: Json | undefined): readonly Json[] {
    if (value === undefined) return [];
    if (Array.isArray(value)) return value as readonly Json[];
    this.refuse(place, "must be a list");
    return [];
  }
}

function readRoot(reader: Reader, root: Json): AppJson {
  if (!isJsonObject(root)) reader.refuse("It", "must be an object, { … }");
  const keys = isJsonObject(root) ? root : {};
  const app = {
    name: reader.text("name", keys["name"]),
    description: reader.text("description", keys["description"]),
    env: readEnv(reader, keys["env"]),
    formation: readFormation(reader, keys["formation"]),
    buildpacks: readBuildpackList(reader, keys["buildpacks"]),
    postdeploy: readScripts(reader, keys["scripts"]),
    healthPath: readHealthPath(reader, keys),
  };
  readAddons(reader, keys["addons"]);
  const others = Object.keys(keys).filter((key) => !KNOWN.has(key));
  for (const key of others)
    reader.notices.push(LEFT_OUT[key] ?? `${JSON.stringify(key)} is left out: it is not known.`);
  return { ...app, notices: reader.notices };
}

function readEnv(reader: Reader, value: Json | undefined): AppJsonVar[] {
  return reader.object("env", value).flatMap(([name, entry]) => {
    const place = `env.${name.slice(0, 60)}`;
    if (!isConfigName(name)) {
      reader.refuse(place, "is no name of a config var: letters, digits and underscores");
      return [];
    }
    if (isReservedName(name)) {
      reader.notices.push(`${place} is left out: the platform sets it itself.`);
      return [];
    }
    return [{ name, description: undefined, ...readVar(reader, place, entry) }];
  });
}

type VarFacts = Pick<AppJsonVar, "source"> & { description?: string | undefined };

function readVar(reader: Reader, place: string, entry: Json): VarFacts {
  if (typeof entry === "string") return { source: valueSource(reader, place, entry) };
  if (!isJsonObject(entry)) {
    reader.refuse(place, "must be a text or an object");
    return { source: { kind: "none" } };
  }
  const { value, required = true, generator } = entry;
  const description = reader.text(`${place}.description`, entry["description"]);
  if (typeof required !== "boolean") reader.refuse(`${place}.required`, "must be true or false");
  if (generator !== undefined && generator !== "secret") reader.refuse(`${place}.generator`, 'must be "secret"');
  const text = reader.text(`${place}.value`, value);
  if (text !== undefined) return { description, source: valueSource(reader, place, text) };
  if (generator === "secret") return { description, source: { kind: "secret" } };
  return { description, source: { kind: required === false ? "none" : "missing" } };
}

function valueSource(reader: Reader, place: string, value: string): AppJsonVar["source"] {
  try {
    checkConfigValue(place, value);
  } catch (error) {
    if (!(error instanceof AppError)) throw error;
    reader.mistakes.push(error.message);
  }
  return { kind: "value", value };
}

function readFormation(reader: Reader, value: Json | undefined): Record<string, number> {
  const found: [string, number][] = [];
  let hasSize = false;
  for (const [type, entry] of reader.object("formation", value)) {
    const place = `formation.${type.slice(0, 60)}`;
    if (!isScalableType(type)) {
      reader.refuse(place, "is no process type that can be scaled");
      continue;
    }
    const facts = Object.fromEntries(reader.object(place, entry));
    hasSize ||= facts["size"] !== undefined;
    const { quantity = 1 } = facts;
    if (isQuantity(quantity)) found.push([type, quantity]);
    else reader.refuse(`${place}.quantity`, `must be a whole number from 0 to ${String(QUANTITY_MAX)}`);
  }
  if (hasSize) reader.notices.push("The sizes in formation are left out: set limits with git heroku ps:limits.");
  return Object.fromEntries(found);
}

function readBuildpackList(reader: Reader, value: Json | undefined): string[] {
  return reader.list("buildpacks", value).flatMap((entry, index) => {
    const place = `buildpacks[${String(index)}]`;
    const url = isJsonObject(entry) ? entry["url"] : entry;
    if (typeof url !== "string") return reader.refuse(`${place}.url`, "must be a text") ?? [];
    try {
      parseBuildpack(url);
      return [url];
    } catch (error) {
      if (!(error instanceof AppError)) throw error;
      return reader.refuse(`${place}.url`, `cannot be used: ${error.message.replace(/\.$/, "")}`) ?? [];
    }
  });
}

function readScripts(reader: Reader, value: Json | undefined): string | undefined {
  const scripts = Object.fromEntries(reader.object("scripts", value));
  const others = Object.keys(scripts).filter((name) => name !== "postdeploy");
  for (const name of others) reader.notices.push(`scripts.${name.slice(0, 60)} is left out: only postdeploy is run.`);
  const command = scripts["postdeploy"];
  const postdeploy = isJsonObject(command) ? command["command"] : command;
  const text = reader.text("scripts.postdeploy", postdeploy);
  if (text?.trim() === "" || text?.includes("\0") === true) {
    return reader.refuse("scripts.postdeploy", "must be a command");
  }
  return text;
}

function readAddons(reader: Reader, value: Json | undefined): void {
  const names = reader.list("addons", value).flatMap((entry, index) => {
    const plan = isJsonObject(entry) ? entry["plan"] : entry;
    if (typeof plan === "string") return [plan.slice(0, 60)];
    return reader.refuse(`addons[${String(index)}]`, "must be a text or have a plan") ?? [];
  });
  if (names.length === 0) return;
  reader.notices.push(
    `Add-ons are not available yet. Provide these yourself and set their config vars: ${names.join(", ")}.`,
  );
}

/** `healthcheck` is ours, a path or `{"path": …}`; `healthchecks` is Dokku's, of which the first path of web counts. */
function readHealthPath(reader: Reader, keys: Readonly<Record<string, Json>>): string | undefined {
  const { healthcheck, healthchecks } = keys;
  const own = isJsonObject(healthcheck) ? healthcheck["path"] : healthcheck;
  if (own !== undefined) return healthPath(reader, "healthcheck", own);
  const web = Object.fromEntries(reader.object("healthchecks", healthchecks))["web"];
  for (const [index, check] of reader.list("healthchecks.web", web).entries()) {
    const path = isJsonObject(check) ? check["path"] : undefined;
    if (path !== undefined) return healthPath(reader, `healthchecks.web[${String(index)}]`, path);
  }
  return undefined;
}

function healthPath(reader: Reader, place: string, path: Json): string | undefined {
  if (typeof path === "string" && path !== "off" && parseSettingValue("path", path) !== undefined) return path;
  return reader.refuse(place, "must be a path such as /healthz");
}
