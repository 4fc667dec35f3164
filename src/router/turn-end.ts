/** The end of a turn of the event loop. The access lines of all requests that were answered in it are written at once,
 *  and only then their answers end: so each line is on the disk before the client has its answer, and a busy router
 *  writes many lines with one call. */

export class TurnEnd {
  private readonly onRequests: (app: string, lines: readonly string[]) => void;
  private lines = new Map<string, string[]>();
  private answers: (() => void)[] = [];
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
  afterLines(answer: () => void): void {
    this.answers.push(answer);
    this.schedule();
  }

  private schedule(): void {
    if (this.isDue) return;
    this.isDue = true;
    setImmediate(() => {
      this.isDue = false;
      this.writeLines();
      this.answer();
    });
  }

  /** Now, for those who cannot wait. */
  writeLines(): void {
    const { lines } = this;
    if (lines.size === 0) return;
    this.lines = new Map();
    for (const [app, texts] of lines) this.onRequests(app, texts);
  }

  private answer(): void {
    const { answers } = this;
    this.answers = [];
    let at = 0;
    try {
      while (at < answers.length) answers[at++]?.();
    } finally {
      // A bug in one answer is not the others' fault.
      for (const left of answers.slice(at)) this.afterLines(left);
    }
  }
}
