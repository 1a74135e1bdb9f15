import { writeFileSync } from 'node:fs';
import { demoModel } from '#lib/engine/catalog.ts';
import type { EngineEvent } from '#lib/engine/spec.ts';
import {
  addToSums,
  calibrationFrom,
  kernelOf,
  noMargins,
  type CalibrationRow,
  type MarginSums,
} from '#lib/trust/calibration.ts';
import { judgeAnswer } from '#lib/trust/rescore.ts';
import { startKernel, type Kernel } from './kernels.ts';
import { manyQuestions } from './series.ts';
import { loadLlama, requestFor, type Answer } from './workers.ts';

/**
 * Kernels that add up in another order each, from none of a processor's extensions to most of them; of those that come to the same bits one is named.
 * They stand for the machines of a class, as the workers do of which a relay learns.
 */
export const kernelsMeasured = ['x64', 'sse42', 'ivybridge', 'haswell', 'skylakex'] as const;
const file = new URL('../../relay/audit/bundled-rows.ts', import.meta.url);

export function answerOfEvents(question: string, events: readonly EngineEvent[]): Answer {
  const ids = events.flatMap((event) => (event.type === 'text-delta' ? (event.ids ?? []) : []));
  const finish = events.find((event) => event.type === 'finish');
  return { question, ids, ending: finish?.reason === 'stop' ? 'stop' : 'length' };
}

/**
 * Of llama.cpp by llama.cpp: each kernel answers, and that which is the best here and the plainest read it.
 * @param count questions for each. @throws where too few kernels run here.
 */
export async function measureRows(count: number, say: (line: string) => void): Promise<readonly CalibrationRow[]> {
  const { loaded, close } = await loadLlama({ threads: 1 });
  const plainest = await startKernel(kernelsMeasured[0]);
  const best: Pick<Kernel, 'score'> = { score: (asked) => loaded.score!(asked, {}) };
  const parts: MarginSums[] = [];
  try {
    for (const name of kernelsMeasured) {
      const kernel = await startKernel(name).catch(() => undefined);
      if (!kernel) {
        say(`${name}: not on this processor`);
        continue;
      }
      let sums = noMargins;
      for (const question of manyQuestions(count)) {
        const { ids, ending } = answerOfEvents(question, await kernel.answer(requestFor(question, 0)));
        if (ids.length === 0) continue;
        const asked = { prompt: requestFor(question, 0), answer: ids, ending };
        for (const { score } of [best, plainest]) {
          const scores = (await score(asked)).slice(0, ids.length);
          sums = addToSums(sums, judgeAnswer({ scores, manner: { type: 'greedy' } }).margins);
        }
      }
      kernel.close();
      parts.push(sums);
      say(`${name}: ${sums.tokens} tokens, the largest margin ${sums.max}`);
    }
    const calibration = calibrationFrom(parts);
    if (!calibration) throw new Error('Too few kernels run on this processor.');
    const kernel = kernelOf(loaded.engine);
    return [{ artefact: demoModel.artefact, worker: kernel, validator: kernel, ...calibration }];
  } finally {
    plainest.close();
    await close();
  }
}

/** Writes what the product ships. */
export function writeRows(rows: readonly CalibrationRow[]): void {
  writeFileSync(
    file,
    `import type { CalibrationRow } from '#lib/trust/calibration.ts';

/** How far honest margins go with the bundled model: written by \`npm run verified-curve -- --rows\`. */
export const bundledRows: readonly CalibrationRow[] = ${JSON.stringify(rows)};
`,
  );
}
