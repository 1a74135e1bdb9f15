/** The network of a tab, by itself: the largest part before a first answer, which a page asks for before it knows what for. */
export { createLibp2pNet } from '#lib/net/libp2p/net.ts';
