/** Figures of `static/models/tabloom-demo.gguf`, written by `scripts/demo-catalog.mjs`; a test compares them. */
export const demoFile = {
  sizeBytes: 2841952,
  sha256: 'cd4d05e75d1e431717345df2756443cff3c748d05fe35677b9aa9757ce9708c7',
  contextTokens: 512,
  quantisation: 'F16',
  parameters: 1404320,
} as const;
