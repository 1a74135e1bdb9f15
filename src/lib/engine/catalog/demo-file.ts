/** Figures of `static/models/tabloom-demo.gguf`, written by `scripts/demo-catalog.mjs`; a test compares them. */
export const demoFile = {
  sizeBytes: 2841952,
  sha256: '58072edc47ba2ebbceb148130b72416088d9f1f3025b6bb3985281c75ea10db7',
  contextTokens: 512,
  quantisation: 'F16',
  parameters: 1404320,
} as const;
