// Writes the demo model's figures into the catalog, from the JSON file next to the model. Run it after training.
import { readFile, writeFile } from 'node:fs/promises';

const stated = JSON.parse(await readFile(new URL('../static/models/tabloom-demo.json', import.meta.url), 'utf8'));
const [file] = stated.files;
await writeFile(
  new URL('../src/lib/engine/catalog/demo-file.ts', import.meta.url),
  `/** Figures of \`static/models/tabloom-demo.gguf\`, written by \`scripts/demo-catalog.mjs\`; a test compares them. */
export const demoFile = {
  sizeBytes: ${file.sizeBytes},
  sha256: '${file.sha256}',
  contextTokens: ${stated.contextTokens},
  quantisation: '${stated.quantisation}',
  parameters: ${stated.parameters},
} as const;
`,
);
