import { expect, test } from 'vitest';
import { manualClock } from '#lib/base/clock.fixture.ts';
import type { LiveSnapshot } from './snapshot.ts';
import { createLiveView, hasLiveView } from './view.ts';

/** What a terminal of this size shows, for the few sequences that the view uses. */
function screen(columns: number, rows: number) {
  const lines: string[] = [''];
  let row = 0;
  let resized = () => {};
  const writes: string[] = [];
  const terminal = {
    columns,
    rows,
    writableNeedDrain: false,
    write(text: string) {
      writes.push(text);
      const visible = text.replaceAll('\x1b', '␛');
      for (const [, up, clear, feed, back, plain] of visible.matchAll(/␛\[(\d+)A|(␛\[J)|(\n)|(\r)|([^␛\n\r]+)/g)) {
        if (up) row = Math.max(0, row - Number(up));
        else if (clear) lines.splice(row, lines.length, '');
        else if (feed) lines[++row] ??= '';
        else if (!back) lines[row] += plain!;
      }
    },
    on: (_event: 'resize', listener: () => void) => void (resized = listener),
    off: () => void (resized = () => {}),
  };
  return {
    terminal,
    writes,
    text: () => lines.join('\n'),
    resize: (to: number) => ((terminal.columns = to), resized()),
  };
}

const idle: LiveSnapshot = {
  uptimeMs: 0,
  tokensOut: 0,
  running: 0,
  queued: 0,
  served: 0,
  failed: 0,
  peers: 0,
  models: [],
  backends: [],
};

function fixture() {
  const clock = manualClock();
  const shown = screen(120, 24);
  const view = createLiveView(shown.terminal, clock);
  let now = idle;
  view.print('Tabloom\n');
  view.start(() => now);
  return { clock, view, ...shown, set: (change: Partial<LiveSnapshot>) => void (now = { ...now, ...change }) };
}

const counters = (text: string) => `\n  0.0 tok/s   ${text}   up 0 s\n`;
const nothing = counters('0 running   0 queued   0 served   0 failed   0 peers');

test('it is painted in place, below what is printed, at most twice a second and only when something changed', async () => {
  const { clock, view, text, writes, set } = fixture();
  expect(text()).toBe(`Tabloom\n${nothing}`);
  const before = writes.length;
  await clock.advance(5_000);
  expect(writes.length).toBe(before);
  for (let at = 0; at < 10; at++) {
    set({ running: at + 1 });
    await clock.advance(100);
  }
  expect(writes.length).toBe(before + 2);
  view.print('A line.\n');
  view.print('Another');
  view.print('');
  const busy = counters('10 running   0 queued   0 served   0 failed   0 peers');
  expect(text()).toBe(`Tabloom\nA line.\nAnother\n${busy}`);
  view.stop();
  expect(text()).toBe('Tabloom\nA line.\nAnother\n');
  expect(clock.nextDueMs).toBe(Number.POSITIVE_INFINITY);
  view.print('Bye.\n');
  expect(text()).toBe('Tabloom\nA line.\nAnother\nBye.\n');
});

test('a terminal that is not read is not written to', async () => {
  const { clock, terminal, writes, set } = fixture();
  const before = writes.length;
  terminal.writableNeedDrain = true;
  set({ running: 5 });
  await clock.advance(5_000);
  expect(writes.length).toBe(before);
  terminal.writableNeedDrain = false;
  await clock.advance(500);
  expect(writes.length).toBe(before + 1);
});

test('after a resize it fits again', () => {
  const { resize, writes } = fixture();
  resize(40);
  const last = writes.at(-1)!;
  // The line of counters had 79 characters, which 40 columns show as two lines.
  expect(last.startsWith('\x1b[3A\r\x1b[J')).toBe(true);
  for (const line of last.split('\n').slice(1)) expect(line.length).toBeLessThan(40);
});

test('it sets no mode that a killed program would leave behind', async () => {
  const { clock, writes, view, set } = fixture();
  set({ running: 1 });
  await clock.advance(500);
  view.stop();
  expect(
    writes
      .join('')
      .replaceAll('\x1b', '␛')
      .replaceAll(/␛\[(\d+A|J)/g, ''),
  ).not.toContain('␛');
});

test('only a terminal that can show it has it', () => {
  expect(hasLiveView({ isTTY: true }, { TERM: 'xterm' }, 'live')).toBe(true);
  expect(hasLiveView({ isTTY: true }, { TERM: 'dumb' }, 'live')).toBe(false);
  expect(hasLiveView({ isTTY: true }, {}, 'quiet')).toBe(false);
  expect(hasLiveView({}, {}, 'live')).toBe(false);
});

test('a terminal that does not say its size has the usual one', async () => {
  const clock = manualClock();
  const { terminal, writes } = screen(0, 0);
  const view = createLiveView(terminal, clock);
  view.start(() => idle);
  view.stop();
  expect(writes).toEqual([nothing, '\x1b[2A\r\x1b[J']);
});
