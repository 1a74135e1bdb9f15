import type { Socket } from 'node:net';
import { expect, test, vi } from 'vitest';
import { manualClock, runPending } from '#lib/base/clock.fixture.ts';
import { silentLogger } from '#lib/base/logger.ts';
import type { SharedConnection } from '../http/server.ts';
import { createKeptWorker, type KeptWorker } from './kept-worker.ts';
import type { FromWorker, Seat, ToWorker } from './messages.ts';
import { createGatewayPool } from './pool.ts';
import type { WorkerLink } from './worker-link.ts';

/** A process that does nothing by itself. */
function doubleProcess() {
  const sent: ToWorker[] = [];
  let listen: (message: FromWorker, socket: Socket | undefined) => void = () => undefined;
  let exited = () => undefined as void;
  const link: WorkerLink = {
    pid: 1,
    send: (message) => void sent.push(message),
    onMessage: (listener) => (listen = listener),
    onExit: (listener) => (exited = listener),
    kill: vi.fn(() => exited()),
  };
  return {
    link,
    sent,
    says: (message: FromWorker, socket?: Socket) => listen(message, socket),
    exit: () => exited(),
    ids: () => sent.flatMap((message) => (message.type === 'connection' ? [message.id] : [])),
  };
}

const connection = () => {
  const destroy = vi.fn();
  const socket = { destroy } as unknown as Socket;
  return { socket, destroy, release: vi.fn(), serve: vi.fn() } satisfies SharedConnection & { destroy: unknown };
};

function setUp(count: number) {
  const clock = manualClock();
  const processes: ReturnType<typeof doubleProcess>[][] = [];
  const onUpgrade = vi.fn();
  const workers = Array.from({ length: count }, (_, place): KeptWorker => {
    const mine: ReturnType<typeof doubleProcess>[] = [];
    processes.push(mine);
    const launch = () => {
      mine.push(doubleProcess());
      return mine.at(-1)!.link;
    };
    return createKeptWorker({ seat: { place } as Seat, launch, onUpgrade, clock, logger: silentLogger });
  });
  const pool = createGatewayPool(workers);
  pool.start();
  const last = (place: number) => processes[place]!.at(-1)!;
  return { clock, pool, processes, last, onUpgrade };
}

test('while none is ready, the relay serves; then whoever has the fewest connections does', async () => {
  const { pool, last } = setUp(2);
  expect(pool.share(connection())).toBe(false);
  last(0).says({ type: 'ready' });
  expect(pool.workers).toEqual({ ready: 1, starting: 1 });
  for (let i = 0; i < 2; i++) expect(pool.share(connection())).toBe(true);
  last(1).says({ type: 'ready' });
  for (let i = 0; i < 3; i++) pool.share(connection());
  expect([last(0).ids().length, last(1).ids().length]).toEqual([3, 2]);
  await pool.settled;
});

test('of several with as few, each has its turn', () => {
  const { pool, last } = setUp(3);
  for (const place of [0, 1, 2]) last(place).says({ type: 'ready' });
  for (let i = 0; i < 6; i++) {
    pool.share(connection());
    for (const place of [0, 1, 2]) {
      for (const id of last(place).ids()) {
        last(place).says({ type: 'taken', id });
        last(place).says({ type: 'closed', id });
      }
    }
  }
  expect([0, 1, 2].map((place) => last(place).ids().length)).toEqual([2, 2, 2]);
});

test('a connection keeps its place until it is closed, wherever it is', () => {
  const { pool, last, onUpgrade } = setUp(1);
  const worker = last(0);
  worker.says({ type: 'ready' });
  const [plain, upgraded] = [connection(), connection()];
  pool.share(plain);
  pool.share(upgraded);
  const [first, second] = worker.ids();
  worker.says({ type: 'taken', id: first! });
  worker.says({ type: 'taken', id: second! });
  expect(plain.destroy).toHaveBeenCalledOnce();
  expect(plain.release).not.toHaveBeenCalled();
  worker.says({ type: 'closed', id: first! });
  expect(plain.release).toHaveBeenCalledOnce();
  const socket = { once: vi.fn() };
  const upgrade = { method: 'GET', url: '/', headers: {}, head: new Uint8Array() };
  worker.says({ type: 'upgrade', id: second!, upgrade }, socket as unknown as Socket);
  expect(onUpgrade).toHaveBeenCalledExactlyOnceWith(upgrade, socket);
  worker.exit();
  expect(upgraded.release, 'it is the socket that gives it back').not.toHaveBeenCalled();
  socket.once.mock.calls[0]![1]();
  expect(upgraded.release).toHaveBeenCalledOnce();
});

test('one that dies loses nothing that it had not begun, and is started again, later and later', async () => {
  const { clock, pool, processes, last } = setUp(1);
  last(0).says({ type: 'ready' });
  const [begun, waiting] = [connection(), connection()];
  pool.share(begun);
  pool.share(waiting);
  last(0).says({ type: 'taken', id: last(0).ids()[0]! });
  last(0).exit();
  expect(waiting.serve).toHaveBeenCalledOnce();
  expect(begun.serve).not.toHaveBeenCalled();
  expect(begun.release).toHaveBeenCalledOnce();
  expect(pool.share(connection())).toBe(false);
  for (const waitMs of [250, 500, 1_000]) {
    const before = processes[0]!.length;
    await clock.advance(waitMs - 1);
    expect(processes[0]!.length).toBe(before);
    await clock.advance(1);
    expect(processes[0]!.length).toBe(before + 1);
    last(0).exit();
  }
  for (let i = 0; i < 10; i++) {
    await clock.advance(30_000);
    last(0).exit();
  }
  expect(clock.nextDueMs, 'never longer').toBe(30_000);
  await clock.advance(30_000);
  await clock.advance(60_000);
  last(0).exit();
  expect(clock.nextDueMs, 'it had been well').toBe(250);
});

test('one that does not answer is left out', async () => {
  const { clock, pool, last } = setUp(2);
  last(0).says({ type: 'ready' });
  last(1).says({ type: 'ready' });
  const asking = pool.ask({ about: 'metrics' });
  const asked = last(0).sent.find((message) => message.type === 'ask')!;
  last(0).says({ type: 'answer', id: asked.id, value: [] });
  await clock.advance(1_000);
  expect(await asking).toEqual({ answers: [[]], silent: 1 });
});

test('stopping tells each to end, takes nothing new and kills what is left in time', async () => {
  const { clock, pool, processes, last } = setUp(2);
  last(0).says({ type: 'ready' });
  const overtime = new AbortController();
  const stopping = pool.stop({ signal: overtime.signal });
  expect(pool.share(connection())).toBe(false);
  expect(last(0).sent.at(-1)).toEqual({ type: 'stop' });
  last(0).exit();
  await runPending();
  overtime.abort();
  await stopping;
  expect(last(1).link.kill).toHaveBeenCalledOnce();
  await clock.advance(60_000);
  expect(processes.map((mine) => mine.length)).toEqual([1, 1]);
});

test('all that are ready are told of appeals', () => {
  const { pool, last } = setUp(2);
  last(0).says({ type: 'ready' });
  const message = { type: 'appealed', audits: ['a'.repeat(64)] } as const;
  pool.tell(message);
  expect(last(0).sent).toContainEqual(message);
  expect(last(1).sent).not.toContainEqual(message);
});
