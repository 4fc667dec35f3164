/** Permissions, and the people of an app as its state has them. */
import * as assert from "uvu/assert";
import {
  changeCollaborator,
  changeOwner,
  COLLABORATORS_MAX,
  isAllowed,
  notAllowed,
  parseEmail,
  parsePermissions,
  permissionsOf,
  PERMISSIONS,
  readAccess,
  type Collaborator,
  type Permission,
} from "../../src/core/access.ts";
import type { Json } from "../../src/core/json.ts";
import { describe } from "../support/suite.ts";

const NED = "ned@foobazco.com";

function kate(permissions: readonly Permission[]): Collaborator {
  return { email: "kate@foobazco.com", permissions, by: NED, at: "2026-11-25T22:00:00Z" };
}

function accessWith(permissions: readonly Permission[]): ReturnType<typeof readAccess> {
  return readAccess(changeCollaborator(undefined, "kate@foobazco.com", kate(permissions)), NED);
}

describe("access", (test) => {
  test("view comes with every permission, manage brings all of them, and nothing is the owner's but the owner", () => {
    for (const [given, may] of [
      [["view"], ["view"]],
      [
        ["view", "deploy"],
        ["view", "deploy"],
      ],
      [
        ["view", "operate"],
        ["view", "operate"],
      ],
      [["view", "manage"], PERMISSIONS],
    ] as const) {
      const access = accessWith(given);
      for (const permission of PERMISSIONS) {
        const isGiven = may.some((one) => one === permission);
        assert.is(isAllowed(access, "Kate@FooBazCo.com", [permission]), isGiven, `${given.join()} ${permission}`);
        assert.is(isAllowed(access, "Ned@foobazco.com", [permission]), true);
        assert.is(isAllowed(access, "eve@foobazco.com", [permission]), false);
      }
      assert.is(isAllowed(access, "kate@foobazco.com", "owner"), false);
      assert.is(isAllowed(access, NED, "owner"), true);
      assert.is(permissionsOf(access, "eve@foobazco.com"), undefined);
    }
    assert.ok(isAllowed(accessWith(["view", "operate"]), "kate@foobazco.com", ["deploy", "operate"]));
    assert.equal(parsePermissions(["operate"]), ["view", "operate"]);
    assert.equal(parsePermissions([]), ["view"]);
    assert.throws(() => parsePermissions(["admin"]), /no permission "admin"/);
    assert.match(notAllowed("foobaz", ["deploy", "operate"]).message, "need to have the deploy or operate permission");
  });

  test("an app that changes hands keeps who had it before", () => {
    const stored = changeCollaborator({ note: "kept" }, "kate@foobazco.com", kate(["view"]));
    const given = changeOwner(stored, "kate@foobazco.com", { ...kate(PERMISSIONS), email: NED });
    const access = readAccess(given, NED);
    assert.is(access.owner, "kate@foobazco.com");
    assert.equal([...access.collaborators.keys()], [NED]);
    assert.is((given as Record<string, Json>)["note"], "kept");
  });

  test("what is damaged lets nobody in", () => {
    const whole = { permissions: ["view"], by: NED, at: "2026-11-25T22:00:00Z" };
    for (const value of [
      null,
      {},
      { ...whole, permissions: "view" },
      { ...whole, permissions: ["all"] },
      { ...whole, by: 1 },
    ]) {
      const access = readAccess({ collaborators: { "kate@foobazco.com": value as Json } }, NED);
      assert.is(permissionsOf(access, "kate@foobazco.com"), undefined, JSON.stringify(value));
    }
    for (const stored of [undefined, null, [], "x", { owner: 1 }, { collaborators: [] }]) {
      assert.is(readAccess(stored, NED).owner, NED);
    }
  });

  test("addresses are stored in one form, and nothing else is one", () => {
    assert.is(parseEmail(" Kate@FooBazCo.com "), "kate@foobazco.com");
    for (const text of [
      "",
      "kate",
      "@",
      "a@",
      "a b@c",
      "a@b@c",
      "a@b,c@d",
      "<a@b>",
      "a\n@b",
      "a\u202eb@c",
      `${"a".repeat(200)}@b`,
    ]) {
      assert.throws(() => parseEmail(text), /is no e-mail address/, JSON.stringify(text));
    }
  });

  test("there is an end to how many may be let in", () => {
    let stored: Json = {};
    for (let index = 0; index < COLLABORATORS_MAX; index += 1) {
      stored = changeCollaborator(stored, `p${String(index)}@foobazco.com`, kate(["view"]));
    }
    assert.throws(() => changeCollaborator(stored, "one@more", kate(["view"])), /may have 500 collaborators/);
    assert.ok(changeCollaborator(stored, "p7@foobazco.com", kate(["view"])));
  });
});
