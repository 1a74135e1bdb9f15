/** Figures of `static/models/tabloom-demo.gguf`, written by `scripts/demo-catalog.mjs`; a test compares them. */
export const demoFile = {
  sizeBytes: 2841952,
  sha256: '492366d5ea052d4d093589a775079ff42a63f81efea99e117d75b13e30835140',
  contextTokens: 512,
  quantisation: 'F16',
  parameters: 1404320,
} as const;
