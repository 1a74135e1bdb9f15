import { startProvide } from '../fixtures/relay-process.ts';
import { launchOptions, launchOptionsOfTomorrow } from './fixtures/launch.ts';
import { answers, send, untilIdle } from './fixtures/people.ts';
import { expect, test } from './fixtures/test.ts';

/** A machine without a public name: a relay introduces it, and pages reach it over WebRTC. */
for (const [name, options] of [
  ['as it is', launchOptions],
  ['as it will be, where WebRTC without signalling fails', launchOptionsOfTomorrow],
] as const) {
  test(`Chromium ${name}: a page gets its answer directly from a provider that only knows the relay`, async ({
    bareRelay,
    playwright,
  }) => {
    const flags = ['--direct-port', '0'];
    const provider = await startProvide({ relays: [bareRelay.url], flags });
    const browser = await playwright.chromium.launch(options);
    try {
      const page = await browser.newPage({ reducedMotion: 'reduce' });
      await page.goto(bareRelay.url);
      await send(page, 'What is Tabloom?');
      await untilIdle(page);
      const answer = answers(page).last();
      await expect(answer).toContainText('direct connection');
      await answer.getByRole('button', { name: 'Receipt' }).click();
      await expect(answer).toContainText('5 of 5 checks passed');
    } finally {
      await browser.close();
      await provider.dispose();
    }
  });
}
