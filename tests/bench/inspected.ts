import { once } from 'node:events';
import { readFile } from 'node:fs/promises';

/** A process whose debugger listens, so that its garbage can be collected from outside. */
export interface Inspected {
  readonly pid: number;
  readonly inspector: string;
}

/** The option of Node that opens the debugger. */
export const inspecting = '--inspect=127.0.0.1:0';

/** Its address, from what the process writes at its start. */
export const inspectorIn = (text: string): string => /ws:\S+/.exec(text)![0];

/** Resident memory once garbage has been collected: most of the growth while peers connect is garbage. */
export async function kilobytes({ pid, inspector }: Inspected): Promise<number> {
  const socket = new WebSocket(inspector);
  await once(socket, 'open');
  for (const id of [1, 2]) {
    socket.send(JSON.stringify({ id, method: 'HeapProfiler.collectGarbage' }));
    await once(socket, 'message');
  }
  socket.close();
  return Number(/VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))![1]);
}
