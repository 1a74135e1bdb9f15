import { expect, test } from 'vitest';
import type { GatewayJobView } from '#lib/state/network.ts';
import { followGateway } from './gateway-feed.ts';

test('jobs are read as they come, and what is none is left out', () => {
  let send: (event: { readonly data: unknown }) => void = () => undefined;
  let isClosed = false;
  const source = {
    addEventListener: (_type: 'message', listener: typeof send) => void (send = listener),
    close: () => void (isClosed = true),
  };
  const jobs: GatewayJobView[] = [];
  const stop = followGateway(source, (job) => void jobs.push(job));
  const job = { at: 1, model: 'm', kind: 'chat', peer: 'p', outcome: 'finished', tokens_in: 2, tokens_out: 3, ms: 4 };
  for (const data of [job, job, { ...job, peer: null }, { ...job, at: 'now' }, { ...job, outcome: 'lost' }]) {
    send({ data: JSON.stringify(data) });
  }
  for (const data of ['{', '', undefined]) send({ data });
  const read = { at: 1, model: 'm', peer: 'p', outcome: 'finished', tokensOut: 3, ms: 4 };
  expect(jobs).toEqual([read, { ...read, peer: undefined }]);
  stop();
  expect(isClosed).toBe(true);
});
