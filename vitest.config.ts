import { svelte } from '@sveltejs/vite-plugin-svelte';
import { globSync, readFileSync } from 'node:fs';
import { configDefaults, defineConfig } from 'vitest/config';

const law = ['tests/architecture.test.ts'];
const contracts = ['scripts/contracts/**/*.test.ts'];
const integration = ['tests/integration/**/*.test.ts'];
const unit = ['{src,relay,workers,scripts,tests}/**/*.test.ts'];
const notUnit = [...configDefaults.exclude, ...law, ...contracts, ...integration];

/** Effects that reach every other test in the same thread. */
const reachesFurther =
  /\bvi\.(mock|doMock|hoisted|stubGlobal|stubEnv|useFakeTimers|resetModules)\b|fake-indexeddb\/auto/;
const alone = globSync(unit, { exclude: notUnit }).filter((file) => reachesFurther.test(readFileSync(file, 'utf8')));

/** One project for each step of `npm test` that runs Vitest; `unit` needs two. */
export default defineConfig({
  plugins: [svelte()],
  resolve: { conditions: ['browser'] },
  test: {
    environment: 'node',
    // These only end what hangs, and have to hold while another lane or another program keeps the machine busy.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 100_000 } },
    retry: 0,
    setupFiles: ['tests/fixtures/setup.ts'],
    projects: [
      // Isolated, two hundred small files spend most of their time reloading the same modules.
      {
        extends: true,
        test: { name: 'unit', include: unit, exclude: [...notUnit, ...alone], pool: 'threads', isolate: false },
      },
      { extends: true, test: { name: 'unit-alone', include: alone } },
      { extends: true, test: { name: 'law', include: law } },
      { extends: true, test: { name: 'contracts', include: contracts, fileParallelism: false } },
      // Likewise: most of these files spent more time on loading libp2p and a chain's libraries than on their tests.
      { extends: true, test: { name: 'integration', include: integration, fileParallelism: false, isolate: false } },
    ],
  },
});
