/** Domains and pages of an app, as the router serves them. */
import { request } from "node:http";
import * as assert from "uvu/assert";
import { changeSettings } from "../../src/platform/change-settings.ts";
import { createApp } from "../../src/platform/create-app.ts";
import { addDomains, listDomains, removeDomain } from "../../src/platform/domains.ts";
import { setMaintenance } from "../../src/platform/set-maintenance.ts";
import { refuses } from "../support/assert.ts";
import { describe } from "../support/suite.ts";
import { deploy, inspect, type Lab, logText, NED, openLab } from "./lab.ts";

function visit(lab: Lab, host: string): Promise<{ status: number; body: string; type: string | undefined }> {
  return new Promise((resolve, reject) => {
    const options = { host: "127.0.0.1", port: lab.platform.router.port, agent: false, headers: { host } };
    request(options, (response) => {
      let body = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (body += chunk));
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, body, type: response.headers["content-type"] });
      });
    })
      .on("error", reject)
      .end();
  });
}

describe("domains", (test) => {
  test("an app answers under its names, from one daemon to the next, until they are removed", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    const added = await addDomains(lab.platform, app, ["WWW.example.com", "*.example.com", "bücher.example"], NED);
    const names = ["*.example.com", "www.example.com", "xn--bcher-kva.example"];
    assert.equal(
      added.map(({ name }) => name),
      names,
    );
    for (const host of ["www.example.com", "a.b.example.com", "xn--bcher-kva.example"])
      assert.match((await visit(lab, host)).body, "code=H81");
    assert.is((await visit(lab, "example.com")).status, 404);
    assert.match(await logText(app), "Add domain xn--bcher-kva.example by ned@foobazco.com");
    assert.is((await app.ledger.head())?.version, 1);
    await lab.close();
    const again = await openLab(t, { root: lab.home.root });
    const found = again.platform.app("foobaz");
    await found.started;
    assert.match((await visit(again, "www.example.com")).body, "code=H81");
    await removeDomain(again.platform, found, "www.EXAMPLE.com", NED);
    await removeDomain(again.platform, found, "*.example.com", NED);
    assert.is((await visit(again, "www.example.com")).status, 404);
    assert.equal(await listDomains(found), [{ name: "xn--bcher-kva.example", addedAt: added[2]?.addedAt ?? "" }]);
    await refuses("not_found", () => removeDomain(again.platform, found, "www.example.com", NED));
  });

  test("a name of another app or of the platform is refused, and the others with it", async (t) => {
    const lab = await openLab(t);
    const [one, two] = [await createApp(lab.platform, "one", NED), await createApp(lab.platform, "two", NED)];
    const asked = await Promise.allSettled(
      [one, two].map((app) => addDomains(lab.platform, app, ["a.example.com"], NED)),
    );
    assert.equal(asked.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
    const [owner, other] = asked[0]?.status === "fulfilled" ? [one, two] : [two, one];
    const error = await refuses("invalid_params", () =>
      addDomains(lab.platform, other, ["b.example.com", "a.example.com"], NED),
    );
    assert.match(error.message, `a domain of ${owner.name}`);
    assert.equal(await listDomains(other), []);
    for (const name of ["two.localhost", "*.localhost"])
      await refuses("invalid_params", () => addDomains(lab.platform, one, [name], NED));
    await addDomains(lab.platform, owner, ["a.example.com"], NED);
  });

  test("doctor tells of a name that two restored apps have", async (t) => {
    const lab = await openLab(t);
    for (const name of ["one", "two"]) {
      const app = await createApp(lab.platform, name, NED);
      const domains = { "a.example.com": "2026-11-23T08:35:19Z" };
      await app.ledger.changeState({ ...NED, message: "As restored" }, (files) => ({ ...files, domains }));
    }
    const line = (await inspect(lab)).find(({ name }) => name === "domains");
    assert.equal([line?.level, line?.message], ["warning", "a.example.com is a domain of one and two"]);
  });
});

describe("pages", (test) => {
  test("the app's own, from its code or in a frame; the platform's where there is none", async (t) => {
    const lab = await openLab(t);
    const app = await createApp(lab.platform, "foobaz", NED);
    await changeSettings(
      lab.platform,
      app,
      { "error-page": "public/500.html", "maintenance-page": "missing.html" },
      NED,
    );
    const code = { Procfile: "web: exec false\n", "public/500.html": "<h1>Oh dear</h1>\n" };
    await deploy(lab, app, code);
    await app.routings.drained();
    const crashed = await visit(lab, "foobaz.localhost");
    assert.equal(crashed, { status: 503, body: "<h1>Oh dear</h1>\n", type: "text/html; charset=utf-8" });
    await setMaintenance(lab.platform, app, true, NED);
    assert.match((await visit(lab, "foobaz.localhost")).body, "Offline for maintenance");
    const log = await logText(app);
    const complaint = "The setting maintenance-page=missing.html has no effect: the app has no such file";
    assert.is(log.split(complaint).length, 2, "told once");
    await changeSettings(lab.platform, app, { "maintenance-page": "https://example.com/sorry.html?a=1&b=2" }, NED);
    const page = await visit(lab, "foobaz.localhost");
    assert.match(page.body, '<iframe src="https://example.com/sorry.html?a=1&amp;b=2"></iframe>');
    assert.is(page.status, 503);
  });
});
