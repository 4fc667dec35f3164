/** app.json: what is read, what is left out and said, what is refused and where. */
import * as assert from "uvu/assert";
import { parseAppJson, type AppJson } from "../../src/core/app-json.ts";
import { describeSetup, makeSetup } from "../../src/core/app-setup.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";

const WHOLE = {
  name: "Small Sharp Tool",
  description: "Does one little thing.",
  keywords: ["productivity"],
  website: "https://small-sharp-tool.example/",
  repository: "https://github.com/jane-doe/small-sharp-tool",
  logo: "https://small-sharp-tool.example/logo.svg",
  success_url: "/welcome",
  scripts: { postdeploy: "bundle exec rake bootstrap", "pr-predestroy": "rake clean" },
  env: {
    SECRET_TOKEN: { description: "For signed cookies.", generator: "secret" },
    WEB_CONCURRENCY: { description: "Processes.", value: "5" },
    API_KEY: { description: "Of the mailer" },
    OPTIONAL: { required: false },
    PLAIN: "text",
    PORT: "80",
  },
  formation: { web: { quantity: 2, size: "Performance-M" }, worker: {} },
  image: "heroku/ruby",
  addons: ["openredis", { plan: "mongolab:shared-single-small", as: "MONGO" }],
  buildpacks: [{ url: "heroku/nodejs" }, { url: "https://github.com/stomita/heroku-buildpack-phantomjs" }],
  stack: "heroku-24",
  environments: { test: { scripts: { test: "npm test" } } },
  healthcheck: { path: "/up" },
  enviroment: {},
};

function parse(value: unknown): AppJson {
  return parseAppJson(typeof value === "string" ? value : JSON.stringify(value));
}

describe("app.json", (test) => {
  test("the whole schema", () => {
    const { notices, env, ...rest } = parse(WHOLE);
    assert.equal(rest, {
      name: "Small Sharp Tool",
      description: "Does one little thing.",
      formation: { web: 2, worker: 1 },
      buildpacks: ["heroku/nodejs", "https://github.com/stomita/heroku-buildpack-phantomjs"],
      postdeploy: "bundle exec rake bootstrap",
      healthPath: "/up",
    });
    assert.equal(
      env.map(({ name, source }) => [name, source.kind]),
      [
        ["SECRET_TOKEN", "secret"],
        ["WEB_CONCURRENCY", "value"],
        ["API_KEY", "missing"],
        ["OPTIONAL", "none"],
        ["PLAIN", "value"],
      ],
    );
    assert.equal(notices, [
      "env.PORT is left out: the platform sets it itself.",
      "The sizes in formation are left out: set limits with git heroku ps:limits.",
      "scripts.pr-predestroy is left out: only postdeploy is run.",
      "Add-ons are not available yet. Provide these yourself and set their config vars: openredis, mongolab:shared-single-small.",
      "image is left out: this platform builds code and runs no images.",
      "stack is left out: apps run on the platform's machine as it is.",
      "environments is left out: it is for test and review apps.",
      '"enviroment" is left out: it is not known.',
    ]);
  });

  test("nothing of it is needed", () => {
    const { notices, env, formation } = parse({});
    assert.equal([notices, env, formation], [[], [], {}]);
    assert.equal(describeSetup(parse({}), {}), []);
  });

  const paths = [
    [{ healthcheck: "/up" }, "/up"],
    [{ healthchecks: { web: [{ type: "startup", uptime: 1 }, { path: "/ready" }] } }, "/ready"],
    [{ healthchecks: { worker: [{ path: "/no" }] } }, undefined],
  ] as const;
  for (const [keys, path] of paths) {
    test(`the health path of ${JSON.stringify(keys)}`, () => assert.is(parse(keys).healthPath, path));
  }

  const broken = [
    ["", "app.json is not JSON: it is empty."],
    ['{"env": {', "app.json is not JSON: it ends too early, in line 1, column 10."],
    ['{\n  "env": {\n    "A": "1",\n  }\n}\n', "app.json is not JSON: there is a mistake in line 4, column 3."],
    ["{\n  // no\n}", "app.json is not JSON: there is a mistake in line 2, column 3."],
    ["[]", "It must be an object, { … }."],
    [{ env: [] }, "env must be an object."],
    [{ env: { "A-B": "1" } }, "env.A-B is no name of a config var: letters, digits and underscores."],
    [{ env: { A: 1 } }, "env.A must be a text or an object."],
    [{ env: { A: { value: 1 } } }, "env.A.value must be a text."],
    [{ env: { A: { required: "yes" } } }, "env.A.required must be true or false."],
    [{ env: { A: { generator: "uuid" } } }, 'env.A.generator must be "secret".'],
    [{ env: { A: "x\0" } }, "The value of env.A contains a NUL character."],
    [{ formation: { web: 2 } }, "formation.web must be an object."],
    [{ formation: { web: { quantity: "2" } } }, "formation.web.quantity must be a whole number from 0 to 100."],
    [{ formation: { release: {} } }, "formation.release is no process type that can be scaled."],
    [{ buildpacks: { url: "x" } }, "buildpacks must be a list."],
    [{ buildpacks: [{}] }, "buildpacks[0].url must be a text."],
    [{ buildpacks: ["nonsense"] }, 'buildpacks[0].url cannot be used: "nonsense" is not a buildpack.'],
    [{ scripts: { postdeploy: ["a"] } }, "scripts.postdeploy must be a text."],
    [{ scripts: { postdeploy: " " } }, "scripts.postdeploy must be a command."],
    [{ addons: [7] }, "addons[0] must be a text or have a plan."],
    [{ healthcheck: "up" }, "healthcheck must be a path such as /healthz."],
    [{ name: 1, description: 2 }, "name must be a text.\ndescription must be a text."],
  ] as const;
  for (const [value, message] of broken) {
    test(`refused: ${JSON.stringify(value)}`, async () => {
      const error = await refuses("invalid_params", () => parse(value));
      assert.match(error.message, message);
    });
  }

  test("a hundred mistakes are not all shown", async () => {
    const env = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`A${String(index)}`, 1]));
    const error = await refuses("invalid_params", () => parse({ env }));
    assert.is(error.message.split("\n").length, 12);
    assert.match(error.message, "and 90 more");
  });

  test("what is given goes before what it says; a secret is made up; what is missing is named", async () => {
    const app = parse(WHOLE);
    const setup = makeSetup(app, { API_KEY: "abc", PLAIN: "other" }, () => "made-up");
    assert.equal(setup, {
      config_vars: { SECRET_TOKEN: "made-up", WEB_CONCURRENCY: "5", API_KEY: "abc", PLAIN: "other" },
      formation: { web: 2, worker: 1 },
      buildpacks: ["heroku/nodejs", "https://github.com/stomita/heroku-buildpack-phantomjs"],
      settings: { "health-path": "/up" },
      postdeploy: "bundle exec rake bootstrap",
    });
    assert.match(
      (await refuses("invalid_params", () => makeSetup(app, {}, () => ""))).message,
      "app.json wants a value for API_KEY (Of the mailer).",
    );
    assert.match(
      (await refuses("invalid_params", () => makeSetup(app, { API_KEY: "", NO: "1" }, () => ""))).message,
      "app.json has no env NO.",
    );
  });
});
