/** Where everything lives: the layout of a platform home (docs/formats.md, "Home"). Several homes can run side by
 *  side; nothing is kept outside of one. */
import { access, chmod, mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { AppName } from "../core/app-name.ts";
import { AppError } from "../core/error.ts";
import { createDurably, readIfThere } from "../ledger/durable-file.ts";

/** Raised when an older program could no longer understand what a newer one wrote. */
const HOME_FORMAT = 1;

export class Home {
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** Makes the directories that are missing, private to this user.
   *  @throws AppError conflict when a newer version wrote this home. */
  static async open(root: string): Promise<Home> {
    const home = new Home(root);
    await mkdir(root, { recursive: true, mode: 0o700 });
    await home.checkFormat();
    for (const dir of ["repos", "apps", "keys", "access", "trash", "git", "router"]) {
      await mkdir(join(root, dir), { recursive: true, mode: 0o700 });
    }
    await chmod(root, 0o700);
    return home;
  }

  private async checkFormat(): Promise<void> {
    const file = join(this.root, "format");
    const text = await readIfThere(file);
    if (text === undefined) await createDurably(file, `${String(HOME_FORMAT)}\n`, 0o600);
    if (text === undefined || Number(text) === HOME_FORMAT) return;
    throw new AppError(
      "conflict",
      `${this.root} was written by a newer version of git-heroku (format ${text.trim()}).`,
      {
        hint: "Upgrade git-heroku, or choose another home with GIT_HEROKU_HOME.",
      },
    );
  }

  /** Milliseconds since the epoch. */
  async madeAt(): Promise<number> {
    return (await stat(join(this.root, "format"))).mtimeMs;
  }

  get repos(): string {
    return join(this.root, "repos");
  }
  get apps(): string {
    return join(this.root, "apps");
  }
  get trash(): string {
    return join(this.root, "trash");
  }
  /** Code that was uploaded to be built. */
  get uploads(): string {
    return join(this.root, "uploads");
  }
  /** Sockets of the git hooks. */
  get git(): string {
    return join(this.root, "git");
  }
  /** Sockets of the router processes. */
  get router(): string {
    return join(this.root, "router");
  }
  get socket(): string {
    return join(this.root, "server.sock");
  }
  get serverFile(): string {
    return join(this.root, "server.json");
  }
  get portsFile(): string {
    return join(this.root, "ports.json");
  }
  get routerSettingsFile(): string {
    return join(this.root, "router-settings.json");
  }
  get apiSettingsFile(): string {
    return join(this.root, "api-settings.json");
  }
  get journal(): string {
    return join(this.root, "platform.log");
  }
  /** Who may use the API over TCP. */
  get tokensFile(): string {
    return join(this.root, "access", "tokens.json");
  }
  /** Who may come in over SSH. */
  get keysFile(): string {
    return join(this.root, "access", "keys.json");
  }
  /** What sshd and its forced command need, unless that is told to be elsewhere. */
  get ssh(): string {
    return join(this.root, "ssh");
  }
  /** Answers to changes, for whoever asks again. */
  get requestsFile(): string {
    return join(this.root, "access", "requests");
  }
  get promotionsFile(): string {
    return join(this.root, "promotions.json");
  }

  get pipelinesFile(): string {
    return join(this.root, "pipelines.json");
  }
  /** Certificate authorities that drains trust besides the well-known ones. */
  get authoritiesFile(): string {
    return join(this.root, "ca.pem");
  }
  get signingKey(): string {
    return join(this.keys, "ledger.key");
  }
  /** What clients of `rendezvous://` are to trust. */
  get certificate(): string {
    return join(this.root, "certificate.pem");
  }
  get certificateKey(): string {
    return join(this.keys, "certificate.key");
  }
  /** What proves the URLs that are given out for use without a token. */
  get ticketKey(): string {
    return join(this.root, "access", "ticket.key");
  }
  get keys(): string {
    return join(this.root, "keys");
  }
  repo(app: AppName): string {
    return join(this.repos, `${app}.git`);
  }
  app(app: AppName): string {
    return join(this.apps, app);
  }
  configKeys(app: AppName): string {
    return join(this.keys, `${app}.keys`);
  }
  /** The key of another platform, until the next release has handed the ledger over to this one's. */
  ledgerKeyBefore(app: AppName): string {
    return join(this.keys, `${app}.ledger-key`);
  }
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
