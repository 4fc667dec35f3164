/** /oauth and /account: tokens as Heroku's client handles them, over TCP and on the socket. */
import * as assert from "uvu/assert";
import { describe } from "../support/suite.ts";
import { openDoor } from "./door-lab.ts";

describe("api tokens", (test) => {
  const common = test.shared(openDoor);

  test("made, listed, used and revoked; seen by its owner, and once", async () => {
    const { tcp, ask, token } = await common();
    const made = await tcp("POST", "/oauth/authorizations", {
      body: { description: "Heroku CLI login from laptop", expires_in: 2_592_000, scope: ["global"] },
    });
    assert.is(made.status, 201);
    const { id, user, scope, access_token: access, description } = made.body;
    assert.equal(
      [user.email, user.full_name, scope, description],
      ["kate@foobazco.com", "Kate Bush", ["global"], "Heroku CLI login from laptop"],
    );
    assert.ok(access.expires_in > 2_591_000 && access.expires_in <= 2_592_000);
    const authorization = `Bearer ${access.token}`;
    const { body: list } = await tcp("GET", "/oauth/authorizations", { authorization });
    assert.equal(
      list.map((item: { access_token: { token: string } | null }) => item.access_token?.token ?? null),
      [null, access.token],
    );
    assert.is(
      (await tcp("GET", `/oauth/authorizations/${id}`, { authorization })).body.access_token.token,
      access.token,
    );
    const other = await ask("POST", "/oauth/authorizations", undefined, {
      "git-heroku-user": "Ned <ned@foobazco.com>",
    });
    assert.is(other.body.user.email, "ned@foobazco.com");
    assert.is((await tcp("DELETE", `/oauth/authorizations/${other.body.id}`)).status, 404);
    assert.is((await ask("GET", "/oauth/authorizations")).body.length, 3);
    assert.is((await ask("DELETE", `/oauth/authorizations/${other.body.id.slice(0, 8)}`)).status, 200);
    const gone = await tcp("DELETE", `/oauth/authorizations/${id}`, { authorization });
    assert.equal([gone.status, gone.body.access_token], [200, null]);
    assert.is((await tcp("GET", "/account", { authorization })).status, 401);
    assert.is((await tcp("GET", "/oauth/authorizations")).body[0].access_token.token, token);
  });

  test("logging out: no session, and the token revoked with its own last request", async () => {
    const { tcp } = await common();
    const { body } = await tcp("POST", "/oauth/authorizations");
    assert.is(body.expires_at, null);
    const authorization = `Basic ${Buffer.from(`heroku:${body.access_token.token}`).toString("base64")}`;
    const session = await tcp("DELETE", "/oauth/sessions/~", { authorization });
    assert.equal([session.status, session.body.id, session.body.resource], [404, "not_found", "session"]);
    const none = await tcp("GET", "/oauth/authorizations/~", { authorization });
    assert.equal([none.status, none.body.resource], [404, "authorization"]);
    assert.is((await tcp("DELETE", `/oauth/authorizations/${body.id}`, { authorization })).status, 200);
    assert.is((await tcp("GET", "/account", { authorization })).status, 401);
  });

  test("what is no lifetime, description or scope is refused", async () => {
    const { tcp, ask } = await common();
    for (const body of [
      { expires_in: 0 },
      { expires_in: -5 },
      { expires_in: 1e15 },
      { expires_in: "30d" },
      { description: 5 },
      { scope: ["read"] },
      { scope: "global" },
    ]) {
      const answer = await tcp("POST", "/oauth/authorizations", { body });
      assert.equal([answer.status, answer.body.id], [422, "invalid_params"], JSON.stringify(body));
    }
    assert.is((await ask("GET", "/oauth/authorizations")).body.length, 1);
  });
});
