import { expect, test } from 'vitest';
import { oncePerFrame } from './once-per-frame.ts';

test('of what comes between two frames only the newest is drawn, and what comes while it is drawn waits for the next', () => {
  const frames: (() => void)[] = [];
  const drawn: string[] = [];
  const draw = oncePerFrame((run) => frames.push(run));
  const text = (now: string) => () => {
    drawn.push(now);
    if (now === 'ab') draw(text('abc'));
  };
  draw(text('a'));
  draw(text('ab'));
  expect([frames.length, drawn]).toEqual([1, []]);
  frames.shift()!();
  expect([frames.length, drawn]).toEqual([1, ['ab']]);
  frames.shift()!();
  expect([frames.length, drawn]).toEqual([0, ['ab', 'abc']]);
});
