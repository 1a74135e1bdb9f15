import { expect, test } from 'vitest';
import type { Floor, FloorState } from './floor.ts';
import { joinFloors } from './floors.ts';

/** A floor whose loading ends when the test says so. */
function fixture(name: string, order: string[]) {
  const first = Promise.withResolvers<FloorState>();
  let state: FloorState = { state: 'starting' };
  const floor: Floor = {
    get state() {
      return state;
    },
    ready: first.promise,
    start: () => void order.push(`${name} started`),
    onModelFailed: ({ code }) => void order.push(`${name} heard ${code}`),
    cancel: () => void order.push(`${name} cancelled`),
    stop: async () => void order.push(`${name} stopped`),
  };
  return {
    floor,
    end(next: FloorState) {
      state = next;
      first.resolve(next);
    },
  };
}

const failed: FloorState = { state: 'failed', error: { code: 'load-failed', message: 'No answer.' } };
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('begins one after the other, and is ready when each has answered or failed', async () => {
  const order: string[] = [];
  const [one, two] = [fixture('one', order), fixture('two', order)];
  const floors = joinFloors(
    new Map([
      ['a', one.floor],
      ['b', two.floor],
    ]),
  );
  floors.start();
  await settled();
  expect(order).toEqual(['one started']);
  one.end(failed);
  await settled();
  expect(order).toEqual(['one started', 'two started']);
  expect(floors.state).toEqual(failed);
  two.end({ state: 'serving' });
  expect(await floors.ready).toEqual({ state: 'serving' });
});

test('a failure goes to the model it is of; the end goes to all', async () => {
  const order: string[] = [];
  const floors = joinFloors(
    new Map([
      ['a', fixture('one', order).floor],
      ['b', fixture('two', order).floor],
    ]),
  );
  floors.onModelFailed('b', { code: 'device-lost', message: '' });
  floors.onModelFailed('gone', { code: 'device-lost', message: '' });
  floors.cancel();
  await floors.stop();
  expect(order).toEqual(['two heard device-lost', 'one cancelled', 'two cancelled', 'one stopped', 'two stopped']);
});
