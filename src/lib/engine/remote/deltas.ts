import { utf8Encode } from '#lib/base/bytes.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { functionNameSchema } from '#lib/protocol/kinds/generation.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { Logprob } from '#lib/protocol/part.ts';
import type { CallDelta, Chunk } from './chunk.ts';

/** What one chunk adds to an answer, in the order the model generates it. */
export type Delta =
  | { readonly type: 'reasoning'; readonly text: string }
  | { readonly type: 'text'; readonly text: string }
  | {
      readonly type: 'call';
      readonly index: number;
      readonly id?: string | undefined;
      readonly name?: string | undefined;
      readonly arguments: string;
    };

export interface DeltaReader {
  read(chunk: Chunk): readonly Delta[];
  /** Tool calls started so far. */
  readonly calls: number;
}

/**
 * Reads the deltas of one answer. Servers differ in how they number tool calls: some omit the index, some send 0 for
 * every call, and some omit the id. So a call starts wherever a name appears and is numbered here. `idSeed` generates
 * ids for calls that have none.
 */
export function createDeltaReader(idSeed: string): DeltaReader {
  /** Maps the server's index or id of a call to ours. */
  const known = new Map<string, number>();

  const readCall = ({ index, id, function: called }: CallDelta): Delta | undefined => {
    const json = typeof called?.arguments === 'object' ? JSON.stringify(called.arguments) : (called?.arguments ?? '');
    const byIndex = index == null ? undefined : known.get(`#${index}`);
    const ours = (id ? known.get(id) : undefined) ?? (id && called?.name ? undefined : byIndex);
    if (ours !== undefined) return { type: 'call', index: ours, arguments: json };
    const name = called?.name ?? '';
    if (name === '') return reader.calls === 0 ? undefined : { type: 'call', index: reader.calls - 1, arguments: json };
    if (!functionNameSchema.safeParse(name).success || reader.calls >= limits.toolCallsMax) {
      throw new TabloomError('engine-failed', 'The model produced an invalid tool call. Try again.');
    }
    const own = reader.calls++;
    if (index != null) known.set(`#${index}`, own);
    if (id) known.set(id, own);
    const given = id && id.length <= limits.wordLengthMax ? id : `call_${idSeed}${own}`;
    return { type: 'call', index: own, id: given, name, arguments: json };
  };

  const reader: DeltaReader & { calls: number } = {
    calls: 0,
    read({ choices: [choice] }) {
      const delta = choice?.delta ?? choice?.message;
      const reasoning = delta?.reasoning_content ?? delta?.reasoning ?? '';
      const text = (delta?.content ?? choice?.text ?? '') + (delta?.refusal ?? '');
      return [
        ...(reasoning === '' ? [] : [{ type: 'reasoning' as const, text: reasoning }]),
        ...(text === '' ? [] : [{ type: 'text' as const, text }]),
        ...(delta?.tool_calls ?? []).flatMap((call) => readCall(call) ?? []),
      ];
    },
  };
  return reader;
}

/**
 * The log-probabilities of a chunk. Missing values and -Infinity, which JSON cannot represent, become the lowest
 * allowed value.
 */
export function readLogprobs({ choices: [choice] }: Chunk): readonly Logprob[] {
  const logprobs = choice?.logprobs;
  const items = logprobs?.content?.map(({ token, bytes, logprob, top_logprobs }) => ({
    ...readToken(token, logprob, bytes),
    top: (top_logprobs ?? [])
      .slice(0, limits.topLogprobsMax)
      .map((other) => readToken(other.token, other.logprob, other.bytes)),
  }));
  return (
    items ??
    (logprobs?.tokens ?? []).map((token, at) => ({
      ...readToken(token, logprobs?.token_logprobs?.[at]),
      top: Object.entries(logprobs?.top_logprobs?.[at] ?? {})
        .slice(0, limits.topLogprobsMax)
        .map(([other, logprob]) => readToken(other, logprob)),
    }))
  );
}

const leastLogprob = -9_999;

function readToken(token: string, logprob: number | null | undefined, bytes?: readonly number[] | null) {
  const cut = utf8Encode(token).length <= limits.stopSequenceBytesMax ? token : token.slice(0, 64);
  return {
    token: cut,
    logprob: Math.max(leastLogprob, Math.min(0, logprob ?? leastLogprob)),
    ...(bytes && bytes.length <= limits.stopSequenceBytesMax ? { bytes: Uint8Array.from(bytes) } : {}),
  };
}
