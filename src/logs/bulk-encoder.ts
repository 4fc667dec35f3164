/** Raw bytes → records for the bulk of what processes print, by the kernel: whole lines that are UTF-8, need no cutting and
 *  share a stamp. Byte for byte what `encodeRun` makes of them; that does the rest. */
import type { ByteSink } from "./byte-sink.ts";
import { LEVELS } from "./level.ts";
import type { EncodedRun, EncodeOptions } from "./line-encoder.ts";
import type { LineHeads } from "./line-head.ts";
import { KERNEL_BYTES_MAX, LogKernel } from "./log-kernel.ts";
import type { PartScanner } from "./raw-parts.ts";

export class BulkEncoder {
  private readonly kernel: LogKernel;
  private readonly heads: LineHeads;
  private readonly options: EncodeOptions & { us: number };

  private constructor(kernel: LogKernel, heads: LineHeads, options: EncodeOptions & { us: number }) {
    this.kernel = kernel;
    this.heads = heads;
    this.options = options;
  }

  /** For what the scanner has, within this turn of the event loop; undefined where the kernel cannot help. */
  static begin({ src }: PartScanner, heads: LineHeads, options: EncodeOptions): BulkEncoder | undefined {
    const { us, cleanUntil } = options;
    if (typeof us !== "number" || cleanUntil === 0 || cleanUntil > KERNEL_BYTES_MAX) return undefined;
    const kernel = LogKernel.holding(src.subarray(0, cleanUntil));
    kernel?.setHeads(LEVELS.map((_, level) => heads.at(level, false, us)));
    return kernel && new BulkEncoder(kernel, heads, { ...options, us });
  }

  /** A run, as `encodeRun` would make it or a shorter one; undefined when the next part is none for the kernel. */
  next(scanner: PartScanner, sink: ByteSink): EncodedRun | undefined {
    const { us, cleanUntil, level } = this.options;
    if (scanner.nextIsLater || scanner.next >= cleanUntil) return undefined;
    const { next, bytes, lines, sum, levels } = this.kernel.encode(scanner.next, cleanUntil, level);
    if (lines === 0) return undefined;
    sink.reserve(bytes);
    sink.bytes.set(this.kernel.written(bytes), sink.length);
    sink.length += bytes;
    scanner.next = next;
    return { bytes, lines, sum, facets: this.heads.facets(levels), firstUs: us, lastUs: us };
  }
}
