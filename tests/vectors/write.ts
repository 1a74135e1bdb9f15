import { writeFile } from 'node:fs/promises';
import { format } from 'prettier';
import { buildVectors } from './build.ts';

/** `node tests/vectors/write.ts` after adding a case. A line that changes instead of being added breaks the wire. */
for (const [name, vectors] of Object.entries(buildVectors())) {
  const text = await format(JSON.stringify(vectors), { parser: 'json', printWidth: 120 });
  await writeFile(new URL(`${name}.json`, import.meta.url), text);
}
