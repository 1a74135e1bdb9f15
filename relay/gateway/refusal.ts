import type { ErrorRecord } from '#lib/base/errors.ts';
import type { RouteView } from '#lib/peer/spec.ts';
import type { JobState } from '#lib/peer/session/job-state.ts';
import type { ModelAttempt } from './attempts.ts';

type Level = RouteView['level'];

/** Whose words about a request are told: this relay's own models, and workers that it has found to be honest. */
const toldOf: ReadonlySet<Level | undefined> = new Set<Level>(['own', 'self', 'established', 'vouched']);
const wordsLengthMax = 300;

/**
 * What a worker has refused a request for, and which member that is: a schema that its engine cannot enforce, say. Only the
 * engine knows, so this is all that a caller can correct the request by. Words of others are quoted as theirs, and those of
 * strangers are not told.
 */
export function explainRefusal(error: ErrorRecord, { attempts }: JobState, asked: ModelAttempt): ErrorRecord {
  if (error.details?.['saidCode'] === undefined) return error;
  if (error.code === 'feature-unavailable') return { ...error, details: { ...error.details, param: 'model' } };
  if (error.code !== 'bad-request') return error;
  const { said } = error.details;
  const worker = attempts.find((attempt) => attempt.error?.details?.['said'] === said)?.worker;
  const level = worker?.route?.level;
  const words = typeof said === 'string' && toldOf.has(level) ? onOneLine(said) : '';
  const isOwn = level === 'own' || level === 'self';
  const message = words === '' ? error.message : isOwn ? words : `The worker refused this request: "${words}"`;
  return { ...error, message, details: { ...error.details, param: suspectOf(asked) } };
}

const onOneLine = (text: string): string =>
  text
    .replaceAll(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, wordsLengthMax);

/** The member that an engine can find fault with after the gateway has found none. */
function suspectOf({ ask, conversation }: ModelAttempt): string {
  if (ask.kind === 'embedding') return ask.params.dimensions === undefined ? conversation : 'dimensions';
  if (ask.kind !== 'chat') return conversation;
  if (ask.params.responseFormat?.type === 'json-schema') {
    return conversation === 'input' ? 'text.format' : 'response_format';
  }
  return ask.input.tools && ask.input.tools.length > 0 ? 'tools' : conversation;
}
