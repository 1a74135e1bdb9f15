/** Figures of `static/models/tabloom-demo.gguf`, written by `scripts/demo-catalog.mjs`; a test compares them. */
export const demoFile = {
  sizeBytes: 2841952,
  sha256: '614afe42521e262a58937fb0717527fa2fd37624f9dcde084d3eec28bfcdf56a',
  contextTokens: 512,
  quantisation: 'F16',
  parameters: 1404320,
} as const;
