/** Figures of `static/models/tabloom-demo.gguf`, written by `scripts/demo-catalog.mjs`; a test compares them. */
export const demoFile = {
  sizeBytes: 2841952,
  sha256: 'c77a4d4e64975a696396308dc364aeaf0cd85cb45c909fe7fe0ddd753c9ea1ae',
  contextTokens: 512,
  quantisation: 'F16',
  parameters: 1404320,
} as const;
