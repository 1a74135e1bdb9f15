import { createHash } from 'node:crypto';
import { Redis } from 'ioredis';
import { RateLimiterMemory, RateLimiterRedis, type RateLimiterRes } from 'rate-limiter-flexible';
import { TabloomError } from '#lib/base/errors.ts';
import type { Logger } from '#lib/base/logger.ts';
import { machineOfHost } from '#lib/market/zone.ts';
import type { Caller } from './caller.ts';

/** How fast callers may ask: each key, each address without one, and all of them together. */
export interface RateLimits {
  /** Of one request; undefined for programs on the relay's own machine, which are not limited. */
  of(caller: Caller): RequestRate | undefined;
  stop(): void;
}

/** What a request takes from its caller's rates, and what is left of them. */
export interface RequestRate {
  /** Takes a request. @throws `rate-limit-exceeded`, `gateway-busy` where all callers together ask too fast. */
  takeRequest(): Promise<void>;
  /**
   * Takes the most tokens that the request may use, from the share of an end user too where its key's caller names one.
   * @throws `rate-limit-exceeded`, and nothing is taken.
   */
  takeTokens(tokens: number, endUser: string | undefined): Promise<void>;
  /** Gives back those that were not used. */
  giveBack(tokens: number): void;
  /** `x-ratelimit-*`, as OpenAI writes them. */
  headers(): Readonly<Record<string, string>>;
}

export interface RateLimitSettings {
  readonly requestsPerMinute: number;
  readonly tokensPerMinute: number;
  /** Of all callers together. */
  readonly requestsPerMinuteTotal: number;
  /** A Redis or Valkey server that several gateways count in; memory without one, and while it cannot be reached. */
  readonly redisUrl: string | undefined;
  readonly logger: Logger;
}

const windowSeconds = 60;
/** An end user may take this part of its key's rates, so that one of them cannot use up the key for the others. */
const endUserPart = 0.5;
const commandTimeoutMs = 500;
const reconnectMsMax = 5_000;

/** Adds to counts that begin anew every minute; the limits are compared here, since each key may have its own. */
type Counter = RateLimiterMemory | RateLimiterRedis;

interface Count {
  readonly limit: number;
  readonly used: number;
  readonly resetMs: number;
}

export function createRateLimits(settings: RateLimitSettings): RateLimits {
  const { counter, stop } = createCounter(settings);
  const add = async (share: string, cost: number, limit: number): Promise<Count> => {
    const { consumedPoints, msBeforeNext } = await consume(counter, share, cost);
    return { limit, used: consumedPoints, resetMs: Math.max(0, msBeforeNext) };
  };

  return {
    of(caller) {
      if (caller.type === 'local') return undefined;
      const caps = caller.type === 'key' ? caller.key.caps : {};
      const requestsMax = caps.requestsPerMinute ?? settings.requestsPerMinute;
      const tokensMax = caps.tokensPerMinute ?? settings.tokensPerMinute;
      const share = caller.type === 'key' ? `key ${caller.key.id}` : `address ${machineOfHost(caller.address)}`;
      let requests: Count | undefined;
      let tokens: Count | undefined;
      let shares: readonly string[] = [];

      return {
        async takeRequest() {
          // First of all callers, which bounds how many shares a minute can bring.
          const all = await add('all requests', 1, settings.requestsPerMinuteTotal);
          if (all.used > all.limit) {
            throw limited(
              'gateway-busy',
              (seconds) => `This relay gets as many requests as it answers in a minute. Try again in ${seconds} s.`,
              all.resetMs,
            );
          }
          requests = await add(`${share} requests`, 1, requestsMax);
          if (requests.used > requests.limit) throw exceeded('requests', requests);
        },
        async takeTokens(cost, endUser) {
          const wanted: readonly (readonly [string, number])[] = [
            [`${share} tokens`, tokensMax],
            ...(endUser === undefined
              ? []
              : ([[`${share} tokens of ${hash(endUser)}`, Math.ceil(tokensMax * endUserPart)]] as const)),
          ];
          const counts = await Promise.all(wanted.map(([name, limit]) => add(name, cost, limit)));
          tokens = counts[0]!;
          const over = counts.find(({ used, limit }) => used > limit);
          shares = wanted.map(([name]) => name);
          if (!over) return;
          tokens = { ...tokens, used: tokens.used - cost };
          this.giveBack(cost);
          throw exceeded('tokens', over, cost);
        },
        giveBack(unused) {
          // Of a window that has passed meanwhile, nothing is left to give back to.
          for (const name of shares) void counter.reward(name, unused).catch(() => undefined);
        },
        headers: () => ({ ...describe('requests', requests), ...describe('tokens', tokens) }),
      };
    },
    stop,
  };
}

function createCounter({ redisUrl, logger }: RateLimitSettings): {
  readonly counter: Counter;
  readonly stop: () => void;
} {
  const memory = new RateLimiterMemory({ points: Number.MAX_SAFE_INTEGER, duration: windowSeconds });
  if (redisUrl === undefined) return { counter: memory, stop: () => undefined };
  const client = new Redis(redisUrl, {
    // What cannot be counted at once is counted in memory.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    commandTimeout: commandTimeoutMs,
    // A server that is silent is away: one request waits for it, and those after it do not.
    socketTimeout: commandTimeoutMs,
    retryStrategy: (times) => Math.min(times * 200, reconnectMsMax),
  });
  let isDown = false;
  client.on('error', (error: Error) => {
    if (!isDown) logger.warn('redis-unavailable', { error });
    isDown = true;
  });
  client.on('ready', () => {
    if (isDown) logger.warn('redis-available');
    isDown = false;
  });
  const counter = new RateLimiterRedis({
    storeClient: client,
    keyPrefix: 'tabloom',
    points: Number.MAX_SAFE_INTEGER,
    duration: windowSeconds,
    rejectIfRedisNotReady: true,
    insuranceLimiter: memory,
  });
  return { counter, stop: () => client.disconnect() };
}

const consume = (counter: Counter, share: string, cost: number): Promise<RateLimiterRes> =>
  counter.consume(share, cost);

/** `say` gives a whole sentence: pages say it in other languages. */
const limited = (
  code: 'gateway-busy' | 'rate-limit-exceeded',
  say: (seconds: number) => string,
  retryAfterMs: number,
) => new TabloomError(code, say(Math.max(1, Math.ceil(retryAfterMs / 1_000))), { details: { retryAfterMs } });

function exceeded(what: 'requests' | 'tokens', { limit, resetMs }: Count, cost?: number): TabloomError {
  // Waiting would not help.
  if (cost !== undefined && cost > limit) {
    const message = `This request may use ${cost} tokens, and ${limit} a minute are allowed. Set a lower max_tokens.`;
    return new TabloomError('rate-limit-exceeded', message);
  }
  const say = (seconds: number) =>
    what === 'requests'
      ? `The limit of ${limit} requests a minute is reached. Try again in ${seconds} s.`
      : `The limit of ${limit} tokens a minute is reached. Try again in ${seconds} s.`;
  return limited('rate-limit-exceeded', say, resetMs);
}

const describe = (what: 'requests' | 'tokens', count: Count | undefined): Readonly<Record<string, string>> =>
  count === undefined
    ? {}
    : {
        [`x-ratelimit-limit-${what}`]: String(count.limit),
        [`x-ratelimit-remaining-${what}`]: String(Math.max(0, count.limit - count.used)),
        [`x-ratelimit-reset-${what}`]: writeDuration(count.resetMs),
      };

/** As OpenAI writes durations: `59s`, `1m0s`, `120ms`. */
export function writeDuration(ms: number): string {
  if (ms < 1_000) return `${Math.ceil(ms)}ms`;
  const seconds = Math.ceil(ms / 1_000);
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}

/** End users are counted, and known by nothing else. */
const hash = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);
