import { m } from '#messages';
import { inLanguage, locale } from '#language';
import type {
  BondView,
  ConnectionView,
  Incident,
  OfferView,
  ReceiptedView,
  RouteReasonView,
} from '#lib/state/network.ts';
import { formatDollars } from '../dollars.ts';
import { formatCount, formatRate } from '../format.ts';
import { pathText } from '../worker-text.ts';
import { addressKinds } from './activity.ts';
import { kindsText } from '../words.ts';

type Facts = readonly (readonly [name: string, value: string])[];

const addressText = {
  direct: m.peer_address_direct,
  webrtc: m.peer_address_webrtc,
  relayed: m.peer_address_relayed,
} as const;

/** `unread`: the chain did not answer. Undefined where the page has no chain to read it from. */
export type Bond = BondView | 'reading' | 'unread' | undefined;

function bondText(bond: Exclude<Bond, undefined>): string {
  if (bond === 'reading') return m.peer_bond_reading();
  if (bond === 'unread') return m.peer_bond_unread();
  if (!('bonded' in bond)) return bond.registration === 'unregistered' ? m.peer_bond_none() : m.peer_bond_other();
  const amount = formatDollars(bond.bonded);
  return bond.registration === 'listed' ? m.peer_bond_listed({ amount }) : m.peer_bond_described({ amount });
}

/** What a peer says of itself, without its addresses, which are people's. */
export function peerFacts(peer: string, offer: OfferView['offer'] | undefined, bond?: Bond): Facts {
  if (!offer) return [[m.peer_id(), peer]];
  const kinds = [...addressKinds(offer.addrs)].map(([kind, count]) => addressText[kind]({ count: formatCount(count) }));
  return [
    [m.peer_id(), peer],
    ...(offer.nickname ? [[m.peer_nickname(), offer.nickname] as const] : []),
    [m.column_kind(), kindsText(offer)],
    [m.peer_build(), offer.build],
    [m.peer_addresses(), kinds.join(', ') || m.peer_address_none()],
    ...(offer.payout ? [[m.peer_paid_to(), offer.payout.provider] as const] : []),
    ...(offer.payout && bond ? [[m.peer_bond(), bondText(bond)] as const] : []),
  ];
}

/** What this device has seen of a peer. */
export function seenFacts(seen: {
  readonly connection: ConnectionView | undefined;
  readonly receipted: ReceiptedView | undefined;
  readonly incidents: readonly Incident[];
  readonly route: RouteReasonView | undefined;
}): Facts {
  const { connection, receipted, incidents, route } = seen;
  return [
    [m.column_path(), connection ? pathText[connection.path]() : m.path_none()],
    [
      m.peer_receipts(),
      receipted
        ? m.receipted_work({
            tokens: formatCount(receipted.tokens),
            answers: m.answers({ count: receipted.answers }),
          })
        : m.peer_receipts_none(),
    ],
    ...(receipted?.tps === undefined
      ? []
      : [[m.peer_receipt_speed(), m.rate({ rate: formatRate(receipted.tps) })] as const]),
    ...(receipted ? [[m.peer_last(), new Date(receipted.lastAt).toLocaleString(locale())] as const] : []),
    [m.peer_problems(), incidents.length > 0 ? problems(incidents) : m.peer_problems_none()],
    ...(route ? [[m.peer_route(), inLanguage(route.message)] as const] : []),
  ];
}

/** `peer-lost ×2, stalled`. */
function problems(incidents: readonly Incident[]): string {
  const counts = new Map<string, number>();
  for (const { code } of incidents) counts.set(code, (counts.get(code) ?? 0) + 1);
  return [...counts].map(([code, count]) => (count > 1 ? `${code} ×${count}` : code)).join(', ');
}
