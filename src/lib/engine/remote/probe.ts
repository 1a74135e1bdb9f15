import { throwIfAborted } from '#lib/base/abort.ts';
import type { Feature } from '#lib/protocol/kinds/spec.ts';
import { emptyOutput, foldOutput, type Output } from '#lib/protocol/output.ts';
import type { EngineEvent, RequestOf } from '../spec.ts';

/** Enough for a model that reasons first. */
const maxTokens = 512;

type Probe = readonly [Feature, Pick<RequestOf<'chat'>, 'input' | 'params'>, (output: Output) => boolean];

const userMessage = (content: string) => [{ role: 'user' as const, content }];
const schema =
  '{"type":"object","properties":{"ready":{"type":"boolean"}},"required":["ready"],"additionalProperties":false}';

/** Features that a single request can prove: each asks for something a model would not do by chance. */
const probes: readonly Probe[] = [
  [
    'tools',
    {
      input: {
        messages: userMessage('Tell me a story about the sea.'),
        tools: [{ name: 'report_ready', description: 'Reports that the model is ready.', parameters: schema }],
      },
      params: { maxTokens, temperature: 0, toolChoice: { type: 'named', name: 'report_ready' } },
    },
    ({ toolCalls }) => toolCalls[0]?.name === 'report_ready' && isReady(toolCalls[0].arguments),
  ],
  [
    'json-schema',
    {
      input: { messages: userMessage('Tell me a story about the sea.') },
      params: { maxTokens, temperature: 0, responseFormat: { type: 'json-schema', name: 'ready', schema } },
    },
    ({ text }) => isReady(text),
  ],
  [
    'logprobs',
    { input: { messages: userMessage('Say hello.') }, params: { maxTokens: 8, temperature: 0, logprobs: 1 } },
    ({ logprobs }) => (logprobs[0]?.top.length ?? 0) > 0,
  ],
];

/**
 * The features that the server demonstrates with this model. A refused or ignored request does not count; features that
 * cannot be proven this way (`vision`, `logit-bias`, `seed`) have to be declared. @throws only if the signal aborts.
 */
export async function probeFeatures(
  ask: (request: RequestOf<'chat'>, signal: AbortSignal | undefined) => AsyncIterable<EngineEvent>,
  { signal }: { readonly signal?: AbortSignal | undefined },
): Promise<readonly Feature[]> {
  const shown = new Set<Feature>();
  for (const [feature, work, isMet] of probes) {
    try {
      let output = emptyOutput;
      for await (const event of ask({ kind: 'chat', ...work }, signal)) {
        if (event.type !== 'finish') output = foldOutput(output, event);
      }
      if (output.reasoning !== '') shown.add('reasoning');
      if (isMet(output)) shown.add(feature);
    } catch {
      throwIfAborted(signal);
    }
  }
  return [...shown];
}

function isReady(json: string): boolean {
  try {
    return typeof JSON.parse(json).ready === 'boolean';
  } catch {
    return false;
  }
}
