import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { checkFile } from '../scripts/law/check.ts';
import { drawRooms, withDiagram } from '../scripts/law/diagram.ts';
import { readSources } from '../scripts/law/sources.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const sources = readSources(root);

describe('the law of the house', () => {
  test('holds in every file', () => {
    expect(sources.length).toBeGreaterThan(50);
    expect(sources.flatMap(([file, source]) => checkFile(file, source))).toEqual([]);
  });

  test('the diagram in docs/ARCHITECTURE.md is the one the imports draw', () => {
    const document = readFileSync(`${root}/docs/ARCHITECTURE.md`, 'utf8');
    expect(document === withDiagram(document, drawRooms(sources)), 'run `npm run diagram`').toBe(true);
  });
});

describe('the checker sees', () => {
  const broken: readonly (readonly [string, string, string])[] = [
    ['a room it may not import', 'src/lib/net/a.ts', `import { x } from '#lib/engine/spec.ts';`],
    [
      'a type-only import',
      'src/lib/ui/A.svelte',
      `<script lang="ts">import type { Net } from '#lib/net/spec.ts';</script>`,
    ],
    ['a worker url', 'src/lib/state/a.ts', `new Worker(new URL('../../../workers/a.worker.ts', import.meta.url))`],
    ['a dynamic import', 'src/lib/base/a.ts', `await import('../protocol/job.ts')`],
    [
      'a value of a room that gives types alone',
      'src/lib/boot/a.ts',
      `import { noNetwork } from '#lib/state/network.ts';`,
    ],
    ['a value beside a type', 'src/lib/boot/a.ts', `import { type A, b } from '#lib/state/network.ts';`],
    ['a re-export', 'src/lib/protocol/a.ts', `export * from '#lib/peer/spec.ts';`],
    ['a vendor at the wrong door', 'src/lib/peer/a.ts', `import { createLibp2p } from 'libp2p';`],
    ['a scoped vendor', 'src/lib/peer/a.ts', `import x from '@libp2p/ping';`],
    ['a vendor without any door', 'src/lib/base/a.ts', `import _ from 'lodash';`],
    ['a Node module in the library', 'src/lib/base/a.ts', `import { readFile } from 'node:fs';`],
    ['neighbours inside the relay', 'relay/gateway/a.ts', `import { x } from '../node/b.ts';`],
    ['a double in a program', 'src/lib/net/a.ts', `import { manualClock } from '#lib/base/clock.fixture.ts';`],
    ['a file in no room', 'src/lib/helpers/a.ts', ``],
    ['an import of a file in no room', 'src/lib/ui/a.ts', `import { x } from '../helpers/a.ts';`],
  ];
  test.each(broken)('%s', (_, file, source) => expect(checkFile(file, source)).toHaveLength(1));

  const fine: readonly (readonly [string, string, string])[] = [
    ['its own room', 'src/lib/net/a.ts', `import { x } from './b.ts';`],
    ['an allowed room', 'src/lib/net/a.ts', `import { x } from '#lib/protocol/job.ts';`],
    ['a type', 'src/lib/boot/a.ts', `import type { NetworkView } from '#lib/state/network.ts';`],
    ['an open door', 'relay/node/a.ts', `import { createLibp2p } from 'libp2p';\nimport fs from 'node:fs';`],
    ['a comment', 'src/lib/base/a.ts', `// import { x } from '#lib/peer/spec.ts'\n/* import 'viem' */`],
    ['a double in a double', 'src/lib/net/a.fixture.ts', `import { x } from '#lib/base/clock.fixture.ts';`],
    ['tests', 'tests/a.ts', `import { x } from '#lib/peer/spec.ts';`],
  ];
  test.each(fine)('nothing wrong in %s', (_, file, source) => expect(checkFile(file, source)).toEqual([]));
});
