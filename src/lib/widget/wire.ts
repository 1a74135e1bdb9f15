import { TabloomError } from '#lib/base/errors.ts';
import type { Answerer, ToolCall } from './ladder.ts';

/** What one piece of an answer in OpenAI's form says; members that are not understood are left out. */
export interface Chunk {
  readonly text: string;
  readonly calls: readonly CallPiece[];
  readonly reason: string | undefined;
  readonly answerer: Omit<Answerer, 'rung'> | undefined;
}

export interface CallPiece {
  readonly index: number;
  readonly id: string | undefined;
  readonly name: string | undefined;
  readonly arguments: string;
}

const toolCallsMax = 16;

type Fields = Readonly<Record<string, unknown>>;
const fields = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

/**
 * Reads an event of a stream, or a whole answer. Neither end is trusted: of what arrives only texts are taken.
 * @throws the error that it carries, by its code; `bad-answer` for what is no JSON.
 */
export function readChunk(json: string): Chunk {
  const body = fields(parse(json));
  if (body['error']) throw readError(body, 502);
  const choice = fields(Array.isArray(body['choices']) ? body['choices'][0] : undefined);
  const part = fields(choice['delta'] ?? choice['message']);
  const calls = Array.isArray(part['tool_calls']) ? part['tool_calls'].slice(0, toolCallsMax) : [];
  return {
    text: text(part['content']) ?? '',
    calls: calls.map(readCall),
    reason: text(choice['finish_reason']),
    answerer: readAnswerer(fields(body['tabloom']), text(body['model'])),
  };
}

function readCall(value: unknown, position: number): CallPiece {
  const call = fields(value);
  const named = fields(call['function']);
  const index = call['index'];
  return {
    index: typeof index === 'number' && index >= 0 && index < toolCallsMax ? index : position,
    id: text(call['id']),
    name: text(named['name']),
    arguments: text(named['arguments']) ?? '',
  };
}

/** Joins the pieces of calls as they arrive. */
export function collectCalls() {
  const calls = new Map<number, ToolCall>();
  return {
    add(piece: CallPiece): void {
      const before = calls.get(piece.index) ?? { id: '', name: '', arguments: '' };
      calls.set(piece.index, {
        id: piece.id ?? before.id,
        name: piece.name ?? before.name,
        arguments: (before.arguments + piece.arguments).slice(0, 100_000),
      });
    },
    all: (): readonly ToolCall[] => [...calls.values()].filter(({ name }) => name !== ''),
  };
}

function readAnswerer(extension: Fields, model: string | undefined): Chunk['answerer'] {
  const role = text(extension['role']);
  const named = text(extension['model']) ?? model;
  if (role === undefined && named === undefined) return undefined;
  return { role: role === undefined ? undefined : role === 'native' ? 'native' : 'peer', model: named?.slice(0, 100) };
}

/** The error of a body in OpenAI's form; codes are written with hyphens here. */
export function readError(body: unknown, status: number, retryAfter?: string | null): TabloomError {
  const error = fields(fields(body)['error']);
  const code = (text(error['code']) ?? `http-${status}`).replaceAll('_', '-').slice(0, 64);
  const seconds = Number(retryAfter ?? Number.NaN);
  const details = Number.isFinite(seconds) && seconds >= 0 ? { retryAfterSeconds: Math.ceil(seconds) } : {};
  return new TabloomError(code, (text(error['message']) ?? '').slice(0, 500), { details: { status, ...details } });
}

export function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new TabloomError('bad-answer', 'This is no answer in the form of OpenAI’s API.');
  }
}
