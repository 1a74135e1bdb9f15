import { registerHooks } from 'node:module';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { systemClock } from '#lib/base/clock.ts';
import { demoModel } from '#lib/engine/catalog.ts';
import type { EngineEvent } from '#lib/engine/spec.ts';
import { createLlamaEngine } from '../../relay/native/llama.ts';
import type { KernelAnswer, KernelAsked } from './kernels.ts';
import { modelFile } from './models.ts';

/*
 * llama.cpp whose kernels are those of the folder that is named: node-llama-cpp is shown it in place of its package's own, of whose
 * kernels it would take the best for this processor.
 */
const [folder, threads] = process.argv.slice(2);
const own = pathToFileURL(join(folder!, 'index.mjs')).href;
registerHooks({
  resolve: (specifier, context, next) =>
    specifier.startsWith('@node-llama-cpp/') ? { url: own, shortCircuit: true } : next(specifier, context),
});
const engine = createLlamaEngine({ clock: systemClock, threads: Number(threads), pathOf: () => modelFile });
const loaded = await engine.load(demoModel, {});

async function answer(asked: KernelAsked): Promise<KernelAnswer['found']> {
  if (asked.type === 'score') return loaded.score!(asked.asked, {});
  const events: EngineEvent[] = [];
  for await (const event of loaded.doStream(asked.asked, {})) events.push(event);
  return events;
}

let last: Promise<unknown> = Promise.resolve();
process.on('message', (asked: KernelAsked) => {
  last = last
    .then(() => answer(asked))
    .then(
      (found) => process.send!({ id: asked.id, found } satisfies KernelAnswer),
      (error: unknown) => process.send!({ id: asked.id, error: String(error) } satisfies KernelAnswer),
    );
});
process.on('disconnect', () => process.exit(0));
process.send!({ id: 0, found: [] } satisfies KernelAnswer);
