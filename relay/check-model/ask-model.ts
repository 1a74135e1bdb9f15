import { systemClock } from '#lib/base/clock.ts';
import type { ModelFile } from '#lib/engine/files/model-file.ts';
import type { ModelEntry } from '#lib/engine/spec.ts';

const answerTokensMax = 128;
const contextTokensMax = 2_048;

/**
 * Asks the questions, one after the other, at temperature 0. The file's own template is not rendered: the engine writes prompts by
 * one of its own.
 * @returns the answers, in order.
 * @throws what the engine throws on loading.
 */
export async function askModel(
  { path, sizeBytes, sha256, artefact, file }: AskedModel,
  questions: readonly string[],
): Promise<readonly string[]> {
  const { createLlamaEngine } = await import('../native/llama.ts');
  const engine = createLlamaEngine({ clock: systemClock, pathOf: () => path });
  const entry: ModelEntry = {
    name: 'checked',
    title: 'checked',
    engines: ['llama'],
    artefact,
    contextTokens: Math.min(file.contextTokens ?? contextTokensMax, contextTokensMax),
    quantisation: 'unknown',
    parameters: 0,
    sizeBytes,
    memoryBytes: sizeBytes,
    licence: 'unknown',
    source: {
      kind: 'gguf',
      url: 'file',
      sizeBytes,
      sha256,
      template: file.template?.includes('<|start_header_id|>') ? 'llama3' : 'chatml',
    },
  };
  const answers: string[] = [];
  try {
    const model = await engine.load(entry, {});
    for (const question of questions) {
      const input = { messages: [{ role: 'user' as const, content: question }] };
      const params = { maxTokens: answerTokensMax, temperature: 0 };
      let answer = '';
      for await (const event of model.doStream({ kind: 'chat', input, params }, {})) {
        if (event.type === 'text-delta') answer += event.text;
      }
      answers.push(answer);
    }
  } finally {
    await engine.close();
  }
  return answers;
}

export interface AskedModel {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly artefact: string;
  readonly file: ModelFile;
}
