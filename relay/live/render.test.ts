import { describe, expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import { renderLive } from './render.ts';
import { createRate, rarely, type LiveSnapshot } from './snapshot.ts';

const snapshot: LiveSnapshot = {
  uptimeMs: 3_725_000,
  tokensOut: 5_000,
  running: 3,
  queued: 1,
  served: 412,
  failed: 2,
  peers: 17,
  models: [
    { name: 'qwen3:8b', workers: 4, slots: 32, running: 3, queued: 1 },
    { name: 'org/a-model-with-a-rather-long-name-instruct', workers: 1, slots: 8, running: 0, queued: 0 },
  ],
  backends: [
    { label: '127.0.0.1:11434', phase: 'up', models: 2 },
    { label: 'gpu.internal:8000', phase: 'down', models: 0, problem: 'ECONNREFUSED' },
  ],
};
const shown = (columns: number, rows = 24, change: Partial<LiveSnapshot> = {}) =>
  renderLive({ ...snapshot, ...change }, 81.25, { columns, rows });

describe('rendering', () => {
  test('a usual terminal', () => {
    expect(shown(80).join('\n')).toMatchInlineSnapshot(`
      "
        81.3 tok/s   3 running   1 queued   412 served   2 failed   17 peers
        up 1 h 2 min

        model                                        workers    busy  queued
        qwen3:8b                                           4    3/32       1
        org/a-model-with-a-rather-long-name-instruct       1     0/8       0

        model server        state  models
        127.0.0.1:11434        up       2
        gpu.internal:8000    down       0  ECONNREFUSED"
    `);
  });

  test('a narrow one', () => {
    expect(shown(40).join('\n')).toMatchInlineSnapshot(`
      "
        81.3 tok/s   3 running   1 queued
        412 served   2 failed   17 peers
        up 1 h 2 min

        model         workers    busy  queued
        qwen3:8b            4    3/32       1
        org/a-model-…       1     0/8      …

        model server        state  models
        127.0.0.1:11434        up       2
        gpu.internal:8000    down       0  E…"
    `);
  });

  test('nothing is there yet', () => {
    const empty = { uptimeMs: 900, running: 0, queued: 0, served: 0, failed: 0, peers: 0, models: [], backends: [] };
    expect(shown(80, 24, empty)).toHaveLength(2);
  });

  test.each([1, 2, 5, 9, 12])('%i rows are never exceeded, whatever there is to show', (rows) => {
    const models = Array.from({ length: 100 }, (_, at) => ({ ...snapshot.models[0]!, name: `m${at}` }));
    expect(shown(80, rows, { models }).length).toBeLessThanOrEqual(Math.max(1, rows - 1));
  });

  test.each([1, 20, 33, 40, 57, 80, 200])('no line is wider than %i columns', (columns) => {
    const models = [
      { ...snapshot.models[0]!, name: '大きな言語モデル'.repeat(8) },
      { ...snapshot.models[0]!, name: 'x'.repeat(300) },
    ];
    for (const line of shown(columns, 24, { models })) expect(line.length).toBeLessThan(Math.max(20, columns));
  });

  test('a name from elsewhere moves no cursor', () => {
    const models = [{ ...snapshot.models[0]!, name: 'a\u001b[2Jb' }];
    expect(shown(80, 24, { models }).join('')).not.toContain('\u001b');
  });

  test('what there is no room for is counted', () => {
    const models = Array.from({ length: 30 }, (_, at) => ({ ...snapshot.models[0]!, name: `m${at}` }));
    expect(shown(80, 16, { models, backends: [] }).at(-1)).toBe('  and 21 more');
  });
});

test('the rate is over ten seconds, and falls to nothing', async () => {
  const clock = manualClock();
  const rate = createRate(clock);
  expect(rate(0)).toBe(0);
  await clock.advance(5_000);
  expect(rate(1_000)).toBe(200);
  await clock.advance(5_000);
  expect(rate(1_000)).toBe(100);
  await clock.advance(5_000);
  await clock.advance(5_000);
  expect(rate(1_000)).toBe(0);
});

test('what is dear is read rarely', async () => {
  const clock = manualClock();
  let reads = 0;
  const read = rarely(clock, 2_000, () => ++reads);
  expect([read(), read()]).toEqual([1, 1]);
  await clock.advance(2_000);
  expect(read()).toBe(2);
});
