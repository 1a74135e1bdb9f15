import type { Receivable } from './ports.ts';

/** The same receivable; calls back after its first end with what it received. */
export function afterEnd(receivable: Receivable, run: (received: bigint) => void): Receivable {
  let isOver = false;
  return {
    chain: receivable.chain,
    channelId: receivable.channelId,
    receive: (paid) => receivable.receive(paid),
    received: () => receivable.received(),
    checkMayServe: () => receivable.checkMayServe(),
    end() {
      const received = receivable.received();
      receivable.end();
      if (isOver) return;
      isOver = true;
      run(received);
    },
  };
}
