import type { Socket } from 'node:net';
import { errorCode } from '#lib/base/errors.ts';
import type { FromWorker, Seat, ToWorker } from './messages.ts';
import type { GatewayWorker } from './worker.ts';

/** The process of a gateway worker, which its relay starts. It ends with its relay, whatever ends that. */
let worker: Promise<GatewayWorker> | undefined;
let isStopping = false;

const send = (message: FromWorker, socket?: Socket) => {
  // The relay may be gone.
  if (process.connected) process.send!(message, socket, {}, () => undefined);
};

/** Loaded late, so that the end of the relay is heard meanwhile. */
const start = async (seat: Seat) => (await import('./worker.ts')).startGatewayWorker(seat, send);

const stop = () => {
  if (isStopping) return;
  isStopping = true;
  (worker ?? Promise.reject(new Error('It was never started.')))
    .then((running) => running.stop())
    .then(
      () => process.exit(0),
      () => process.exit(1),
    );
};

process.on('disconnect', stop);
process.on('SIGTERM', stop);
// A terminal sends these to its relay too, which then says when to stop.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => undefined);
// Whoever read the log has gone.
process.stderr.on('error', () => undefined);
process.on('unhandledRejection', (error) => write('unhandled-rejection', error));
process.on('message', (message: ToWorker, socket: Socket | undefined) => {
  if (message.type === 'start') {
    worker ??= start(message.seat);
    worker.catch(fail);
  } else if (message.type === 'stop') stop();
  else void worker?.then((running) => running.onMessage(message, socket));
});
if (!process.connected) stop();

function fail(error: unknown): void {
  write('gateway-not-started', error);
  process.exit(1);
}

function write(event: string, error: unknown): void {
  const message = error instanceof Error ? error.message : String(error);
  process.stderr.write(`${JSON.stringify({ level: 40, time: Date.now(), event, code: errorCode(error), message })}\n`);
}
