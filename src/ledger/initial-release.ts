/** v1: an app before anything was deployed to it. */
import { formatJson } from "../core/json.ts";
import type { Person } from "../core/person.ts";
import { emptyConfigEnv } from "./config-cipher.ts";
import type { NewRelease } from "./release-writer.ts";

/** @param configPublicKey the key that the app's config vars will be encrypted for. */
export function initialRelease(by: Person, via: string, configPublicKey: string): NewRelease {
  return {
    change: "initial",
    description: "Initial release",
    by,
    via,
    status: "succeeded",
    snapshot: {
      codeTree: undefined,
      configEnv: emptyConfigEnv(configPublicKey),
      addonsJson: formatJson({}),
      procfile: undefined,
    },
    code: undefined,
  };
}
