import { utf8Encode } from '#lib/base/bytes.ts';
import { TabloomError } from '#lib/base/errors.ts';
import { functionNameSchema } from '#lib/protocol/kinds/generation.ts';
import { limits } from '#lib/protocol/limits.ts';
import type { Logprob } from '#lib/protocol/part.ts';
import type { CallDelta, Chunk } from './chunk.ts';

/** What one chunk adds to an answer, in the order in which a model says it. */
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
  /** Calls begun so far. */
  readonly calls: number;
}

/**
 * Reads the deltas of one answer. Servers number calls as they like, some not at all, some every one with 0, and some give
 * no id: a call begins where a name comes, and is numbered here. `idSeed` makes the ids of calls that have none.
 */
export function createDeltaReader(idSeed: string): DeltaReader {
  /** The server's number or id of a call → ours. */
  const known = new Map<string, number>();
  let calls = 0;

  const readCall = ({ index, id, function: called }: CallDelta): Delta | undefined => {
    const json = typeof called?.arguments === 'object' ? JSON.stringify(called.arguments) : (called?.arguments ?? '');
    const byIndex = index == null ? undefined : known.get(`#${index}`);
    const ours = (id ? known.get(id) : undefined) ?? (id && called?.name ? undefined : byIndex);
    if (ours !== undefined) return { type: 'call', index: ours, arguments: json };
    const name = called?.name ?? '';
    if (name === '') return calls === 0 ? undefined : { type: 'call', index: calls - 1, arguments: json };
    if (!functionNameSchema.safeParse(name).success || calls >= limits.toolCallsMax) {
      throw new TabloomError('engine-failed', 'The model called something that is no function. Try again.');
    }
    const own = calls++;
    if (index != null) known.set(`#${index}`, own);
    if (id) known.set(id, own);
    const given = id && id.length <= limits.wordLengthMax ? id : `call_${idSeed}${own}`;
    return { type: 'call', index: own, id: given, name, arguments: json };
  };

  return {
    get calls() {
      return calls;
    },
    read({ choices: [choice] }) {
      const said = choice?.delta ?? choice?.message;
      const reasoning = said?.reasoning_content ?? said?.reasoning ?? '';
      const text = (said?.content ?? choice?.text ?? '') + (said?.refusal ?? '');
      return [
        ...(reasoning === '' ? [] : [{ type: 'reasoning' as const, text: reasoning }]),
        ...(text === '' ? [] : [{ type: 'text' as const, text }]),
        ...(said?.tool_calls ?? []).flatMap((call) => readCall(call) ?? []),
      ];
    },
  };
}

/** The log-probabilities of a chunk; `undefined` and -Infinity, which JSON has not, are the least there is. */
export function readLogprobs({ choices: [choice] }: Chunk): readonly Logprob[] {
  const said = choice?.logprobs;
  const items = said?.content?.map(({ token, bytes, logprob, top_logprobs }) => ({
    ...readToken(token, logprob, bytes),
    top: (top_logprobs ?? [])
      .slice(0, limits.topLogprobsMax)
      .map((other) => readToken(other.token, other.logprob, other.bytes)),
  }));
  return (
    items ??
    (said?.tokens ?? []).map((token, at) => ({
      ...readToken(token, said?.token_logprobs?.[at]),
      top: Object.entries(said?.top_logprobs?.[at] ?? {})
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
