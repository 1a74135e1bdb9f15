import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { seededRandom } from '#lib/base/random.ts';
import { demoModel } from '#lib/engine/catalog.ts';
import type { ModelEntry } from '#lib/engine/spec.ts';
import { encodeAs, readGguf, sha256, valuesOf, withNumber, writeGguf, type Gguf, type Tensor } from './gguf.ts';

/** What a cheat runs under the name of the bundled model. Each is made from its file, and is no model that anybody trained. */
export const modelNames = ['q8', 'q4', 'noise', 'dropped'] as const;
export type ModelName = (typeof modelNames)[number];

export const modelFile = fileURLToPath(new URL('../../static/models/tabloom-demo.gguf', import.meta.url));

/** Of the weights of a row, what is added to each at random. */
const noiseShare = 0.1;
const lastBlock = 3;

/** Writes the file into the folder, and gives the entry that loads it. */
export function makeModel(name: ModelName, folder: string): { readonly model: ModelEntry; readonly path: string } {
  const file = writeGguf(changes[name](readGguf(readFileSync(modelFile))));
  const path = join(folder, `${name}.gguf`);
  writeFileSync(path, file);
  if (demoModel.source.kind !== 'gguf') throw new Error('The bundled model is one GGUF file.');
  return {
    path,
    model: { ...demoModel, source: { ...demoModel.source, sizeBytes: file.length, sha256: sha256(file) } },
  };
}

const changes: Readonly<Record<ModelName, (file: Gguf) => Gguf>> = {
  q8: (file) => quantised(file, 'Q8_0'),
  q4: (file) => quantised(file, 'Q4_0'),
  /** Another model of the same shape. */
  noise(file) {
    const random = seededRandom(1);
    return eachMatrix(file, (tensor) => {
      const values = valuesOf(tensor);
      const size = Math.sqrt(values.reduce((sum, one) => sum + one * one, 0) / values.length);
      // The sum of twelve draws is nearly normal.
      const normal = () => Array.from({ length: 12 }, random.float).reduce((sum, one) => sum + one, -6);
      return {
        ...tensor,
        data: encodeAs(
          'F16',
          values.map((one) => one + noiseShare * size * normal()),
        ),
      };
    });
  },
  /** A smaller model: without its last block. */
  dropped: ({ metadata, entries, tensors }) => ({
    metadata: withNumber(metadata, 'llama.block_count', lastBlock),
    entries,
    tensors: tensors.filter(({ name }) => !name.startsWith(`blk.${lastBlock}.`)),
  }),
};

/** Rows that are no whole number of blocks stay as they are: those of ffn_down. */
const quantised = (file: Gguf, type: 'Q4_0' | 'Q8_0'): Gguf =>
  eachMatrix(file, (tensor) =>
    tensor.dimensions[0]! % 32 === 0 ? { ...tensor, type, data: encodeAs(type, valuesOf(tensor)) } : tensor,
  );

const eachMatrix = (file: Gguf, change: (tensor: Tensor) => Tensor): Gguf => ({
  ...file,
  tensors: file.tensors.map((tensor) => (tensor.type === 'F16' ? change(tensor) : tensor)),
});
