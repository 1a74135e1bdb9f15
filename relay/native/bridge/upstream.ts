import { partTokens } from '#lib/protocol/output.ts';
import { maxTokensOf, promptLength } from '#lib/protocol/job.ts';
import { estimateTokens } from '#lib/protocol/tokens.ts';
import type { LoadedModel } from '#lib/engine/spec.ts';
import type { Allowance } from './allowance.ts';

/**
 * A model at a server of others, which its owner pays for: every request, trials included, is taken from his allowance, and
 * every answer says where it came from.
 */
export function paidUpstream(model: LoadedModel, allowance: Allowance): LoadedModel {
  return {
    ...model,
    upstream: true,
    async *doStream(request, options) {
      const tokensIn = estimateTokens(promptLength(request), 'highest');
      const settle = await allowance.take(tokensIn + (maxTokensOf(request) ?? 0));
      let tokens = 0;
      let used: number | undefined;
      try {
        for await (const event of model.doStream(request, options)) {
          if (tokens === 0 && used === undefined) yield fromUpstream;
          if (event.type === 'finish') used = event.usage.tokensIn + event.usage.tokensOut;
          else tokens += partTokens(event);
          yield event;
        }
      } finally {
        // Where nobody said, the prompt was read and what came was paid for.
        settle(used ?? tokensIn + tokens);
      }
    },
  };
}

const fromUpstream = {
  type: 'warning',
  code: 'answered-upstream',
  message: 'Another provider gave this answer: the models of this machine were busy.',
} as const;
