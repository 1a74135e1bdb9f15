import type { Clock } from '#lib/base/clock.ts';
import { demoModel } from '#lib/engine/catalog.ts';
import type { ModelSupervisorComponents } from './supervisor.ts';

/** Tokenizing blocks the relay's only thread: this is far more than the model reads, and takes milliseconds. */
const bundledLimits = { promptCharacters: 64 * 1024 } as const;

/** The model from this repository, run by llama.cpp in this process. */
export async function bundledModel(
  modelFile: string,
  { clock }: { readonly clock: Clock },
): Promise<Pick<ModelSupervisorComponents, 'model' | 'engine' | 'slots' | 'limits'>> {
  // Imported late: with a model server, llama.cpp is not needed in memory.
  const { createLlamaEngine } = await import('./llama.ts');
  const engine = createLlamaEngine({ clock, pathOf: () => modelFile });
  return { model: demoModel, engine, slots: 1, limits: bundledLimits };
}
