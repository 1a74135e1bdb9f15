import { webRTC } from '@libp2p/webrtc';

/**
 * Works around a leak: for each end of each connection, `@libp2p/webrtc` 6.0 registers a shutdown listener that it
 * removes only on a `close` event, which `RTCPeerConnection` never fires, so every connection stays in memory. The
 * listeners are not needed: a node closes its connections when it stops.
 */
export function webRtcWithClose(init: Parameters<typeof webRTC>[0]): ReturnType<typeof webRTC> {
  const create = webRTC(init);
  return (components) => Object.assign(create(components), { _closeOnShutdown: () => undefined });
}
