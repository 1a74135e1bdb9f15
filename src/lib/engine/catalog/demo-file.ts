/** Figures of `static/models/tabloom-demo.gguf`, written by `scripts/demo-catalog.mjs`; a test compares them. */
export const demoFile = {
  sizeBytes: 3969504,
  sha256: '035471c0203e5399e63202ef48fc83b069de9c34dd13ed08624e229bd965db72',
  contextTokens: 512,
  quantisation: 'F16',
  parameters: 1967808,
} as const;
