/** Tells lines that begin an error from those that go on with one, in the forms of Node, Python, Ruby, Java, Go and PHP. */

/** `TypeError: …`, `Uncaught Error: …`, `ActionView::Template::Error (…)`, `java.lang.IllegalStateException: …`,
 *  `Exception in thread "main" …`, `panic: …`. */
const NAMED =
  /^(?:\[[^\]]{1,40}\] )?(?:Uncaught |Unhandled |Exception in thread "[^"]*" |PHP )?(?:[A-Za-z_][\w.$:\\]*)?(?:Error|Exception|Rejection)(?: \[[A-Z_0-9]+\])?(?::| \(|$)/;
const OTHER = /^(?:panic: |fatal error: |PHP Fatal error: |Uncaught exception|Unhandled rejection|Error [HLR]\d\d \()/i;
const TRACEBACK = "Traceback (most recent call last)";

const FRAME =
  /^\s*at \S|^\s+File "[^"]+", line \d+|^\s*from \S+:\d+:in |^\s*\S+\.(?:rb|erb|py|go|php)(?::|\()\d+|^#\d+ /;
/** Belongs to the error before it, but says nothing of where it was. */
const CONTINUATION = /^\s|^Caused by|^goroutine \d+|^\[?cause\]?:|^\.\.\. |^$/;

/** `level` is what the line states about itself. */
export function beginsError(text: string, level: string): boolean {
  return level === "error" ? !CONTINUATION.test(text) : NAMED.test(text) || OTHER.test(text);
}

/** Python tells the error last, and the innermost frame right before it. */
export function beginsTraceback(text: string): boolean {
  return text.startsWith(TRACEBACK);
}

export function isFrame(text: string): boolean {
  return FRAME.test(text);
}

export function isContinuation(text: string): boolean {
  return FRAME.test(text) || CONTINUATION.test(text);
}
