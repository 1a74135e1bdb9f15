import { webRTC } from '@libp2p/webrtc';

/**
 * WebRTC without its leak: `@libp2p/webrtc` 6.0 listens for its own shutdown once for each end of each connection and waits
 * for a `close` event to stop, which no `RTCPeerConnection` fires; so every connection there ever was stays in memory.
 * Nothing is lost without those listeners: a node that stops closes its connections itself.
 */
export function webRtcWithClose(init: Parameters<typeof webRTC>[0]): ReturnType<typeof webRTC> {
  const create = webRTC(init);
  return (components) => Object.assign(create(components), { _closeOnShutdown: () => undefined });
}
