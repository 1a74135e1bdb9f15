import { readFileSync } from 'node:fs';

/** What one step of the test run counted. */
export interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export const none: Counts = { passed: 0, failed: 0, skipped: 0 };

/** For a tool that reports no counts of its own. */
export const one = (passed: boolean): Counts => ({ passed: passed ? 1 : 0, failed: passed ? 0 : 1, skipped: 0 });

export const add = (a: Counts, b: Counts): Counts => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  skipped: a.skipped + b.skipped,
});

/** Reads Vitest's JSON report; undefined when the run died before it wrote one. */
export function readVitest(path: string): Counts | undefined {
  const report = readJson(path);
  if (!report) return undefined;
  return {
    passed: report['numPassedTests'] ?? 0,
    failed: report['numFailedTests'] ?? 0,
    skipped: (report['numPendingTests'] ?? 0) + (report['numTodoTests'] ?? 0),
  };
}

/** Reads Playwright's JSON report; a flaky test counts as failed. */
export function readPlaywright(path: string): Counts | undefined {
  const stats = (readJson(path) as { stats?: Record<string, number> } | undefined)?.stats;
  if (!stats) return undefined;
  return {
    passed: stats['expected'] ?? 0,
    failed: (stats['unexpected'] ?? 0) + (stats['flaky'] ?? 0),
    skipped: stats['skipped'] ?? 0,
  };
}

function readJson(path: string): Record<string, number> | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Record<string, number>;
  } catch {
    return undefined;
  }
}
