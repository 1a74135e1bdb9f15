import { artefactId } from '#lib/protocol/artefact.ts';
import type { ModelEntry } from '../spec.ts';
import { demoFile } from './demo-file.ts';

/** The model that comes with the project: tiny, its own, no download from anywhere else. See its card beside the file. */
export const demoModel: ModelEntry = {
  name: 'tabloom-demo',
  title: 'Tabloom demo',
  engines: ['wllama', 'llama'],
  artefact: artefactId({
    files: [{ path: 'tabloom-demo.gguf', sizeBytes: demoFile.sizeBytes, sha256: demoFile.sha256 }],
  }),
  contextTokens: demoFile.contextTokens,
  quantisation: demoFile.quantisation,
  parameters: demoFile.parameters,
  sizeBytes: demoFile.sizeBytes,
  memoryBytes: demoFile.sizeBytes * 3 + 32 * 1024 * 1024,
  licence: 'MIT',
  note: 'A toy, to try everything without a download. What it says is no fact, and its embeddings know words alone.',
  source: {
    kind: 'gguf',
    url: '/models/tabloom-demo.gguf',
    sizeBytes: demoFile.sizeBytes,
    sha256: demoFile.sha256,
  },
};
