/** The end of a turn of the event loop. The access lines of all requests that were answered in it are written at once,
 *  and only then their answers end: so each line is on the disk before the client has its answer, and a busy router
 *  writes many lines with one call. Requests without a body go out then too, one behind the other. */

export class TurnEnd {
  private readonly onRequests: (app: string, lines: readonly string[]) => void;
  private lines = new Map<string, string[]>();
  private actions: (() => void)[] = [];
  private isDue = false;

  constructor(onRequests: (app: string, lines: readonly string[]) => void) {
    this.onRequests = onRequests;
  }

  log(app: string, line: string): void {
    const lines = this.lines.get(app);
    if (lines === undefined) this.lines.set(app, [line]);
    else lines.push(line);
    this.schedule();
  }

  /** Calls it once the lines so far are written. */
  atEnd(action: () => void): void {
    this.actions.push(action);
    this.schedule();
  }

  private schedule(): void {
    if (this.isDue) return;
    this.isDue = true;
    setImmediate(() => {
      this.isDue = false;
      this.writeLines();
      this.act();
    });
  }

  /** Now, for those who cannot wait. */
  writeLines(): void {
    const { lines } = this;
    if (lines.size === 0) return;
    this.lines = new Map();
    for (const [app, texts] of lines) this.onRequests(app, texts);
  }

  private act(): void {
    const { actions } = this;
    this.actions = [];
    let at = 0;
    try {
      while (at < actions.length) actions[at++]?.();
    } finally {
      // A bug in one of them is not the others' fault.
      for (const left of actions.slice(at)) this.atEnd(left);
    }
  }
}
