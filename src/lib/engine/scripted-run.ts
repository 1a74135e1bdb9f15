import { abortError } from '#lib/base/abort.ts';
import { utf8Encode } from '#lib/base/bytes.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { messageText } from '#lib/protocol/kinds/chat.ts';
import type { Logprob } from '#lib/protocol/part.ts';
import { answer, resumeUnsupported, tokensLeft, tooLong } from './answer.ts';
import { createCallReader } from './call-reader.ts';
import { constraintOf, type Constraint } from './constraint.ts';
import { unsupportedWarnings } from './sampling.ts';
import { otherWord, scriptedPrompt, scriptedTokens, scriptedVector, type ScriptedToken } from './scripted-text.ts';
import type { ScriptedOptions } from './scripted.ts';
import type { EngineEvent, RequestOf, TextRequest } from './spec.ts';
import type { RawPiece } from './stop-filter.ts';
import { callIds } from './tool-calls.ts';
import { embeddingEvents } from './vector.ts';

export interface ScriptedRun extends ScriptedOptions {
  readonly contextTokens: number;
  readonly tokensPerSecond: number;
  readonly signal: AbortSignal;
  readonly startedMs: number;
}

const thoughtTokens = 12;
const dimensionsMax = 32;

/** One answer of the scripted double, with reasoning first if requested. */
export async function* scriptedAnswer(request: TextRequest, run: ScriptedRun): AsyncGenerator<EngineEvent> {
  const { params, resume } = request;
  const constraint = scriptedConstraint(request);
  const prompt = promptOf(request);
  const tokensIn = countWords(prompt) + (resume?.tokens ?? 0);
  if (tokensIn >= run.contextTokens) throw tooLong(tokensIn, run.contextTokens);
  yield* unsupportedWarnings(params, ['reasoningEffort']);
  yield* constraint.warnings;

  // Greedy decoding ignores the seed.
  const seed = params.temperature === 0 ? 0 : (params.seed ?? 0);
  const { answerTokens, text } = run;
  const all = scriptedTokens(prompt, seed, { answerTokens, text, grammar: constraint.grammar });
  const { decoded, left } = splitAtResume(all, resume, constraint.grammar ? 'as-asked' : 'anything');
  const calls = constraint.tools.length > 0 ? createCallReader({ idOf: callIds(prompt) }) : undefined;

  const room = Math.min(tokensLeft(request), run.contextTokens - tokensIn);
  const thinks = params.reasoningEffort !== undefined && params.reasoningEffort !== 'none' && !resume;
  const thoughts = thinks
    ? scriptedTokens(`thought: ${prompt}`, seed, { answerTokens: thoughtTokens }).slice(0, room)
    : [];
  const tokens = left.slice(0, room - thoughts.length);
  for await (const { text: thought, ids } of paced(thoughts, { first: 0, position: -thoughts.length }, run)) {
    yield { type: 'reasoning-delta', text: thought, tokens: 1, ids: [...(ids ?? [])] };
  }
  const pieces = paced(tokens, { first: thoughts.length, position: all.length - left.length }, run, params.logprobs);
  const reason = () => (tokens.length < left.length ? 'length' : 'stop');
  const raw = { pieces, tokensIn: () => tokensIn, reason };
  const resumed = resume && { decoded, delivered: resume.text };
  const { clock, startedMs } = run;
  for await (const event of answer(raw, { stop: params.stop, calls, resumed, clock, startedMs })) {
    if (event.type !== 'finish') yield event;
    else yield { ...event, usage: { tokensIn, tokensOut: event.usage.tokensOut + thoughts.length } };
  }
}

/** Vectors that depend only on each text; fewer dimensions truncate, as with a model trained for that. */
export async function* scriptedEmbedding(
  { input, params }: RequestOf<'embedding'>,
  { clock, startedMs, contextTokens, signal }: ScriptedRun,
): AsyncGenerator<EngineEvent> {
  const { dimensions = dimensionsMax } = params;
  if (dimensions > dimensionsMax) {
    throw new TabloomError('bad-request', `This model has ${dimensionsMax} dimensions. Request at most that many.`);
  }
  const counts = input.texts.map(countWords);
  if (Math.max(...counts) >= contextTokens) throw tooLong(Math.max(...counts), contextTokens);
  async function* vectors() {
    for (const text of input.texts) {
      if (signal.aborted) throw abortError(signal);
      yield scriptedVector(text, dimensionsMax).slice(0, dimensions);
    }
  }
  const tokensIn = counts.reduce((sum, count) => sum + count, 0);
  yield* embeddingEvents(vectors(), { tokensIn, clock, startedMs });
}

/** With `toolChoice` auto, it calls the function named in the last message, if that is a user message. */
function scriptedConstraint(request: TextRequest): Constraint {
  const constraint = constraintOf(request);
  const { toolChoice, responseFormat } = request.params;
  if (request.kind !== 'chat' || constraint.tools.length === 0 || (toolChoice && toolChoice.type !== 'auto')) {
    return constraint;
  }
  const last = request.input.messages.at(-1);
  const named = constraint.tools.find(({ name }) => last?.role === 'user' && messageText(last).includes(name));
  const choice = named ? ({ type: 'named', name: named.name } as const) : ({ type: 'none' } as const);
  const decided = constraintOf({
    ...request,
    params: { ...request.params, responseFormat: named ? undefined : responseFormat, toolChoice: choice },
  });
  return { ...decided, warnings: constraint.warnings };
}

const promptOf = (request: TextRequest): string =>
  request.kind === 'completion'
    ? request.input.prompt
    : scriptedPrompt(request.input.messages.map((message) => ({ role: message.role, text: messageText(message) })));

/**
 * `first`: tokens generated before these; `position`: position of the first of these in the answer, negative for
 * reasoning.
 */
async function* paced(
  tokens: readonly ScriptedToken[],
  { first, position }: { readonly first: number; readonly position: number },
  { clock, signal, startedMs, tokensPerSecond, failAtToken }: ScriptedRun,
  top?: number,
): AsyncGenerator<RawPiece> {
  for (const [index, token] of tokens.entries()) {
    // Each token has an absolute due time, so that a late one does not delay the rest.
    const dueMs = tokensPerSecond === 0 ? 0 : startedMs + ((first + index + 1) * 1_000) / tokensPerSecond;
    const waitMs = dueMs - clock.elapsed();
    if (waitMs > 0) await clock.delay(waitMs, { signal });
    if (signal.aborted) throw abortError(signal);
    if (position + index === failAtToken) {
      throw new TabloomError('engine-failed', 'The scripted engine failed as configured.');
    }
    const logprobs = top === undefined ? undefined : [scriptedLogprob(token, top)];
    yield { text: token.text, tokens: 1, ids: [token.id], logprobs };
  }
}

/** The token itself is most likely; each alternative is half as likely as the one before. */
function scriptedLogprob({ id, text }: ScriptedToken, top: number): Logprob {
  const item = (token: string, rank: number) => ({
    token,
    bytes: utf8Encode(token),
    logprob: Math.log(2 ** -(rank + 1)),
  });
  const others = Array.from({ length: Math.max(0, top - 1) }, (_, rank) => item(otherWord(id, rank + 1), rank + 1));
  return { ...item(text, 0), top: top > 0 ? [item(text, 0), ...others] : [] };
}

/**
 * Splits the answer's tokens at the resume point, given by ids or by text, possibly in the middle of a token. Text from
 * a different engine is resumed by its token count.
 * @throws `resume-unsupported` if the delivered text does not match a constrained answer.
 */
function splitAtResume(
  tokens: readonly ScriptedToken[],
  resume: TextRequest['resume'],
  accepted: 'as-asked' | 'anything',
) {
  if (!resume) return { decoded: '', left: tokens };
  const { ids = [] } = resume;
  if (ids.length > 0 && ids.every((id, position) => tokens[position]?.id === id)) {
    return { decoded: textOf(tokens.slice(0, ids.length)), left: tokens.slice(ids.length) };
  }
  let rest = resume.text;
  for (const [position, { id, text }] of tokens.entries()) {
    if (rest === '') return { decoded: resume.text, left: tokens.slice(position) };
    const part = text.startsWith(rest) && text !== rest ? [{ id, text: text.slice(rest.length) }] : [];
    if (part.length > 0) return { decoded: resume.text, left: [...part, ...tokens.slice(position + 1)] };
    if (!rest.startsWith(text)) break;
    rest = rest.slice(text.length);
  }
  if (rest === '') return { decoded: resume.text, left: [] };
  if (accepted === 'anything') return { decoded: resume.text, left: tokens.slice(resume.tokens) };
  throw resumeUnsupported('The scripted engine would give a different answer.');
}

const textOf = (tokens: readonly ScriptedToken[]): string => tokens.map(({ text }) => text).join('');
const countWords = (text: string): number => text.split(/\s+/).filter((word) => word !== '').length + 1;
