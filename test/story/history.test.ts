/** Looking back over an app's releases as a person does: what changed, who set this, what was it then. */
import { join } from "node:path";
import * as assert from "uvu/assert";
import { deployFixture } from "../support/deploy.ts";
import { borrowPlatform, startPlatform } from "../support/platform.ts";
import { describe } from "../support/suite.ts";
import { ROOT, runTranscript } from "../support/transcript.ts";

describe("looking back", (test) => {
  const common = test.shared(startPlatform);

  test("releases:info, releases:diff, config:blame, config:history, config --release", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await deployFixture(platform, "foobaz");
    await runTranscript(join(ROOT, "test/transcripts/history.txt"), { cwd: clone, env: platform.env });
  });

  test("a patch takes the code of a release back", async (t) => {
    const platform = await borrowPlatform(t, common);
    const clone = await deployFixture(platform, "foobaz");
    const sh = (command: string) => platform.exec("sh", ["-ec", command], { cwd: clone });
    const first = await sh("git rev-parse HEAD^{tree}");
    await sh(
      "printf 'caf\\351\\n' > latin; git mv web.js w.js; printf '\\000\\377' > pic.bin; git add .; git commit -qm x",
    );
    const patch = await sh("git push -q production main; git heroku releases:diff -p | tee ../patch");
    assert.match(patch.stdout, "rename from web.js\nrename to w.js\n");
    // A binary file is named, not told, as `git diff` has it.
    assert.match(patch.stdout, "Binary files /dev/null and b/pic.bin differ\n");
    const same = await sh("git diff HEAD~1 HEAD > ../git; cmp ../patch ../git");
    assert.equal([same.status, same.stdout], [0, ""]);
    const back = await sh(
      "git rm -q pic.bin; git heroku releases:diff -p | git apply -R --index --exclude=pic.bin; git write-tree",
    );
    assert.is(back.stdout, first.stdout, back.stderr);
  });
});
