import { expect, test } from '@playwright/test';
import { resumeInBrowsers } from '../resume/browser.ts';

test('two tabs closed in the middle of an answer: it goes on, and the thread changes colour at that character', async () => {
  const report = await resumeInBrowsers({ kills: 2 });
  expect(report.complaints).toEqual([]);
  expect(report.kills).toBe(2);
});
