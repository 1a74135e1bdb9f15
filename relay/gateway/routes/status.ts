import type { Handler } from 'hono';
import { wireError } from '#lib/protocol/errors.ts';
import { relayInfoSchema, type RelayInfo } from '#lib/protocol/relay-info.ts';
import type { Tally } from '../job-registry.ts';
import type { Shelf, ShelfModel } from '../model-list.ts';

export interface ModelsComponents {
  readonly shelf: Shelf;
  /** Said as `created` of every model, in milliseconds since the epoch: since when this relay would have known it. */
  readonly startedAt: number;
}

/** `GET /v1/models`: what somebody serves now. */
export function listModels({ shelf, startedAt }: ModelsComponents): Handler {
  return (context) => context.json({ object: 'list', data: shelf.list().map((model) => writeModel(model, startedAt)) });
}

/** `GET /v1/models/{id}`, by name or artefact id; names may contain slashes. */
export function showModel({ shelf, startedAt }: ModelsComponents): Handler {
  return (context) => {
    const model = shelf.find(context.req.param('id') ?? '');
    if (!model) {
      throw wireError('model-not-found', 'Nobody serves this model now. GET /v1/models lists those that are served.', {
        details: { param: 'model' },
      });
    }
    return context.json(writeModel(model, startedAt));
  };
}

const writeModel = ({ id, ...tabloom }: ShelfModel, startedAt: number) => ({
  id,
  object: 'model',
  created: Math.floor(startedAt / 1_000),
  owned_by: 'tabloom',
  tabloom,
});

/** How the relay is. Counts only: nothing in it names a peer or a prompt. */
export interface Health {
  readonly ok: boolean;
  readonly state: 'serving' | 'draining';
  readonly build: string;
  readonly uptimeMs: number;
  /** Peers connected to this relay. */
  readonly peers: number;
  /** Workers in the directory. */
  readonly offers: number;
  readonly jobs: Tally;
  readonly native: NativeHealth;
}

export interface NativeHealth {
  readonly state: 'off' | 'starting' | 'serving' | 'failed' | 'stopped';
  readonly running: number;
  readonly queued: number;
  /** Why it failed. */
  readonly error?: { readonly code: string; readonly message: string } | undefined;
}

/** `GET /health`: 200 while it takes requests, 503 while it goes away. */
export function showHealth(health: () => Health): Handler {
  return (context) => {
    const now = health();
    context.header('cache-control', 'no-store');
    return context.json(now, now.ok ? 200 : 503);
  };
}

/** `GET /relay.json`: who this relay is, so that a tab can make its network address from the page's own. */
export function showRelayInfo(info: () => RelayInfo): Handler {
  return (context) => {
    context.header('cache-control', 'no-store');
    return context.json(relayInfoSchema.parse(info()));
  };
}
