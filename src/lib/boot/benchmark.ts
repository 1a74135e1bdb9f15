import { raceSignal, throwIfAborted } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode, TabloomError, type ErrorRecord } from '#lib/base/errors.ts';
import { withTimeout } from '#lib/base/timeout.ts';
import type { EngineEvent, LoadedModel } from '#lib/engine/spec.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { Measured } from '#lib/protocol/offer.ts';

/** The speed of a model on this device, or that it is too slow to be shared. */
export type Benchmark =
  /** Undefined if the answer ended before there was anything to measure: the first jobs will show it. */
  | { readonly kind: 'measured'; readonly measured: Measured | undefined }
  | { readonly kind: 'too-slow'; readonly error: ErrorRecord };

export interface BenchmarkComponents {
  readonly clock: Clock;
  /** How long an asker waits for the first part, in milliseconds. */
  readonly firstPartTimeoutMs?: number;
}

/** Starts differently from the measured prompt, so that the engine has none of that cached. */
const warmUpPrompt = 'Say a word.';
const warmUpTokens = 2;
/** Long enough for its prefill to take time, with an answer that a stop token is unlikely to end early. */
const prompt = 'one two three four five six seven eight nine ten eleven twelve '.repeat(3).trim();
const promptTokensTypical = 48;
const answerTokens = 32;
/** A shorter answer does not show the speed. */
const tokensMin = 4;
/** Decoding is measured for this long; if it has hardly begun by then, for somewhat longer. */
const decodingMs = 1_500;
const slowDecodingMs = 10_000;
/** An engine that takes less than this for a token stops when asked to. */
const stoppableMs = 1_000;

/**
 * The start-up benchmark: one short answer to warm up, then one that is measured. A device whose first part takes longer
 * than askers wait for would be chosen, abandoned and chosen again: it is `too-slow`. Neither aborting nor giving up
 * interrupts the model: an engine that is interrupted during prefill may have to be terminated, so an answer that is no
 * longer needed runs to its end.
 * @throws `aborted`, and the engine's errors.
 */
export async function benchmark(
  model: LoadedModel,
  { clock, firstPartTimeoutMs = limits.firstPartTimeoutMs }: BenchmarkComponents,
  { signal }: { readonly signal: AbortSignal },
): Promise<Benchmark> {
  try {
    const warmUp = answer(model, warmUpPrompt, warmUpTokens);
    await firstEvent(warmUp, { clock, timeoutMs: firstPartTimeoutMs, signal });
    await raceSignal(rest(warmUp), signal);
    const askedAtMs = clock.elapsed();
    const counted = answer(model, prompt, answerTokens);
    let event = await firstEvent(counted, { clock, timeoutMs: firstPartTimeoutMs, signal });
    const beganAtMs = clock.elapsed();
    let tokens = 0;
    let tokensIn = promptTokensTypical;
    let decodeMs = 0;
    for (; event && event.type !== 'finish'; event = (await counted.next()).value) {
      decodeMs = clock.elapsed() - beganAtMs;
      if (event.type === 'text-delta') tokens += event.tokens;
      if (signal.aborted || decodeMs > (tokens < tokensMin ? slowDecodingMs : decodingMs)) break;
    }
    if (event?.type === 'finish') {
      tokensIn = event.usage.tokensIn;
      await rest(counted);
    } else await stopAnswer(counted, decodeMs / tokens);
    throwIfAborted(signal);
    return { kind: 'measured', measured: speed({ ttftMs: beganAtMs - askedAtMs, decodeMs, tokens, tokensIn }) };
  } catch (error) {
    if (errorCode(error) !== 'too-slow') throw error;
    return { kind: 'too-slow', error: { code: 'too-slow', message: (error as TabloomError).message } };
  }
}

type Answer = AsyncGenerator<EngineEvent, undefined>;

/** Deliberately takes no signal: see above. */
async function* answer(model: LoadedModel, content: string, maxTokens: number): Answer {
  const params = { maxTokens, temperature: 1, seed: maxTokens };
  yield* model.doStream({ kind: 'chat', input: { messages: [{ role: 'user', content }] }, params }, {});
  return undefined;
}

async function firstEvent(
  from: Answer,
  { clock, timeoutMs, signal }: { readonly clock: Clock; readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<EngineEvent | undefined> {
  try {
    return await withTimeout(next(from), clock, timeoutMs, { signal, error: () => tooSlow(timeoutMs) });
  } catch (error) {
    void rest(from).catch(() => undefined);
    throw error;
  }
}

/** A warning may come before the prefill. */
async function next(from: Answer): Promise<EngineEvent | undefined> {
  for (;;) {
    const { value } = await from.next();
    if (value?.type !== 'warning') return value;
  }
}

/** Stops the answer, or lets a slow engine run to its end. */
async function stopAnswer(from: Answer, tokenMs: number): Promise<void> {
  if (tokenMs < stoppableMs) await from.return(undefined);
  else void rest(from).catch(() => undefined);
}

async function rest(from: Answer): Promise<void> {
  while (!(await from.next()).done);
}

const tooSlow = (timeoutMs: number) =>
  new TabloomError(
    'too-slow',
    `This device needs more than ${Math.round(timeoutMs / 1_000)} seconds to begin an answer with this model, longer than askers wait. Choose a smaller model to share; this one still answers you here.`,
  );

function speed(run: {
  readonly ttftMs: number;
  readonly decodeMs: number;
  readonly tokens: number;
  readonly tokensIn: number;
}): Measured | undefined {
  const { ttftMs, decodeMs, tokens, tokensIn } = run;
  if (tokens < 2 || decodeMs <= 0 || ttftMs <= 0) return undefined;
  return { decodeTps: ((tokens - 1) * 1_000) / decodeMs, prefillTps: (tokensIn * 1_000) / ttftMs, ttftMs };
}
