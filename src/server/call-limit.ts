/** How many calls a token may make: so many at once, and as many come back within an hour, evenly (Dev Center, "Platform API
 *  Reference", "Rate limits"). The unix socket is free, and so is what needs no token. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Clock } from "../core/clock.ts";
import { AppError } from "../core/error.ts";
import { TokenBucket } from "../core/token-bucket.ts";
import type { TokenUse } from "../platform/tokens.ts";
import { CALLS_PER_HOUR } from "./request-limits.ts";

declare module "fastify" {
  interface FastifyInstance {
    calls: CallLimit;
  }
  interface FastifyContextConfig {
    /** Costs no call: it asks how many there are. */
    free?: boolean;
  }
}

const HOUR_SECONDS = 3600;

export class CallLimit {
  readonly #perHour: number;
  readonly #clockOf: () => Clock;
  /** By what stays the same of a token as long as it lets somebody in. */
  readonly #left = new WeakMap<TokenUse["onRevoked"], TokenBucket>();

  /** @param perHour infinite: no limit */
  constructor(perHour: number, clockOf: () => Clock) {
    this.#perHour = perHour;
    this.#clockOf = clockOf;
  }

  /** Behind the door, where it is known whose token it is. */
  guard(server: FastifyInstance): void {
    if (!Number.isFinite(this.#perHour)) return;
    server.addHook("onRequest", (request, reply, done) => {
      if (request.token === null || request.routeOptions.config.free === true) return done();
      return done(this.#count(request.token, reply));
    });
  }

  /** How many calls this caller may make now; Heroku's number for whoever has no limit. */
  left({ token }: FastifyRequest): number {
    if (token === null || !Number.isFinite(this.#perHour)) return CALLS_PER_HOUR;
    return Math.floor(this.#bucketOf(token).count(this.#clockOf().now()));
  }

  /** @returns how many are left after this one; undefined when there was none */
  spend(token: TokenUse | null): number | undefined {
    if (token === null || !Number.isFinite(this.#perHour)) return CALLS_PER_HOUR;
    const bucket = this.#bucketOf(token);
    const left = Math.floor(bucket.count(this.#clockOf().now()));
    if (left < 1) return undefined;
    bucket.take(1);
    return left - 1;
  }

  #count(token: TokenUse, reply: FastifyReply): AppError | undefined {
    const left = this.spend(token);
    void reply.header("ratelimit-remaining", String(left ?? 0));
    if (left !== undefined) return undefined;
    const seconds = Math.ceil(this.#bucketOf(token).waitMs(this.#clockOf().now(), 1) / 1000);
    void reply.header("retry-after", String(seconds));
    return this.#tooMany(seconds);
  }

  #bucketOf({ onRevoked }: TokenUse): TokenBucket {
    let bucket = this.#left.get(onRevoked);
    if (bucket === undefined) {
      const size = { capacity: this.#perHour, perSecond: this.#perHour / HOUR_SECONDS };
      this.#left.set(onRevoked, (bucket = new TokenBucket(size, this.#clockOf().now())));
    }
    return bucket;
  }

  #tooMany(seconds: number): AppError {
    return new AppError(
      "rate_limit",
      `This token may make ${String(this.#perHour)} calls an hour, and has made them.`,
      {
        hint: `Try again in ${String(seconds)} s, or ask the unix socket, as \`git heroku\` does.`,
      },
    );
  }
}
