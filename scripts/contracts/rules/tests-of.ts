/**
 * The test files tried on a source's mutants, by the start of their names. A mutant that only other contracts' tests would
 * catch counts as survived: what a contract promises is tested beside it.
 */
export const testsOf: Readonly<Record<string, readonly string[]>> = {
  'ChannelMessages.sol': ['Claims', 'Channels.close', 'Channels.withdraw', 'Channels.open'],
  'ChannelTerms.sol': ['Channels.open'],
  'Channels.sol': ['Channels', 'Dust'],
  'Claims.sol': ['Claims', 'Channels.hostile', 'Channels.withdraw'],
  'Disputes.sol': ['Disputes', 'Bonds', 'Dust'],
  'Governed.sol': ['Governed'],
  'Intake.sol': ['Channels.open', 'Channels.topUp', 'Channels.hostile', 'Bonds'],
  'Providers.sol': ['Providers', 'Bonds', 'Dust'],
  'Revenue.sol': ['Revenue', 'Claims', 'Channels.close'],
  'Signatures.sol': ['Claims', 'Channels.close'],
  'Validators.sol': ['Validators', 'Disputes.vote'],
};
