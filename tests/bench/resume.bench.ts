import { resumeOverLibp2p } from '../resume/libp2p.ts';
import { median, spread, type Row } from './row.ts';

const kills = 7;

/** How long a reader waits for the next token when a worker's process is killed, against the first token of an answer. */
export default async function resume(): Promise<readonly Row[]> {
  const { gapsMs, firstTokenMs, complaints } = await resumeOverLibp2p({ kills, frozenShare: 0 });
  if (complaints.length > 0) throw new Error(complaints[0]);
  const gaps = gapsMs.get('killed') ?? [];
  return [
    {
      what: 'worker killed to the next token ÷ question to first token',
      value: (median(gaps) / median(firstTokenMs)).toFixed(1),
      goal: 'reported',
      note: `${median(gaps).toFixed(0)} ms (${spread(gaps, 0)}) ÷ ${median(firstTokenMs).toFixed(0)} ms`,
    },
  ];
}
