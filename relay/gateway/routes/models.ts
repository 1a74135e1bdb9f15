import type { Handler } from 'hono';
import { wireError } from '#lib/protocol/errors.ts';
import type { Shelf, ShelfModel } from '../shelf.ts';

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
