import { abortError, throwIfAborted } from '#lib/base/abort.ts';
import type { Clock } from '#lib/base/clock.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { messageText } from '#lib/protocol/kinds/chat.ts';
import { answer, textRequest, tokensLeft, type RawRun } from './answer.ts';
import { scriptedPrompt, scriptedTokens, type ScriptedToken } from './scripted-text.ts';
import { createSlots } from './slots.ts';
import type { Engine, LoadedModel, LoadOptions, ModelEntry, TextRequest } from './spec.ts';
import type { RawPiece } from './stop-filter.ts';

export interface ScriptedOptions {
  readonly clock: Clock;
  /** A model named `scripted-<n>` overrides it; 0 means as fast as it is read. */
  readonly tokensPerSecond?: number;
  readonly slots?: number;
  readonly contextTokens?: number;
  /** Tokens of every answer before its own end; by default 24 to 63, by the prompt. */
  readonly answerTokens?: number;
  /** A text in place of the invented one; cut into words. */
  readonly text?: (prompt: string, seed: number) => string;
  /** Throws `engine-failed` in place of this token (from 0) of every answer. */
  readonly failAtToken?: number;
  readonly loadMs?: number;
  /** Loading fails with this code. */
  readonly failLoad?: string;
}

const build = '1';
const loadSteps = 10;

/**
 * An engine that computes nothing: the answer is a function of prompt, seed and position, at a rate of the clock's.
 * Keeps the whole contract (slots, stop, seed, resume, abort, too long a prompt), so that everything above it can be
 * tested at the speed of a real GPU on a machine without one.
 */
export function createScriptedEngine(options: ScriptedOptions): Engine {
  const { clock } = options;
  const info = { name: 'scripted', build, deviceClass: 'scripted' } as const;
  let current: LoadedModel | undefined;

  return {
    info,
    async load(model: ModelEntry, { signal, onProgress }: LoadOptions): Promise<LoadedModel> {
      throwIfAborted(signal);
      if (model.source.kind !== 'scripted') {
        throw new TabloomError(
          'model-unknown',
          `The scripted engine cannot run "${model.name}". Choose a scripted model.`,
        );
      }
      const startedMs = clock.elapsed();
      for (let step = 1; step <= loadSteps; step++) {
        if (options.loadMs) await clock.delay(options.loadMs / loadSteps, { signal });
        if (options.failLoad && step > loadSteps / 2) {
          throw new TabloomError(options.failLoad, 'The scripted load failed, as it was told to.');
        }
        const elapsedMs = clock.elapsed() - startedMs;
        onProgress?.({
          phase: step === loadSteps ? 'ready' : 'download',
          loadedBytes: Math.round((model.sizeBytes * step) / loadSteps),
          totalBytes: model.sizeBytes,
          elapsedMs,
          remainingMs: (elapsedMs / step) * (loadSteps - step),
          fromCache: false,
        });
      }
      await current?.unload();
      current = loadScripted(model, info, options);
      return current;
    },
    async close() {
      await current?.unload();
    },
  };
}

function loadScripted(model: ModelEntry, info: Engine['info'], options: ScriptedOptions): LoadedModel {
  const { clock } = options;
  const contextTokens = options.contextTokens ?? model.contextTokens;
  const tokensPerSecond = Number(/^scripted-(\d+)$/.exec(model.name)?.[1] ?? options.tokensPerSecond ?? 100);
  const slots = createSlots(options.slots ?? 1, (asked, signal) => {
    const request = textRequest(asked);
    const startedMs = clock.elapsed();
    const run = scriptedRun(request, { ...options, contextTokens, tokensPerSecond, signal, startedMs });
    return answer(run, { stop: request.params.stop, clock, startedMs });
  });
  return {
    model,
    engine: info,
    contextTokens,
    kinds: ['chat', 'completion'],
    features: ['seed', 'resume-exact', 'resume-text'],
    slots: options.slots ?? 1,
    doStream: slots.doStream,
    unload: slots.close,
  };
}

interface RunOptions extends ScriptedOptions {
  readonly contextTokens: number;
  readonly tokensPerSecond: number;
  readonly signal: AbortSignal;
  readonly startedMs: number;
}

function scriptedRun(request: TextRequest, options: RunOptions): RawRun {
  const prompt =
    request.kind === 'completion'
      ? request.input.prompt
      : scriptedPrompt(request.input.messages.map((message) => ({ role: message.role, text: messageText(message) })));
  const tokensIn = countWords(prompt) + (request.resume?.tokens ?? 0);
  if (tokensIn >= options.contextTokens) {
    throw new TabloomError(
      'too-long',
      `The prompt has ${tokensIn} tokens and the model reads ${options.contextTokens}.`,
      {
        details: { promptTokens: tokensIn, contextTokens: options.contextTokens },
      },
    );
  }
  // Greedy decoding does not look at the seed.
  const seed = request.params.temperature === 0 ? 0 : (request.params.seed ?? 0);
  const all = scriptedTokens(prompt, seed, { answerTokens: options.answerTokens, text: options.text });
  const from = positionAfter(all, request.resume?.text ?? '', request.resume?.tokens ?? 0);
  const room = Math.min(tokensLeft(request), options.contextTokens - tokensIn);
  const tokens = all.slice(from, from + room);
  return {
    pieces: paced(tokens, from, options),
    tokensIn: () => tokensIn,
    reason: () => (from + tokens.length < all.length ? 'length' : 'stop'),
  };
}

async function* paced(tokens: readonly ScriptedToken[], from: number, options: RunOptions): AsyncGenerator<RawPiece> {
  const { clock, signal, startedMs, tokensPerSecond } = options;
  for (const [index, token] of tokens.entries()) {
    // Each token is due at a time of its own, so that a late one does not delay the rest.
    const dueMs = tokensPerSecond === 0 ? 0 : startedMs + ((index + 1) * 1_000) / tokensPerSecond;
    const waitMs = dueMs - clock.elapsed();
    if (waitMs > 0) await clock.delay(waitMs, { signal });
    if (signal.aborted) throw abortError(signal);
    if (from + index === options.failAtToken) {
      throw new TabloomError('engine-failed', 'The scripted engine failed, as it was told to.');
    }
    yield { text: token.text, tokens: 1, ids: [token.id] };
  }
}

/** Where to go on after a delivered text: by the text where it is this answer's beginning, else by the count. */
function positionAfter(tokens: readonly ScriptedToken[], text: string, count: number): number {
  let joined = '';
  for (let position = 0; position <= tokens.length; position++) {
    if (joined === text) return position;
    joined += tokens[position]?.text ?? '';
  }
  return Math.min(count, tokens.length);
}

const countWords = (text: string): number => text.split(/\s+/).filter((word) => word !== '').length + 1;
