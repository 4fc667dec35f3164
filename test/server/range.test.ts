/** The Range header of the releases: paging that gives every one once. */
import * as assert from "uvu/assert";
import { createApp } from "../../src/platform/create-app.ts";
import { setConfig } from "../../src/platform/set-config.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { NED } from "../platform/lab.ts";
import { openApi, type ApiLab } from "./lab.ts";

const COUNT = 11;
const PATH = "/apps/foobaz/releases";

async function manyReleases(t: TestContext): Promise<ApiLab> {
  const lab = await openApi(t);
  const app = await createApp(lab.platform, "foobaz", NED);
  for (let n = 2; n <= COUNT; n += 1) await setConfig(lab.platform, app, { N: String(n) }, NED);
  return lab;
}

async function page(
  lab: ApiLab,
  range: string,
): Promise<{ status: number; versions: number[]; next: string | undefined }> {
  const answer = await lab.ask("GET", PATH, undefined, { range });
  const next = answer.headers["next-range"];
  assert.is(answer.status === 206, next !== undefined, "206 and Next-Range come together");
  return {
    status: answer.status,
    versions: answer.body.map(({ version }: { version: number }) => version),
    next: typeof next === "string" ? next : undefined,
  };
}

describe("range", (test) => {
  test("pages follow each other through all releases, in both orders, without a gap or a double", async (t) => {
    const lab = await manyReleases(t);
    const all = Array.from({ length: COUNT }, (_, index) => index + 1);
    for (const order of ["asc", "desc"]) {
      for (const max of [1, 2, 3, 4, COUNT - 1, COUNT, COUNT + 1]) {
        const seen: number[] = [];
        let range: string | undefined = `version ..; max=${String(max)}, order=${order}`;
        while (range !== undefined) {
          const { versions, next } = await page(lab, range);
          assert.ok(versions.length <= max && versions.length > 0);
          seen.push(...versions);
          range = next;
        }
        assert.equal(seen, order === "asc" ? all : all.toReversed(), `${order} by ${String(max)}`);
      }
    }
  });

  test("bounds at both ends hold over several pages", async (t) => {
    const lab = await manyReleases(t);
    const first = await page(lab, "version 3..8; max=4");
    assert.equal([first.versions, first.next], [[3, 4, 5, 6], "version 7..8; max=4, order=asc"]);
    assert.equal(await page(lab, first.next ?? ""), { status: 200, versions: [7, 8], next: undefined });
    const newest = await page(lab, "version 8..3; max=4, order=desc");
    assert.equal([newest.versions, newest.next], [[8, 7, 6, 5], "version 4..3; max=4, order=desc"]);
    assert.equal(await page(lab, newest.next ?? ""), { status: 200, versions: [4, 3], next: undefined });
    for (const empty of ["version 99..", "version 8..3", "version 3..8; order=desc", "version ..0"])
      assert.equal(await page(lab, empty), { status: 200, versions: [], next: undefined }, empty);
    assert.equal((await page(lab, "version 0..2")).versions, [1, 2]);
    assert.equal((await page(lab, "version ]3..5")).versions, [4, 5]);
    assert.equal((await page(lab, "version ]8..6; order=desc")).versions, [7, 6]);
    assert.equal((await page(lab, "version 99..; order=desc, max=2")).versions, [11, 10]);
    const answer = await lab.ask("GET", PATH, undefined, { range: "version x..; max=2" });
    assert.equal([answer.status, answer.body.id], [416, "requested_range_not_satisfiable"]);
  });
});
