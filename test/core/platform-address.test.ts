/** Which platform and app a remote's URL means. */
import * as assert from "uvu/assert";
import { displayPlatform, parseAppUrl, parseServer, remoteUrl, sshPlace } from "../../src/core/platform-address.ts";
import { describe } from "../support/suite.ts";

const LOCAL = "/home/ned/.git-heroku/repos/foobaz.git";

describe("platform address", (test) => {
  test("the app and the platform of a remote", () => {
    const known: [url: string, home: string][] = [
      [LOCAL, "/home/ned/.git-heroku"],
      [`file://${LOCAL}`, "/home/ned/.git-heroku"],
      ["git@example.com:foobaz.git", "ssh://git@example.com"],
      ["git@example.com:/foobaz", "ssh://git@example.com"],
      ["server:foobaz.git", "ssh://server"],
      ["ssh://git@example.com/foobaz.git", "ssh://git@example.com"],
      ["ssh://git@example.com:2222/foobaz.git", "ssh://git@example.com:2222"],
      ["ssh://git@[::1]:2222/foobaz.git", "ssh://git@[::1]:2222"],
    ];
    for (const [url, home] of known) assert.equal(parseAppUrl(url), { app: "foobaz", home }, url);
  });

  test("other addresses, and those that ssh would take for options, are no platform's", () => {
    const others = [
      "git@github.com:ned/foobaz.git",
      "https://github.com/ned/foobaz.git",
      "../foobaz.git",
      "-oProxyCommand=id:foobaz.git",
      "ssh://-oProxyCommand=id/foobaz.git",
      "git@-host:foobaz.git",
      "ssh://git@host:99999999/foobaz.git",
      "git@host:../foobaz.git",
      "git@host:foo;id.git",
      "git@host:foobaz.git\nx",
      "ext::sh -c id",
    ];
    for (const url of others) assert.is(parseAppUrl(url), undefined, url);
    for (const text of ["", "-oProxyCommand=id", "git@host;id", "git@host/path", "a b", "git@-h"])
      assert.throws(() => parseServer(text), /no address of a platform/, text);
  });

  test("what leads to a platform leads back to it", () => {
    for (const text of ["git@example.com", "example.com:2222", "ssh://git@[::1]:22", "git@[::1]"]) {
      const home = parseServer(text);
      assert.equal(parseAppUrl(remoteUrl(home, "foobaz", LOCAL)), { app: "foobaz", home }, text);
    }
    assert.is(remoteUrl("/home/ned/.git-heroku", "foobaz", LOCAL), LOCAL);
    assert.equal(sshPlace("ssh://git@[::1]:22"), { destination: "git@::1", port: "22" });
    assert.is(displayPlatform(parseServer("ssh://git@host")), "git@host");
  });
});
