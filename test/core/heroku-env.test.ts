/** What `heroku-env` prints, read by the shells that it is for. */
import { spawnSync } from "node:child_process";
import * as assert from "uvu/assert";
import { formatExports, formatUnsets, herokuVariables, type Shell } from "../../src/core/heroku-env.ts";
import { describe } from "../support/suite.ts";

const ODD = {
  apiUrl: "http://127.0.0.1:5001",
  token: 'it\'s \\ $(x) "y"',
  app: "foobaz",
  certificate: "/home/ned/.git-heroku/certificate.pem",
  noProxy: " example.com,127.0.0.1",
};

function read(program: string, script: string): Record<string, string> {
  const env = { PATH: process.env["PATH"], HEROKU_HEADERS: "{}", HEROKU_API_KEY: "old" };
  const { stdout, stderr, status } = spawnSync(program, ["-c", `${script}env -0`], { env, encoding: "utf8" });
  assert.equal([status, stderr], [0, ""]);
  const pairs = stdout.split("\0").filter((line) => line !== "");
  return Object.fromEntries(pairs.map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]));
}

describe("heroku env", (test) => {
  test("the token goes to the platform and nowhere else", () => {
    const variables = herokuVariables(ODD);
    for (const name of ["HEROKU_HOST", "HEROKU_PARTICLEBOARD_URL", "HEROKU_EXEC_URL", "HEROKU_LOGIN_HOST"])
      assert.is(variables.get(name), ODD.apiUrl, name);
    assert.is(variables.get("HEROKU_DATA_HOST"), "127.0.0.1:5001");
    assert.is(variables.get("NO_PROXY"), "example.com,127.0.0.1,localhost");
    assert.not.ok(herokuVariables({ ...ODD, app: undefined }).has("HEROKU_APP"));
  });

  for (const shell of ["sh", "fish"] as Shell[]) {
    const missing = spawnSync(shell, ["-c", "exit"]).status === 0 ? undefined : shell;
    test.needing(missing, `${shell} reads every value as it is, and forgets them again`, () => {
      const set = read(shell, formatExports(herokuVariables(ODD), shell));
      for (const [name, value] of herokuVariables(ODD)) assert.is(set[name], value, name);
      assert.is(set["HEROKU_HEADERS"], undefined);
      const unset = read(shell, formatExports(herokuVariables(ODD), shell) + formatUnsets(shell));
      assert.equal(
        Object.keys(unset).filter((name) => name.startsWith("HEROKU") || name === "DISABLE_TELEMETRY"),
        [],
      );
    });
  }
});
