import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '#lib/base/clock.ts';
import { ask, gatewayFixture } from './gateway/gateway.fixture.ts';
import { verifyReceipts } from './verify.ts';

let folder: string;
let answer: { choices: { message: { content: string } }[]; tabloom: { salt: string } };
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tabloom-verify-'));
  answer = await (await gatewayFixture(undefined, { clock: systemClock }).chat(ask())).json();
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const file = async (name: string, text: string) => {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
};
const verify = (env: object, input = '', format: 'text' | 'json' = 'json') =>
  verifyReceipts({ env: env as never, format, stdin: Readable.from([input]) });
const checksOf = (out: string) => JSON.parse(out).receipts[0].checks;

test('an answer of the gateway is checked as it came, with the prompt where it is given', async () => {
  const path = await file('answer.json', JSON.stringify(answer));
  const prompt = await file('request.json', JSON.stringify(ask()));
  const { out, exitCode } = await verify({ VERIFY_RECEIPT: path, VERIFY_PROMPT: prompt });
  expect(exitCode).toBe(0);
  expect(checksOf(out)).toEqual({
    'worker-signature': 'holds',
    'asker-signature': 'unchecked',
    'shown-fields': 'holds',
    prompt: 'holds',
    output: 'holds',
  });
  const question = await file('question.txt', 'hello');
  expect(checksOf((await verify({ VERIFY_RECEIPT: path, VERIFY_PROMPT: question })).out).prompt).toBe('holds');
});

test('from standard input; a changed answer fails with exit code 1, in words for people', async () => {
  const [choice] = answer.choices;
  const changed = { ...answer, choices: [{ ...choice, message: { ...choice!.message, content: 'Goodbye' } }] };
  const { out, notes, exitCode } = await verify({}, JSON.stringify(changed), 'text');
  expect([exitCode, notes]).toEqual([1, 'A check failed.\n']);
  expect(out).toContain('FAILED It covers exactly this answer.\n');
  expect(out).toContain('ok     The worker that it names signed it.');
  expect((await verify({}, JSON.stringify(answer), 'text')).notes).toContain('not which weights were run');
});

test('what is no receipt, is not there, or lacks its salt is said by a code', async () => {
  await expect(verify({}, '{}')).rejects.toMatchObject({ code: 'bad-receipt' });
  await expect(verify({ VERIFY_RECEIPT: join(folder, 'none') })).rejects.toMatchObject({ code: 'file-unreadable' });
  const path = await file('bare.json', JSON.stringify({ ...answer, tabloom: { ...answer.tabloom, salt: undefined } }));
  await expect(verify({ VERIFY_RECEIPT: path, VERIFY_PROMPT: path })).rejects.toMatchObject({ code: 'bad-setting' });
});
