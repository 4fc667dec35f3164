/** The fake platform as a program of its own, in the place of the daemon: for tests that start and stop it. */
import { FakePlatform } from "./fake-platform.ts";

const home = process.env["GIT_HEROKU_HOME"] ?? "";
const platform = await FakePlatform.start(home);
platform.addApp("foobaz");
console.log(`listening in ${home}`);
process.once("SIGTERM", () => {
  console.log("told to end");
  void platform.stop();
});
