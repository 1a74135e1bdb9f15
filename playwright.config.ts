import { defineConfig } from '@playwright/test';
import { launchOptions } from './tests/e2e/fixtures/launch.ts';

/** Browser tests start their own relays on free loopback ports; see tests/e2e/fixtures. */
export default defineConfig({
  testDir: 'tests/e2e',
  outputDir: 'test-results/e2e',
  fullyParallel: false,
  workers: 1,
  retries: 0,
  timeout: 90_000,
  expect: { timeout: 20_000 },
  reporter: [['list']],
  use: {
    launchOptions,
    trace: 'retain-on-failure',
    screenshot: 'only-on-failure',
  },
});
