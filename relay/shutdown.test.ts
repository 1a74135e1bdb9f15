import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { handleSignals } from './shutdown.ts';

function fixture() {
  const process = new EventEmitter();
  const stopped = Promise.withResolvers<void>();
  const state = { exits: [] as number[], stops: 0, now: 0 };
  handleSignals({
    process,
    elapsed: () => state.now,
    exit: (code) => state.exits.push(code),
    stop: () => {
      state.stops += 1;
      return stopped.promise;
    },
  });
  return { process, stopped, state };
}
const settle = () => new Promise((resolve) => setImmediate(resolve));

test('the first signal stops and leaves with 0', async () => {
  const { process, stopped, state } = fixture();
  process.emit('SIGTERM');
  await settle();
  expect(state).toMatchObject({ exits: [], stops: 1 });
  stopped.resolve();
  await settle();
  expect(state.exits).toEqual([0]);
});

test('the echo of one key press is no second signal; a later one leaves at once', async () => {
  const { process, state } = fixture();
  process.emit('SIGINT');
  state.now = 100;
  process.emit('SIGINT');
  expect(state.exits).toEqual([]);
  state.now = 1_000;
  process.emit('SIGTERM');
  expect(state).toMatchObject({ exits: [130], stops: 1 });
});

test('a stop that fails leaves with 1', async () => {
  const { process, stopped, state } = fixture();
  process.emit('SIGHUP');
  stopped.reject(new Error('stuck'));
  await settle();
  expect(state.exits).toEqual([1]);
});

test('E: a parent that has gone stops it like a SIGTERM, and is no second signal', async () => {
  const { process, stopped, state } = fixture();
  process.emit('disconnect');
  expect(state).toMatchObject({ exits: [], stops: 1 });
  state.now = 1_000;
  process.emit('disconnect');
  expect(state).toMatchObject({ exits: [], stops: 1 });
  stopped.resolve();
  await settle();
  expect(state.exits).toEqual([0]);
});
