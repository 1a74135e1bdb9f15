import { answers, modelsListed, send, startSharing, untilIdle, whoAnswers } from './fixtures/people.ts';
import { expect, test } from './fixtures/test.ts';

test.describe('a prompt from one tab to another', () => {
  test('A lends its engine, B reads an answer that streams directly from A, and curl does too', async ({
    bareRelay,
    newProfile,
    keep,
  }) => {
    const a = await newProfile();
    await a.goto(`${bareRelay.url}/share`);
    await expect(a.getByText(/can read/i).first()).toBeVisible();
    await keep(a, 'share-before');
    await startSharing(a, bareRelay.url);
    await expect.poll(() => modelsListed(bareRelay.url), { timeout: 4_000 }).toBe(1);
    await keep(a, 'share-running');

    const b = await newProfile();
    await b.goto(bareRelay.url);
    const log = await send(b, 'What is Tabloom?');
    await expect(answers(b).last()).toContainText(/\w+/);
    await untilIdle(b);
    await expect(log).toContainText('What is Tabloom?');

    const answer = answers(b).last();
    await expect(answer).toContainText(/direct/i);
    await expect(answer).toContainText(/open/i);
    await expect(answer).toContainText(/tokens?\/s/i);
    await answer.getByRole('button', { name: /receipt/i }).click();
    await expect(b.getByText(/signature/i).first()).toBeVisible();
    await keep(b, 'chat-receipt');

    const reply = await fetch(`${bareRelay.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'tabloom-demo', messages: [{ role: 'user', content: 'hello' }] }),
    });
    expect(reply.status).toBe(200);
    const body = (await reply.json()) as { choices: { message: { content: string } }[] };
    expect(body.choices[0]!.message.content.length).toBeGreaterThan(0);
  });

  test('Stop ends the generation on the other side', async ({ bareRelay, newProfile }) => {
    const a = await newProfile();
    await startSharing(a, bareRelay.url);
    const b = await newProfile();
    await b.goto(bareRelay.url);
    await send(b, 'Count to one hundred');
    await expect(answers(b).last()).toContainText(/\d/);
    await b.getByRole('button', { name: 'Stop', exact: true }).click();
    await untilIdle(b);
    await expect(answers(b).last()).toContainText(/stopped/i);
    const text = await answers(b).last().textContent();
    await send(b, 'hello');
    await untilIdle(b);
    await expect(answers(b)).toHaveCount(2);
    expect(await answers(b).first().textContent()).toBe(text);
  });

  test('closing A in the middle gives B a coded message at once, and a retry that works', async ({
    bareRelay,
    newProfile,
  }) => {
    const a = await newProfile();
    await startSharing(a, bareRelay.url);
    const b = await newProfile();
    await b.goto(bareRelay.url);
    await send(b, 'Count to one hundred');
    await expect(answers(b).last()).toContainText(/\d/);
    await a.close();
    await expect(b.getByText('peer-lost')).toBeVisible({ timeout: 8_000 });
    const replacement = await newProfile();
    await startSharing(replacement, bareRelay.url);
    await b.getByRole('button', { name: 'Retry' }).click();
    await expect(answers(b).last()).toContainText(/\d/);
    await untilIdle(b);
    await expect(b.getByText('peer-lost')).toHaveCount(0);
  });
});

test('a conversation is still there after a reload', async ({ nativeRelay, newProfile }) => {
  const page = await newProfile();
  await page.goto(nativeRelay.url);
  await send(page, 'hello');
  await untilIdle(page);
  const text = await answers(page).last().textContent();
  await page.reload();
  await expect(page.getByRole('log')).toContainText('hello');
  expect(await answers(page).last().textContent()).toBe(text);
});

test('with no peer the chat offers this device, and answers offline with the relay gone', async ({
  newProfile,
  keep,
}) => {
  const { startRelay } = await import('./fixtures/relay.ts');
  const relay = await startRelay({ native: 'no-native' });
  try {
    const page = await newProfile();
    await page.goto(relay.url);
    await page.getByRole('button', { name: /load tabloom demo/i }).click();
    await expect(whoAnswers(page)).toContainText(/this device/i);
    await send(page, 'hello');
    await untilIdle(page);
    await expect(answers(page).last()).toContainText(/this device/i);
    await page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
    await relay.halt();
    await page.context().setOffline(true);
    await page.reload();
    await page.getByRole('button', { name: /load tabloom demo/i }).click();
    await expect(whoAnswers(page)).toContainText(/this device/i);
    await send(page, 'What is your name?');
    await untilIdle(page);
    await expect(answers(page).last()).toContainText(/this device/i);
    await keep(page, 'chat-offline');
  } finally {
    await relay.dispose();
  }
});
