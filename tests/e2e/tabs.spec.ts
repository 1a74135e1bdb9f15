import { answers, modelsListed, send, sideBar, startSharing, untilIdle, whoAnswers } from './fixtures/people.ts';
import { expect, test } from './fixtures/test.ts';

const elsewhere = 'Another tab of this browser holds this device’s key';

test('two tabs of one browser: both ask, one lends, and the other can take over', async ({
  bareRelay,
  newProfile,
  keep,
}) => {
  const first = await newProfile();
  const second = await first.context().newPage();
  await startSharing(first, bareRelay.url);
  await expect.poll(() => modelsListed(bareRelay.url)).toBe(1);
  const own = await sideBar(first).locator('[title^="12D3"]').first().getAttribute('title');

  await test.step('the second is a guest: it asks the first, and may not lend', async () => {
    await second.goto(bareRelay.url);
    await expect(sideBar(second)).toContainText('this tab, as a guest');
    await expect(whoAnswers(second)).toContainText('a browser tab');
    await send(second, 'hello');
    await untilIdle(second);
    await expect(answers(second).last().getByTitle(own!)).toBeVisible();
    await second.goto(`${bareRelay.url}/share`);
    await expect(second.getByText(elsewhere)).toBeVisible();
    await expect(second.getByRole('button', { name: 'Start sharing' })).toBeDisabled();
    await keep(second, 'share-guest');
  });

  await test.step('it takes over: the first stops lending and goes on as a guest', async () => {
    await second.getByRole('button', { name: 'Use here' }).click();
    await expect(second.getByText(elsewhere)).toHaveCount(0);
    await expect(first.getByText(elsewhere)).toBeVisible();
    await expect(sideBar(second)).toContainText('this device');
    await expect(sideBar(second).getByTitle(own!)).toBeVisible();
    await expect.poll(() => modelsListed(bareRelay.url)).toBe(0);
    await second.getByRole('button', { name: 'Start sharing' }).click();
    await expect(second.getByRole('button', { name: 'Stop sharing' })).toBeVisible();
    await expect.poll(() => modelsListed(bareRelay.url)).toBe(1);
  });

  await test.step('when it is closed, the first has the key again', async () => {
    await second.close();
    await expect(first.getByText(elsewhere)).toHaveCount(0);
    await expect(sideBar(first).getByTitle(own!)).toBeVisible();
    await expect(first.getByRole('button', { name: 'Start sharing' })).toBeEnabled();
  });
});
