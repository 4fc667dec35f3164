/** An app that is not there. */
import { AppError } from "../core/error.ts";

/** Of one that is not there, and of one that the caller must not know of. */
export function noApp(name: string): AppError {
  return new AppError("not_found", "Couldn't find that app.", {
    hint: `There is no app ${JSON.stringify(name.slice(0, 40))}; \`git heroku apps\` lists the apps there are.`,
    resource: "app",
  });
}
