import { artefactId } from '#lib/protocol/artefact.ts';
import type { ModelEntry } from '../spec.ts';
import { demoFile } from './demo-file.ts';

/**
 * The bundled model: tiny, trained by this project, served from the page's own origin. See its model card next to the
 * file.
 */
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
  note: 'A toy for trying everything without a download. Don’t rely on its answers; its embeddings only compare words.',
  source: {
    kind: 'gguf',
    url: '/models/tabloom-demo.gguf',
    sizeBytes: demoFile.sizeBytes,
    sha256: demoFile.sha256,
  },
};
