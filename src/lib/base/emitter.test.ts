import { expect, test } from 'vitest';
import { createEmitter } from './emitter.ts';

test('every listener hears every event until it is taken away', () => {
  const emitter = createEmitter<number>();
  const heard: string[] = [];
  const endA = emitter.listen((n) => heard.push(`a${n}`));
  emitter.listen((n) => heard.push(`b${n}`));
  emitter.emit(1);
  endA();
  endA();
  emitter.emit(2);
  expect(heard).toEqual(['a1', 'b1', 'b2']);
});

test('a listener that throws is reported and keeps nobody from hearing', () => {
  const errors: unknown[] = [];
  const emitter = createEmitter<number>((error) => errors.push(error));
  const heard: number[] = [];
  emitter.listen(() => {
    throw new Error('mine');
  });
  emitter.listen((n) => heard.push(n));
  emitter.emit(1);
  expect(heard).toEqual([1]);
  expect(errors).toEqual([new Error('mine')]);
});

test('listening again, or leaving, from inside a listener counts from the next event on', () => {
  const emitter = createEmitter<number>();
  let calls = 0;
  const again = () => {
    calls += 1;
    emitter.listen(() => again());
  };
  emitter.listen(again);
  emitter.emit(1);
  expect(calls).toBe(1);

  const other = createEmitter<number>();
  const heard: string[] = [];
  other.listen(() => endLast());
  const endLast = other.listen(() => heard.push('last'));
  other.emit(1);
  expect(heard).toEqual([]);
});
