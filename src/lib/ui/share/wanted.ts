import { m } from '#messages';
import type { ModelView } from '#lib/state/library.ts';
import type { WishView } from '#lib/state/network.ts';
import { wishOf } from '../models/filters.ts';

type Model = Pick<ModelView, 'name' | 'title'>;

const namedMax = 5;

/** How many peers ask for a model. */
export const wishesFor = (model: Pick<Model, 'name'>, wishes: readonly WishView[]): number =>
  wishOf(model, wishes)?.wishes ?? 0;

/** What others ask for and this device could share, most wishes first; undefined where that is nothing. */
export function wantedText(fitting: readonly Model[], wishes: readonly WishView[]): string | undefined {
  const wanted = fitting
    .map((model) => ({ title: model.title, count: wishesFor(model, wishes) }))
    .filter(({ count }) => count > 0)
    .toSorted((a, b) => b.count - a.count)
    .slice(0, namedMax)
    .map(({ title, count }) => m.share_option_wanted({ title, wishes: m.wishes({ count }) }));
  return wanted.length === 0 ? undefined : m.share_wanted({ models: wanted.join(', ') });
}
