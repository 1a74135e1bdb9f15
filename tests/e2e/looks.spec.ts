import { AxeBuilder } from '@axe-core/playwright';
import { send, untilIdle } from './fixtures/people.ts';
import { expect, test } from './fixtures/test.ts';

const pages = ['/', '/share', '/network', '/models', '/doctor', '/settings'] as const;
const nameOf = (path: string) => (path === '/' ? 'chat' : path.slice(1));

for (const colorScheme of ['light', 'dark'] as const) {
  for (const width of [390, 1440] as const) {
    test(`every page is clean at ${width} px, ${colorScheme}`, async ({ nativeRelay, newProfile, keep }) => {
      const page = await newProfile({ width, colorScheme });
      await page.goto(nativeRelay.url);
      await send(page, 'hello');
      await untilIdle(page);
      for (const path of pages) {
        if (path !== '/') await page.goto(`${nativeRelay.url}${path}`);
        await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
        await page.evaluate(() => document.fonts.ready.then(() => undefined));
        await keep(page, `${nameOf(path)}-${width}-${colorScheme}`);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
        expect(overflow, `${path} is wider than the window`).toBeLessThanOrEqual(0);
        const { violations } = await new AxeBuilder({ page }).analyze();
        expect(
          violations.map(({ id, nodes }) => `${path}: ${id}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`),
        ).toEqual([]);
      }
    });
  }
}

test('the chat can be used with the keyboard alone', async ({ nativeRelay, newProfile }) => {
  const page = await newProfile();
  await page.goto(nativeRelay.url);
  await page.keyboard.press('Tab');
  await expect(page.getByRole('link', { name: /skip/i })).toBeFocused();
  await page.getByRole('textbox', { name: 'Message' }).focus();
  await page.keyboard.type('hello');
  await page.keyboard.press('Enter');
  await untilIdle(page);
  await expect(page.getByRole('log').getByRole('article')).toHaveCount(1);
});
