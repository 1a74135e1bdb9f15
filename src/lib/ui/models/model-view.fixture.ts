import type { ModelView } from '#lib/state/library.ts';

/** A model of 1 GB that fits this device and that nobody says anything else about. */
export const modelView = (change: Partial<ModelView> = {}): ModelView => ({
  name: 'small-q4f16_1',
  title: 'Small',
  parameters: 1e9,
  quantisation: 'q4f16_1',
  contextTokens: 4_096,
  sizeBytes: 500e6,
  missingBytes: 500e6,
  memoryBytes: 1e9,
  licence: 'MIT',
  engine: 'webllm',
  own: false,
  cachedBytes: 0,
  fit: { fits: true, reason: 'Fits this device (GPU).' },
  domains: [],
  languages: [],
  cardUrl: undefined,
  ...change,
});
