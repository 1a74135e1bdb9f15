/** Announced in `hello`, `/relay.json` and offers, so that version drift is visible. */
export const build = '0.1.0';
export const protocolVersion = 2;
