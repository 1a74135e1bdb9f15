import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { demoModel } from '#lib/engine/catalog.ts';

const folder = new URL('../../../static/models/', import.meta.url);

test('the catalog, the stated figures and the file of the demo model agree', async () => {
  const bytes = await readFile(new URL('tabloom-demo.gguf', folder));
  const stated = JSON.parse(await readFile(new URL('tabloom-demo.json', folder), 'utf8'));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  expect(stated.files).toEqual([{ path: 'tabloom-demo.gguf', sizeBytes: bytes.length, sha256 }]);
  // When this fails after training: node scripts/demo-catalog.mjs
  expect(demoModel).toMatchObject({
    sizeBytes: bytes.length,
    source: { kind: 'gguf', sizeBytes: bytes.length, sha256 },
    contextTokens: stated.contextTokens,
    quantisation: stated.quantisation,
    parameters: stated.parameters,
  });
});
