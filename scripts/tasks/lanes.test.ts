import { expect, test } from 'vitest';
import { one, type Counts } from './counts.ts';
import { runLanes, type Step } from './lanes.ts';

const step = (name: string, run: Step['run']): Step => ({ name, run });
const untimed = (texts: readonly string[]) => texts.map((text) => text.replace(/\([\d.]+ s\)/, '(… s)'));

test('lanes run side by side, and what a step prints comes whole, with its verdict last', async () => {
  const printed: string[] = [];
  const between = Promise.withResolvers<void>();
  const total = await runLanes(
    [
      [
        step('slow', async (print) => {
          print('slow begins\n');
          await between.promise;
          print('slow ends\n');
          return one(true);
        }),
      ],
      [
        step('quick', async (print) => {
          print('quick\n');
          return { passed: 3, failed: 0, skipped: 2 };
        }),
        step('next', async () => {
          between.resolve();
          return one(true);
        }),
      ],
    ],
    (text) => printed.push(text),
  );
  expect(untimed(printed).toSorted()).toEqual([
    'ok    next         1 passed, 0 failed  (… s)\n',
    'quick\nok    quick        3 passed, 0 failed  (… s)\n',
    'slow begins\nslow ends\nok    slow         1 passed, 0 failed  (… s)\n',
  ]);
  expect(total).toEqual<Counts>({ passed: 5, failed: 0, skipped: 2 });
});

test('a failure hides nothing: not the steps behind it, not the other lane', async () => {
  const printed: string[] = [];
  const broken = step('broken', async () => Promise.reject(new Error('no such tool')));
  const total = await runLanes(
    [
      [broken, step('behind', async () => one(true))],
      [step('beside', async () => ({ passed: 1, failed: 2, skipped: 0 }))],
    ],
    (text) => printed.push(text),
  );
  expect(untimed(printed).toSorted()).toEqual([
    'Error: no such tool\nFAIL  broken       0 passed, 1 failed  (… s)\n',
    'FAIL  beside       1 passed, 2 failed  (… s)\n',
    'ok    behind       1 passed, 0 failed  (… s)\n',
  ]);
  expect(total).toEqual<Counts>({ passed: 2, failed: 3, skipped: 0 });
});

test('a step alone prints as it goes', async () => {
  const printed: string[] = [];
  await runLanes(
    [
      [
        step('alone', async (print) => {
          print('first\n');
          expect(printed).toEqual(['first\n']);
          return one(true);
        }),
      ],
      [],
    ],
    (text) => printed.push(text),
  );
  expect(printed).toHaveLength(2);
});

test('a lane that has come to its end takes what is left, each step once', async () => {
  const printed: string[] = [];
  const order: string[] = [];
  const others = Promise.withResolvers<void>();
  const noted = (name: string) => step(name, async () => one(order.push(name) > 0));
  const total = await runLanes(
    [[step('long', async () => others.promise.then(() => one(order.push('long') > 0)))], [noted('short')]],
    (text) => printed.push(text),
    [noted('first'), noted('second'), step('third', async () => (others.resolve(), one(order.push('third') > 0)))],
  );
  expect(order).toEqual(['short', 'first', 'second', 'third', 'long']);
  expect(total.passed).toBe(5);
});

test('what is left runs, though no lane has steps of its own', async () => {
  expect(await runLanes([[], []], () => undefined, [step('alone', async () => one(true))])).toMatchObject({
    passed: 1,
  });
});
