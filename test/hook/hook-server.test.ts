import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { cp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { AppError } from "../../src/core/error.ts";
import type { HookClient } from "../../src/hook/hook-client.ts";
import type { ReceivedPush, StoredPush } from "../../src/hook/hook-server.ts";
import { describe, type TestContext } from "../support/suite.ts";
import { accept, CLIENTS, CLOCK, DAEMON, gone, HOOKS, PushLab } from "./push-lab.ts";

const ZEROS = "0".repeat(40);

function missing(client: HookClient): string | undefined {
  if (client === "node") return undefined;
  const usage = spawnSync(client, [client === "nc" ? "-h" : "--version"], { encoding: "utf8" });
  if (client === "nc") return /^\s*-U\b/m.test(usage.stderr ?? "") ? undefined : "nc with -U";
  return usage.status === 0 ? undefined : client;
}

const CLIENT: HookClient = CLIENTS.find((client) => missing(client) === undefined) ?? "node";

/** A promise and its key. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}

function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

async function daemonProcess(t: TestContext, home: string): Promise<ReturnType<typeof spawn>> {
  const child = spawn(process.execPath, [DAEMON], {
    env: { GIT_HEROKU_HOME: home },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  t.after(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  await once(child.stdout, "data");
  return child;
}

describe("hook server", (test) => {
  for (const client of CLIENTS) {
    test.needing(missing(client), `carries a push through ${client}`, async (t) => {
      const lab = await PushLab.make(t);
      const seen: { received?: ReceivedPush; stored?: StoredPush } = {};
      await lab.listen({
        tcp: client === "bash",
        onReceive: async (push) => {
          seen.received = push;
          push.output("-----> Building\n       half a line");
          push.output(", and its end\n");
          return accept(push.commands);
        },
        onPost: async (push) => {
          seen.stored = push;
          push.output("-----> Launching...\r-----> Launching... done, v2\n");
        },
      });
      const clone = await lab.app("foobaz", client);
      const head = await lab.commit(clone, "second");
      const { code, text } = await lab.push(clone, "main", "-o", "fast=yes", "-o", "a b").ended;
      assert.is(code, 0, text);
      assert.match(text, /remote: -----> Building/);
      assert.match(text, /remote: {8}half a line, and its end/);
      assert.match(text, /remote: -----> Launching\.\.\. done, v2/);
      assert.match(text, /\* \[new branch\] +main -> main/);
      const update = { old: ZEROS, new: head, ref: "refs/heads/main" };
      assert.equal(seen.received?.commands, [update]);
      assert.equal(seen.received?.pushOptions, ["fast=yes", "a b"]);
      assert.equal(seen.stored?.updates, [update]);
      assert.is(seen.received?.repo, "foobaz.git");
      assert.is(seen.received?.user, "Ned <ned@foobazco.com>");
      assert.is(seen.stored?.user, "Ned <ned@foobazco.com>");
      assert.is(seen.received?.pid, seen.stored?.pid);
      assert.equal(await readdir(join(lab.sockets, "p")), []);
      assert.equal(lab.bugs, []);
    });

    test.needing(missing(client), `a refusal reaches git through ${client}, with its reason`, async (t) => {
      const lab = await PushLab.make(t);
      let posts = 0;
      await lab.listen({
        tcp: client === "bash",
        onReceive: async ({ commands, output }) => {
          output(" !     Push rejected, failed to compile Node.js app.\n");
          return commands.map(({ ref }) => ({ ref, ok: false, reason: "build failed\nv2 not released" }));
        },
        onPost: async () => void (posts += 1),
      });
      const clone = await lab.app("foobaz", client);
      const { code, text } = await lab.push(clone, "main").ended;
      assert.is(code, 1);
      assert.match(text, "remote:  !     Push rejected");
      assert.match(text, /! \[remote rejected\] main -> main \(build failed v2 not released\)/);
      assert.is(posts, 0);
      assert.not.match(await lab.git(clone, "ls-remote", "production"), "refs/heads/main");
    });

    test.needing(missing(client), `killed in the middle, the daemon fails the push of ${client}`, async (t) => {
      const lab = await PushLab.make(t);
      const clone = await lab.app("foobaz", client);
      const daemon = await daemonProcess(t, lab.home);
      const push = lab.push(clone, "-o", "hang", "main");
      await push.shows("Built by another process");
      daemon.kill("SIGKILL");
      const { code, text } = await push.ended;
      assert.is(code, 1, text);
      assert.match(text, "fail to run proc-receive hook");
      assert.not.match(await lab.git(clone, "ls-remote", "production"), "refs/heads/main");
    });
  }

  test("output is live: it is shown while the push still runs", async (t) => {
    const lab = await PushLab.make(t);
    const { opened, open } = gate();
    await lab.listen({
      onReceive: async ({ commands, output }) => {
        output("-----> Step one\n");
        await opened;
        return accept(commands);
      },
    });
    const push = lab.push(await lab.app("foobaz", CLIENT), "main");
    await push.shows("Step one");
    assert.is(push.child.exitCode, null);
    open();
    assert.is((await push.ended).code, 0);
  });

  test("other branches and tags are stored and told, never received", async (t) => {
    const lab = await PushLab.make(t);
    let received = 0;
    await lab.listen({
      onReceive: async ({ commands }) => ((received += 1), accept(commands)),
      onPost: async ({ updates, output }) => output(`stored ${updates.map(({ ref }) => ref).join(" ")}\n`),
    });
    const clone = await lab.app("foobaz", CLIENT);
    await lab.git(clone, "tag", "one");
    const { code, text } = await lab.push(clone, "main:topic", "one").ended;
    assert.is(code, 0, text);
    assert.match(text, "remote: stored refs/heads/topic refs/tags/one");
    assert.is(received, 0);
  });

  test("hundreds of refs are told in one go", async (t) => {
    const lab = await PushLab.make(t);
    let updates = 0;
    await lab.listen({ onPost: async (push) => void (updates = push.updates.length) });
    const clone = await lab.app("foobaz", CLIENT);
    const tags = Array.from({ length: 300 }, (_, index) => `refs/tags/a-tag-with-a-rather-long-name-${String(index)}`);
    const commit = await lab.commit(clone, "tagged");
    const packed = tags.map((tag) => `${commit} ${tag}\n`).sort((a, b) => (a < b ? -1 : 1));
    await writeFile(join(clone, ".git/packed-refs"), `# pack-refs with: sorted \n${packed.join("")}`);
    const { code, text } = await lab.push(clone, "--tags").ended;
    assert.is(code, 0, text);
    assert.is(updates, 300);
  });

  test("the hooks work as copies in the repository, under a path with spaces, for a user with odd names", async (t) => {
    const lab = await PushLab.make(t, { under: 'it\'s a "home" `x` $HOME' });
    let user = "";
    await lab.listen({ onReceive: async (push) => ((user = push.user), accept(push.commands)) });
    const clone = await lab.app("foobaz", CLIENT);
    const repo = join(lab.home, "repos/foobaz.git");
    await lab.git(repo, "config", "--unset", "core.hooksPath");
    await cp(HOOKS, join(repo, "hooks"), { recursive: true });
    const odd = `O'Neill \\n $(id) "x" <o@example.com>`;
    const { code, text } = await lab.push(
      clone,
      "main",
      `--receive-pack=GIT_HEROKU_USER=${quote(odd)} git-receive-pack`,
    ).ended;
    assert.is(code, 0, text);
    assert.is(user, odd);
    const forged = quote("x <x@example.com>\nrefs");
    await lab.push(clone, "-f", "main", `--receive-pack=GIT_HEROKU_USER=${forged} git-receive-pack`).ended;
    assert.is(user, "");
  });

  test("a deletion and a forced push are the caller's to judge", async (t) => {
    const lab = await PushLab.make(t);
    const seen: ReceivedPush[] = [];
    await lab.listen({
      onReceive: async (push) => {
        seen.push(push);
        return push.commands.map(({ ref, new: next }) =>
          next === ZEROS ? { ref, ok: false, reason: "the deploy branch stays" } : { ref, ok: true },
        );
      },
    });
    const clone = await lab.app("foobaz", CLIENT);
    const first = await lab.commit(clone, "to be amended");
    assert.is((await lab.push(clone, "main").ended).code, 0);
    // Here receive-pack leaves the update to the caller, as the product does; so the test moves the branch itself.
    await lab.git(join(lab.home, "repos/foobaz.git"), "update-ref", "refs/heads/main", first);
    await lab.git(clone, "commit", "--quiet", "--amend", "--allow-empty", "-m", "amended");
    const forced = await lab.push(clone, "-f", "main").ended;
    assert.match(forced.text, "(forced update)");
    assert.is(seen[1]?.commands[0]?.old, first);
    const deleted = await lab.push(clone, "--delete", "main").ended;
    assert.match(deleted.text, "[remote rejected] main (the deploy branch stays)");
    assert.is(deleted.code, 1);
  });

  test("a developer who leaves detaches: the work is told and completes", async (t) => {
    const lab = await PushLab.make(t);
    const left = gate();
    const done = gate();
    await lab.listen({
      onReceive: async ({ commands, output, signal }) => {
        signal.addEventListener("abort", left.open);
        output("-----> Working\n");
        await left.opened;
        for (let line = 0; line < 1_000; line += 1) output("still talking to nobody\n");
        done.open();
        return accept(commands);
      },
    });
    const push = lab.push(await lab.app("foobaz", CLIENT), "main");
    await push.shows("Working");
    process.kill(-(push.child.pid ?? 0), "SIGINT");
    await push.ended;
    await done.opened;
    assert.equal(lab.bugs, []);
  });

  test("two pushes are received at the same time", async (t) => {
    const lab = await PushLab.make(t);
    const both = gate();
    let arrived = 0;
    await lab.listen({
      onReceive: async ({ commands, repo, output }) => {
        if ((arrived += 1) === 2) both.open();
        await both.opened;
        output(`this is ${repo}\n`);
        return accept(commands);
      },
    });
    const clones = [await lab.app("one", CLIENT), await lab.app("two", CLIENT)];
    const ended = await Promise.all(clones.map((clone) => lab.push(clone, "main").ended));
    assert.match(ended[0]?.text ?? "", "this is one.git");
    assert.match(ended[1]?.text ?? "", "this is two.git");
  });

  test("an AppError refuses in its own words; anything else is reported as a bug and hidden", async (t) => {
    const lab = await PushLab.make(t);
    const errors = [
      new AppError("invalid_params", "No Procfile.", { hint: "Add one." }),
      new Error("secret detail"),
      undefined,
    ];
    await lab.listen({
      onReceive: async () => {
        const error = errors.shift();
        if (error !== undefined) throw error;
        return [];
      },
    });
    const clone = await lab.app("foobaz", CLIENT);
    const refused = await lab.push(clone, "main").ended;
    assert.match(refused.text, "remote:  !     No Procfile.");
    assert.match(refused.text, "remote:  !     Add one.");
    assert.match(refused.text, "(No Procfile.)");
    const broken = await lab.push(clone, "main").ended;
    assert.match(broken.text, "(internal error)");
    assert.not.match(broken.text, "secret detail");
    assert.is(lab.bugs.length, 1);
    assert.match((await lab.push(clone, "main").ended).text, "(the platform gave no answer)");
  });

  test("works under a path longer than a socket's name may be", async (t) => {
    const lab = await PushLab.make(t, { under: join("a".repeat(90), "b".repeat(90)) });
    await lab.listen({ onPost: async ({ output }) => output("launched\n") });
    const { code, text } = await lab.push(await lab.app("foobaz", CLIENT), "main").ended;
    assert.is(code, 0, text);
    assert.match(text, "remote: launched");
  });

  test("a hook starts the daemon when the socket is stale, and the daemon outlives the push", async (t) => {
    const lab = await PushLab.make(t);
    const first = await daemonProcess(t, lab.home);
    first.kill("SIGKILL");
    await once(first, "exit");
    assert.ok((await stat(join(lab.sockets, "reg.sock"))).isSocket());
    const clone = await lab.app("foobaz", CLIENT, { daemon: DAEMON });
    t.after(async () => {
      const { pid } = JSON.parse(await readFile(join(lab.home, "daemon.json"), "utf8")) as { pid: number };
      const died = gone(join(lab.sockets, "reg.sock"));
      process.kill(pid, "SIGKILL");
      await died;
    });
    const { code, text } = await lab.push(clone, "main").ended;
    assert.is(code, 0, text);
    assert.match(text, "remote: -----> Built by another process");
    assert.match(text, "remote: -----> Launching 1... done");
    const about = JSON.parse(await readFile(join(lab.home, "daemon.json"), "utf8")) as { pid: number; env: string[] };
    assert.is.not(about.pid, first.pid);
    const surprising = about.env.filter((name) => /^GIT_(?!HEROKU_HOME$)|SECRET/.test(name));
    assert.equal(surprising, []);
    assert.is((await lab.push(clone, "main:topic").ended).code, 0);
  });

  test("a daemon that cannot start fails the push with a sentence", async (t) => {
    const lab = await PushLab.make(t);
    const clone = await lab.app("foobaz", CLIENT);
    const { code, text } = await lab.push(clone, "main").ended;
    assert.is(code, 1);
    assert.match(text, "remote:  !     The platform did not start within 1 s; nothing was released.");
    assert.match(await readFile(join(lab.home, "daemon.log"), "utf8"), "/nowhere/daemon.js");
  });

  test("a repository without hook-env refuses with a sentence", async (t) => {
    const lab = await PushLab.make(t);
    await lab.listen({});
    const clone = await lab.app("foobaz", CLIENT);
    await rm(join(lab.home, "repos/foobaz.git/hook-env"));
    const { code, text } = await lab.push(clone, "main").ended;
    assert.is(code, 1);
    assert.match(text, "This repository is not set up for deploys");
  });

  test("a hook that registers and stays away is forgotten", async (t) => {
    const lab = await PushLab.make(t);
    const late = gate();
    const asked: number[] = [];
    const clock = {
      ...CLOCK,
      sleep: async (ms: number) => {
        asked.push(ms);
        await late.opened;
      },
    };
    await lab.listen({ clock });
    const socket = connect(join(lab.sockets, "reg.sock")).setEncoding("utf8");
    socket.write("1\tproc-receive\t42\t\tfoobaz.git\n\n");
    const [id] = (await once(socket, "data")) as [string];
    assert.match(id, /^[0-9a-f]{24}\n$/);
    assert.is((await readdir(join(lab.sockets, "p"))).length, 2);
    late.open();
    await late.opened;
    await new Promise(setImmediate);
    assert.equal(await readdir(join(lab.sockets, "p")), []);
    assert.equal(asked, [10_000, 10_000]);
    socket.destroy();
  });

  test("nonsense at the registration socket is answered, not obeyed", async (t) => {
    const lab = await PushLab.make(t);
    await lab.listen({});
    for (const said of [
      "GET / HTTP/1.1\r\n\n\n",
      "9\tproc-receive\t1\t\ta.git\n\n",
      "1\tproc-receive\t1\t\t../a\n\n",
    ]) {
      const socket = connect(join(lab.sockets, "reg.sock")).setEncoding("utf8");
      socket.write(said);
      assert.match(((await once(socket, "data")) as [string])[0], /^!The hooks and the running platform/);
      socket.destroy();
    }
  });

  test("the loopback port opens nothing without the token", async (t) => {
    const lab = await PushLab.make(t);
    await lab.listen({ tcp: true });
    const file = join(lab.sockets, "tcp");
    assert.is((await stat(file)).mode & 0o777, 0o600);
    const [port, token = ""] = (await readFile(file, "utf8")).trim().split(" ");
    for (const said of [`${"0".repeat(token.length)} reg.sock\n`, `${token} ../reg.sock\n`, "x".repeat(500)]) {
      const socket = connect(Number(port), "127.0.0.1");
      socket.on("error", () => undefined).resume();
      socket.write(said);
      await once(socket, "close");
    }
  });

  test("closing waits for the push that is being received", async (t) => {
    const lab = await PushLab.make(t);
    const { opened, open } = gate();
    const server = await lab.listen({
      onReceive: async ({ commands, output }) => {
        output("-----> Busy\n");
        await opened;
        return accept(commands);
      },
    });
    const clone = await lab.app("foobaz", CLIENT);
    const push = lab.push(clone, "main");
    await push.shows("Busy");
    let closed = false;
    const closing = server.close().then(() => (closed = true));
    await new Promise(setImmediate);
    assert.is(closed, false);
    // A listener of the next daemon takes the post-receive, so that this test starts no process.
    await lab.listen({});
    open();
    await closing;
    await push.ended;
  });
});
