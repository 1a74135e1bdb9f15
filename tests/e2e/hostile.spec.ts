import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { answers, curl, liveMeter, modelsListed, send, sideBar, startSharing, untilIdle } from './fixtures/people.ts';
import { expect, test } from './fixtures/test.ts';

const hostile = fileURLToPath(new URL('./fixtures/hostile.process.ts', import.meta.url));

test('a hostile peer and a crowd: the tab goes on lending, the relay goes on introducing', async ({
  bareRelay,
  newProfile,
}) => {
  const a = await newProfile();
  await startSharing(a, bareRelay.url);
  await expect.poll(() => modelsListed(bareRelay.url)).toBe(1);
  const peer = await sideBar(a).locator('[title^="12D3"]').first().getAttribute('title');

  await test.step('broken frames, hanging streams, a flood of offers', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, [hostile, bareRelay.url, peer!]);
    const outcome = JSON.parse(stdout) as { readonly sent: number };
    expect(outcome).toMatchObject({ cutOff: true, denied: true });
    expect(outcome.sent).toBeGreaterThan(40);
    expect(await modelsListed(bareRelay.url)).toBe(1);
    await expect(liveMeter(a, 'Answers')).toContainText('none running');
  });

  await test.step('a crowd at the gateway: answered or told to come back, nothing else', async () => {
    const statuses = await Promise.all(
      Array.from({ length: 100 }, () =>
        fetch(`${bareRelay.url}/v1/chat/completions`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({
            model: 'tabloom-demo',
            max_tokens: 4,
            messages: [{ role: 'user', content: 'hello' }],
          }),
        }).then(({ status }) => status),
      ),
    );
    expect(statuses.every((status) => status === 200 || status === 429)).toBe(true);
    expect(statuses).toContain(200);
  });

  await test.step('everybody else is answered as before', async () => {
    expect((await curl(bareRelay.url, 'hello')).tabloom.peer).toBe(peer);
    const b = await newProfile();
    await b.goto(bareRelay.url);
    await send(b, 'What is Tabloom?');
    await untilIdle(b);
    await expect(answers(b).last()).toContainText('direct connection');
  });
});
