import { fork } from 'node:child_process';
import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { LogDestination } from '../log.ts';
import type { FromWorker, ToWorker } from './messages.ts';

/** A worker process, as its relay sees it. */
export interface WorkerLink {
  readonly pid: number | undefined;
  /** A socket stays open here too. What cannot be sent is not: the worker is gone, which is heard of. */
  send(message: ToWorker, socket?: Socket): void;
  onMessage(listener: (message: FromWorker, socket: Socket | undefined) => void): void;
  /** Called once. */
  onExit(listener: () => void): void;
  kill(): void;
}

/** Starts a process. What it logs goes to the relay's own log, line by line. */
export function launchWorker(log: LogDestination): WorkerLink {
  const child = fork(fileURLToPath(new URL('./gateway.worker.ts', import.meta.url)), {
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  createInterface(child.stderr!).on('line', (line) => void log.write(`${line}\n`));
  // Its end says all there is to say.
  child.on('error', () => undefined);
  return {
    pid: child.pid,
    send(message, socket) {
      if (!child.connected) return;
      // Without its server, which would count a connection that is not its any more.
      if (socket) Object.assign(socket, { server: null });
      child.send(message, socket, { keepOpen: true }, () => undefined);
    },
    onMessage: (listener) =>
      void child.on('message', (message, socket) => listener(message as FromWorker, socket as Socket | undefined)),
    onExit: (listener) => void child.once('exit', listener),
    kill: () => void child.kill('SIGKILL'),
  };
}
