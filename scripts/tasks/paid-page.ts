import { habitJobsMin } from '#lib/market/pay-way.ts';
import { openPageAsker } from '../../tests/paid/page.ts';
import { funds, type Town } from '../../tests/paid/town.ts';

export interface Telling {
  readonly say: (line: string) => void;
  readonly complaints: string[];
}

/** Questions at most until the page has paid both providers. */
const questionsMax = habitJobsMin + 4;

/**
 * An asker in Chromium pays the hub until a channel of its own is worth it, which costs nothing here, then each of the two providers, the
 * other while one is gone, and the gateway, and leaves.
 * @returns what it has promised, in units.
 */
export async function tellPage(town: Town, { say, complaints }: Telling): Promise<bigint> {
  const person = await town.chain.person(funds);
  const asker = await openPageAsker(town.relay.url, person);
  try {
    let cost = 0n;
    for (let asked = 0; asked < questionsMax; asked++) {
      const paid = await payeesOf(town, person.address);
      const rest = town.providers.filter((one) => !paid.has(one.person.address));
      if (rest.length === 0) break;
      const gone = rest.length < town.providers.length ? town.providers.filter((one) => !rest.includes(one)) : [];
      for (const { program } of gone) await program.halt('SIGKILL');
      const units = await asker.ask('Tell me a story about the sea.');
      say(`a page in Chromium${gone.length > 0 ? ', while one provider is gone' : ''}: ${units} units`);
      cost += units;
      for (const { program } of gone) await program.restart();
    }
    const paid = await payeesOf(town, person.address);
    if (!paid.has(town.seller.address)) complaints.push('the page never paid the hub');
    for (const one of town.providers) {
      if (!paid.has(one.person.address)) complaints.push(`the page never paid ${one.peer}`);
    }
    const answered = await town.call(asker);
    say(`the page through the gateway: ${answered.status}`);
    if (answered.status !== 200)
      complaints.push(`the gateway answered the page ${answered.status}: ${await answered.text()}`);
    const promised = await asker.promised();
    if (promised !== cost) complaints.push(`the page has promised ${promised}, and its answers cost ${cost}`);
    await asker.leave();
    return promised;
  } finally {
    await asker.close();
  }
}

/** Whom a payer has opened channels to. */
async function payeesOf({ chain: local }: Town, payer: string): Promise<ReadonlySet<string>> {
  const chain = local.chain();
  const events = await chain.events(0n, (await chain.head()).number);
  const opened = events.flatMap((event) =>
    event.type === 'opened' && event.terms.payer === payer ? [event.terms] : [],
  );
  return new Set(opened.map(({ provider }) => provider));
}
