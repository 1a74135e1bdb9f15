/** Figures of `static/models/tabloom-demo.gguf`, as its `tabloom-demo.json` states them; a test compares the three. */
export const demoFile = {
  sizeBytes: 1,
  sha256: '0000000000000000000000000000000000000000000000000000000000000000',
  contextTokens: 512,
  quantisation: 'F16',
  parameters: 1,
} as const;
