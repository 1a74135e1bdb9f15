import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { curlCommand, startupBanner, handleSignals } from './terminal.ts';

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

test('the request of the startup banner is what it was', () => {
  expect(curlCommand('http://localhost:8080', 'tabloom-demo')).toBe(
    `curl -N http://localhost:8080/v1/chat/completions -H 'Content-Type: application/json' ` +
      `-d '{"model":"tabloom-demo","stream":true,"messages":[{"role":"user","content":"What is Tabloom?"}]}'`,
  );
});

test('A12: a name neither leaves its quotes nor moves the cursor', () => {
  const line = curlCommand('http://localhost', `x'; rm -rf ~; '\u202E\x1B[2J\r\n"`);
  expect(line).toMatch(/^[\x20-\x7E]*$/);
  expect(line).toContain(String.raw`"model":"x'\''; rm -rf ~; '\''\\u{202e}\\u{1b}[2J\\u{d}\\u{a}\""`);
});

test('the startup banner names one request that works', () => {
  const text = startupBanner('http://localhost:8080', 'tabloom-demo', { NATIVE: 'on', PUBLIC_URL: undefined });
  expect(text).toContain(curlCommand('http://localhost:8080', 'tabloom-demo'));
  expect(text.match(/curl/g)).toHaveLength(1);
  // D8: while nothing is shared it says so, and the command asks for whatever model comes first.
  const bare = startupBanner('http://localhost:8080', 'tabloom-demo', { NATIVE: 'off', PUBLIC_URL: undefined });
  expect(bare).toContain('Nothing is shared yet.');
  expect(bare).toContain(curlCommand('http://localhost:8080', 'auto'));
});
