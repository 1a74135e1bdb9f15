import { expect, test } from 'vitest';
import { startAnvil } from './anvil.ts';

test.skipIf(process.platform === 'win32')('a chain that ignores termination is killed', async () => {
  const anvil = await startAnvil({ stopTimeoutMs: 50 });
  process.kill(anvil.pid, 'SIGSTOP');
  await anvil.stop();
  expect(() => process.kill(anvil.pid, 0)).toThrow('ESRCH');
});
