import type { Transport } from '@libp2p/interface';
import { webRTC, webRTCDirect } from '@libp2p/webrtc';
import { joinDataChannels, type AtTurnEnd } from './data-channels.ts';
import { overriding } from './overriding.ts';

/** Only Node tells of a turn's end; a page would have to wait for a message to itself. */
const { setImmediate } = globalThis as { setImmediate?: (run: () => void) => unknown };
const atTurnEnd: AtTurnEnd = (run) => void (setImmediate ? setImmediate(run) : run());

/**
 * Works around a leak: for each end of each connection, `@libp2p/webrtc` 6.0 registers a shutdown listener that it
 * removes only on a `close` event, which `RTCPeerConnection` never fires, so every connection stays in memory. The
 * listeners are not needed: a node closes its connections when it stops.
 */
export function webRtcWithClose(init: Parameters<typeof webRTC>[0]): ReturnType<typeof webRTC> {
  const create = webRTC(init);
  return (components) => {
    const transport = create(
      overriding(components, 'upgrader', () => joinDataChannels(components.upgrader, atTurnEnd)),
    );
    return joinDials(Object.assign(transport, { _closeOnShutdown: () => undefined }));
  };
}

/** To peers with an address of their own. */
export function webRtcDirect(init: Parameters<typeof webRTCDirect>[0]): ReturnType<typeof webRTCDirect> {
  const create = webRTCDirect(init);
  return (components) => {
    const transport = joinDials(create(components));
    const createListener: Transport['createListener'] = transport.createListener.bind(transport);
    return Object.assign(transport, {
      createListener: (options: Parameters<Transport['createListener']>[0]) =>
        createListener({ ...options, upgrader: joinDataChannels(options.upgrader, atTurnEnd) }),
    });
  };
}

function joinDials(transport: Transport): Transport {
  const dial: Transport['dial'] = transport.dial.bind(transport);
  return Object.assign(transport, {
    dial: (...[address, options]: Parameters<Transport['dial']>) =>
      dial(address, { ...options, upgrader: joinDataChannels(options.upgrader, atTurnEnd) }),
  });
}
