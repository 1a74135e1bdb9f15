import { createGuard, type Guard } from './http/guard.ts';
import type { RelayEnv } from './settings/commands.ts';

/** Of everything that a relay serves, in whichever process. */
export const createRelayGuard = (env: RelayEnv): Guard =>
  createGuard({
    bindHost: env.HOST,
    publicUrl: env.PUBLIC_URL,
    allowedHosts: env.ALLOWED_HOSTS,
    // A page of another relay of this network holds this one too.
    allowedOrigins: [...env.ALLOWED_ORIGINS, ...env.RELAYS.map(({ origin }) => origin)],
  });
