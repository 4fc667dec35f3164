/** Kept output of a build or a release, as it comes. */
import type { StreamedAnswer } from "../api/line.ts";
import { AppError } from "../core/error.ts";
import type { Context } from "./command.ts";

/** With `--json` one object, the text in it, once the output has ended.
 *  @throws AppError unavailable when the platform stopped before that. */
export async function printOutput({ out, args }: Context, stream: StreamedAnswer, about: object): Promise<void> {
  let text = "";
  try {
    stream.setEncoding("utf8");
    for await (const piece of stream as AsyncIterable<string>) {
      if (args.has("json")) text += piece;
      else await out.write(piece);
    }
  } catch (error) {
    if (!stream.errored) throw error;
    throw new AppError("unavailable", "The output broke off: the platform stopped.", { cause: error });
  }
  if (args.has("json")) await out.json({ ...about, output: text });
}
