import { defineConfig } from '@playwright/test';
import { launchOptions } from './tests/e2e/fixtures/launch.ts';

/** Browser tests start their own relays on free loopback ports; see tests/e2e/fixtures. */
export default defineConfig({
  testDir: 'tests/e2e',
  outputDir: 'test-results/e2e',
  fullyParallel: false,
  workers: 1,
  retries: 0,
  // A story of twenty steps, each with a limit of its own, on a machine that does four other things as well.
  timeout: 300_000,
  expect: { timeout: 90_000 },
  reporter: [['list']],
  use: {
    launchOptions,
    // What cannot be pressed says so before its test has used up its time.
    actionTimeout: 60_000,
    // Recording costs a third of the time: it takes a picture for every change of every page. `TRACE=1` records all tests.
    trace: process.env['TRACE'] ? 'on' : 'off',
    screenshot: 'only-on-failure',
  },
});
