import { anySignal, type AbortOptions } from '#lib/base/abort.ts';
import type { Block, Blocks } from './block-beacon.ts';

type Ask = (source: Blocks, options: AbortOptions) => Promise<Block | undefined>;

/**
 * Blocks as more than half of the sources tell them, of those that do not answer too. Undefined where no such number says the same: a chain that is being
 * reorganised, a server that lags or lies, and silence are all waited out, and none of them is guessed at. As soon as enough agree the others are let go.
 */
export function agreedBlocks(sources: readonly Blocks[]): Blocks {
  const needed = Math.floor(sources.length / 2) + 1;
  const gather = (
    ask: Ask,
    settle: (answers: readonly Block[]) => Block | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Block | undefined> =>
    new Promise((resolve) => {
      const ended = new AbortController();
      const answers: Block[] = [];
      let left = sources.length;
      const end = (block: Block | undefined) => {
        ended.abort();
        resolve(block);
      };
      const note = (block: Block | undefined) => {
        left -= 1;
        if (block) answers.push(block);
        const agreed = answers.length >= needed ? settle(answers) : undefined;
        if (agreed || left <= 0) end(agreed);
      };
      if (sources.length === 0) return end(undefined);
      for (const source of sources)
        ask(source, { signal: anySignal([signal, ended.signal]) }).then(note, () => note(undefined));
    });
  const at = (number: number, { signal }: AbortOptions = {}) =>
    gather(
      (source, options) => source.at(number, options),
      (answers) => answers.find((one) => answers.filter((other) => isSame(one, other)).length >= needed),
      signal,
    );
  return {
    at,
    async head({ signal } = {}) {
      // The one that enough of them have reached: heads are seldom the same.
      const lowest = (blocks: readonly Block[]) => blocks.reduce((low, one) => (one.number < low.number ? one : low));
      const head = await gather((source, options) => source.head(options), lowest, signal);
      return head && at(head.number, { signal });
    },
  };
}

const isSame = (one: Block, other: Block): boolean =>
  one.number === other.number && one.hash === other.hash && one.timestamp === other.timestamp;
