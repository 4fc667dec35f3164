/** The daemon's conversations with all router processes of its home that live: found by their sockets. */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { RouterGone, RouterLink, RouterSilent } from "./router-link.ts";
import type { RouterEvent, RouterRequest } from "./wire.ts";

export interface RouterLinksOptions {
  /** Where the sockets are; a path short enough for a socket. */
  readonly directory: string;
  readonly onNote: (message: string) => void;
  readonly onFault: (during: string, error: unknown) => void;
  readonly onEvent: (link: RouterLink, event: RouterEvent) => void;
  readonly onLost: (link: RouterLink) => void;
  /** The spools that are being written have changed. */
  readonly onSpools: () => void;
}

const SUFFIX = ".sock";

export class RouterLinks {
  private readonly options: RouterLinksOptions;
  /** With the spool that each writes to. */
  private readonly links = new Map<RouterLink, string>();
  private readonly connecting = new Map<string, Promise<RouterLink>>();

  constructor(options: RouterLinksOptions) {
    this.options = options;
  }

  get all(): RouterLink[] {
    return [...this.links.keys()];
  }

  /** The names of the spools that are being written. */
  get spools(): ReadonlySet<string> {
    return new Set(this.links.values());
  }

  /** Speaks to every router that lives; the youngest first. */
  async find(): Promise<RouterLink[]> {
    const names = await readdir(this.options.directory);
    const ids = names.filter((name) => name.endsWith(SUFFIX)).map((name) => name.slice(0, -SUFFIX.length));
    const found = await Promise.all(
      ids
        .sort()
        .toReversed()
        .map((id) => this.connect(id).catch((error: unknown) => this.clear(id, error))),
    );
    return found.filter((link) => link !== undefined);
  }

  private async clear(id: string, error: unknown): Promise<undefined> {
    if (error instanceof RouterSilent) this.endSilent(id);
    else if ((error as NodeJS.ErrnoException).code === "ECONNREFUSED") await rm(this.pathOf(id), { force: true });
    else if (!isGone(error)) this.options.onFault(`looking for the router ${id}`, error);
  }

  /** One that takes connections and does not answer would keep its port for ever. */
  private endSilent(id: string): void {
    const pid = Number(/-(\d+)$/.exec(id)?.[1]);
    this.options.onNote(`the router ${id} does not answer and is ended`);
    try {
      if (pid > 0) process.kill(pid, "SIGKILL");
    } catch {
      return;
    }
  }

  private pathOf(id: string): string {
    return join(this.options.directory, `${id}${SUFFIX}`);
  }

  /** The one conversation with this router.
   *  @throws RouterSilent, RouterGone; node's error when nobody listens */
  connect(id: string): Promise<RouterLink> {
    for (const link of this.links.keys()) if (link.hello.id === id) return Promise.resolve(link);
    const connecting = this.connecting.get(id) ?? this.begin(id).finally(() => this.connecting.delete(id));
    this.connecting.set(id, connecting);
    return connecting;
  }

  private async begin(id: string): Promise<RouterLink> {
    const link = await RouterLink.open(this.pathOf(id));
    this.links.set(link, link.hello.spool);
    link.onEvent = (event) => this.hear(link, event);
    void link.closed.then(() => {
      this.links.delete(link);
      this.options.onLost(link);
      this.options.onSpools();
    });
    this.options.onSpools();
    return link;
  }

  private hear(link: RouterLink, event: RouterEvent): void {
    if (event.event !== "spool") this.options.onEvent(link, event);
    else {
      this.links.set(link, event.name);
      this.options.onSpools();
    }
  }

  /** Resolves when all have answered or ended. */
  async tell(request: RouterRequest): Promise<void> {
    await Promise.all(
      this.all.map((link) =>
        link.ask(request).catch((error: unknown) => {
          if (!isGone(error)) this.options.onFault("telling the router", error);
        }),
      ),
    );
  }

  /** Leaves the routers as they are. */
  close(): void {
    for (const link of this.links.keys()) link.close();
  }
}

/** It may end at any time. */
function isGone(error: unknown): boolean {
  return error instanceof RouterGone || (error as NodeJS.ErrnoException).code === "ENOENT";
}
