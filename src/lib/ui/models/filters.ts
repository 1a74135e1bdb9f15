import type { ModelView } from '#lib/state/library.ts';
import type { OfferView, WishView } from '#lib/state/network.ts';

/** What the list of models shows, as its address says it; an empty text leaves a filter out. */
export interface Filters {
  readonly q: string;
  readonly domain: string;
  /** A BCP 47 tag. */
  readonly language: string;
  /** At most this much memory, in GB. */
  readonly size: string;
  /** At least this many tokens a second, measured on the network. */
  readonly speed: string;
  /** `free`, or at most this many dollars for a million tokens written. */
  readonly price: string;
  /** `fits`, `stored`, `shared`. */
  readonly show: string;
}

export const noFilters: Filters = { q: '', domain: '', language: '', size: '', speed: '', price: '', show: '' };

export const sizesGb = ['1', '2', '4'] as const;
export const speedsTps = ['5', '20', '50'] as const;
export const pricesDollars = ['free', '1', '10'] as const;
export const shows = ['fits', 'stored', 'shared'] as const;

const choices: Partial<Readonly<Record<keyof Filters, readonly string[]>>> = {
  size: sizesGb,
  speed: speedsTps,
  price: pricesDollars,
  show: shows,
};
const textLengthMax = 100;

/** What is not understood is left out. */
export function readFilters(search: URLSearchParams): Filters {
  const read = (name: keyof Filters) => {
    const text = (search.get(name) ?? '').slice(0, textLengthMax);
    return choices[name]?.includes(text) === false ? '' : text;
  };
  return {
    q: read('q'),
    domain: read('domain'),
    language: read('language'),
    size: read('size'),
    speed: read('speed'),
    price: read('price'),
    show: read('show'),
  };
}

/** `?language=de&size=2`; empty if nothing is filtered. */
export function filtersQuery(filters: Filters): string {
  const set = Object.entries(filters).filter(([, value]) => value.trim() !== '');
  return set.length === 0 ? '' : `?${new URLSearchParams(set as [string, string][])}`;
}

/** What the network has of a model now. */
export interface Served {
  /** Peers besides this device. */
  readonly peers: number;
  /** Measured tokens per second of the fastest; 0 while unknown. */
  readonly tps: number;
  /** The lowest for a million tokens written, in millionths of a dollar; undefined if nobody shares it. */
  readonly price: bigint | undefined;
}

export function servedOf(offers: readonly OfferView[], name: string): Served {
  const models = offers.flatMap(({ offer, self }) => (self ? [] : offer.models.filter((model) => model.name === name)));
  const prices = models.map(({ price }) => BigInt(price.out));
  return {
    peers: models.length,
    tps: Math.max(0, ...models.map(({ measured }) => measured?.decodeTps ?? 0)),
    price: prices.length === 0 ? undefined : prices.reduce((a, b) => (a < b ? a : b)),
  };
}

/** Whether a model is shown. A filter on what is not known of a model leaves it out. */
export function matches(model: ModelView, served: Served, filters: Filters): boolean {
  const { domain, language, size, speed, price, show } = filters;
  const words = filters.q.trim().toLowerCase().split(/\s+/);
  const text = [model.title, model.name, model.licence, ...model.domains].join(' ').toLowerCase();
  return (
    words.every((word) => text.includes(word)) &&
    (domain === '' || model.domains.includes(domain)) &&
    (language === '' || model.languages.includes(language)) &&
    (size === '' || model.memoryBytes <= Number(size) * 1e9) &&
    (speed === '' || served.tps >= Number(speed)) &&
    (price === '' ||
      (served.price !== undefined && served.price <= (price === 'free' ? 0n : BigInt(price) * 1_000_000n))) &&
    (show === '' ||
      (show === 'fits' && model.fit.fits) ||
      (show === 'stored' && model.cachedBytes > 0) ||
      (show === 'shared' && served.peers > 0))
  );
}

/** The model that `#name` means: its build for this device where the link names the other one. */
export function linkedModel<Model extends Pick<ModelView, 'name'>>(
  models: readonly Model[],
  hash: string,
): Model | undefined {
  const name = hash.replace(/^#/, '');
  if (name === '') return undefined;
  return models.find((model) => model.name === name) ?? models.find((model) => bareName(model.name) === bareName(name));
}

/** Without the build for a device: `qwen3-4b` of `qwen3-4b-q4f16_1`. */
export const bareName = (name: string): string => name.replace(/-q\d+f\d+(?:_\d+)?$/, '');

/** What peers wish of a model, in whichever build; undefined while nobody does. */
export const wishOf = ({ name }: Pick<ModelView, 'name'>, wishes: readonly WishView[]): WishView | undefined =>
  wishes.find(({ model }) => bareName(model) === bareName(name));
