// Generated from the contracts by `npm run contracts:generate`. Do not edit.

/** For the CREATE2 deployer. */
export const deploymentSalt = '0x88765f2d7ebd02cc6a89db3828ad6f079bed4b416bfff5997f826e5dfa3dce3f';

/** The contracts of a local chain, in order: creation code is the bytecode of that name, followed by `args`. */
export const localDeployment = [
  {
    "name": "TestUSDC",
    "address": "0x2778AdA699E85BA7C248233467a035c903B000d3",
    "args": "0x"
  },
  {
    "name": "Channels",
    "address": "0x9c71a1dA260Af5EfB96b3CEB57773cF50081E8e3",
    "args": "0x00000000000000000000000023618e81e3f5cdf7f54c3d65f7fbc0abf5b21e8f000000000000000000000000a0ee7a142d267c1f36714e4a8f75612f20a7972000000000000000000000000000000000000000000000000000000000000003e8"
  },
  {
    "name": "Providers",
    "address": "0x2F637442a4528BF6688C16f251ce31398BE8209F",
    "args": "0x00000000000000000000000023618e81e3f5cdf7f54c3d65f7fbc0abf5b21e8f0000000000000000000000002778ada699e85ba7c248233467a035c903b000d30000000000000000000000000000000000000000000000000000000002faf080"
  },
  {
    "name": "Disputes",
    "address": "0x6B24C2a34A6a32DE45D7f9B97c64cDEa150FA7d3",
    "args": "0x00000000000000000000000023618e81e3f5cdf7f54c3d65f7fbc0abf5b21e8f0000000000000000000000002f637442a4528bf6688c16f251ce31398be8209f"
  }
] as const;
