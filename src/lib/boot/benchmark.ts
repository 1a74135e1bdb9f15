import { raceSignal, throwIfAborted } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { errorCode, TabloomError, type ErrorRecord } from '#lib/base/errors.ts';
import { withTimeout } from '#lib/base/timeout.ts';
import type { EngineEvent, LoadedModel } from '#lib/engine/spec.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { Measured } from '#lib/protocol/offer.ts';

/** How fast a model is here, or that it is too slow for others to wait for. */
export type Benchmark =
  /** Undefined where it ended its answer before there was anything to measure: the first jobs tell. */
  | { readonly kind: 'measured'; readonly measured: Measured | undefined }
  | { readonly kind: 'too-slow'; readonly error: ErrorRecord };

export interface BenchmarkComponents {
  readonly clock: Clock;
  /** How long an asker waits for the first part, in milliseconds. */
  readonly firstPartTimeoutMs?: number;
}

/** Another beginning than the prompt that counts, so that the engine's cache holds nothing of it. */
const warmUpPrompt = 'Say a word.';
const warmUpTokens = 2;
/** Long enough for reading it to take time, with an answer that no stop token is likely to end early. */
const prompt = 'one two three four five six seven eight nine ten eleven twelve '.repeat(3).trim();
const promptTokensTypical = 48;
const answerTokens = 32;
/** Below this an answer says nothing about speed. */
const tokensMin = 4;
/** Writing is measured no longer than this; one that has hardly begun by then, a little longer. */
const writingMs = 1_500;
const slowWritingMs = 10_000;
/** An engine whose tokens come faster than this stops when told to. */
const stoppableMs = 1_000;

/**
 * The start-up benchmark: one short answer to warm up, one that counts. A device whose first word takes longer than askers
 * wait for it would be chosen, left and chosen again: it is `too-slow`. Stopping it, and giving up, leave the model as it
 * is: an engine that is interrupted while it reads a prompt may have to be ended, so what is left behind ends by itself.
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
      if (signal.aborted || decodeMs > (tokens < tokensMin ? slowWritingMs : writingMs)) break;
    }
    if (event?.type === 'finish') {
      tokensIn = event.usage.tokensIn;
      await rest(counted);
    } else await leave(counted, decodeMs / tokens);
    throwIfAborted(signal);
    return { kind: 'measured', measured: speed({ ttftMs: beganAtMs - askedAtMs, decodeMs, tokens, tokensIn }) };
  } catch (error) {
    if (errorCode(error) !== 'too-slow') throw error;
    return { kind: 'too-slow', error: { code: 'too-slow', message: (error as TabloomError).message } };
  }
}

type Answer = AsyncGenerator<EngineEvent, undefined>;

/** Takes no signal on purpose: see above. */
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

/** A warning may come before the prompt is read. */
async function next(from: Answer): Promise<EngineEvent | undefined> {
  for (;;) {
    const { value } = await from.next();
    if (value?.type !== 'warning') return value;
  }
}

/** Stops it, or lets a slow one end by itself. */
async function leave(from: Answer, tokenMs: number): Promise<void> {
  if (tokenMs < stoppableMs) await from.return(undefined);
  else void rest(from).catch(() => undefined);
}

async function rest(from: Answer): Promise<void> {
  while (!(await from.next()).done);
}

const tooSlow = (timeoutMs: number) =>
  new TabloomError(
    'too-slow',
    `This device needs more than ${Math.round(timeoutMs / 1_000)} seconds to begin an answer with this model, and people do not wait that long. Choose a smaller model to share; this one still answers you here.`,
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
