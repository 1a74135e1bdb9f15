// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IChannels} from './IChannels.sol';

/// @title What a channel may be: who takes part in it, and how long it binds.
abstract contract ChannelTerms is IChannels {
    uint256 public constant DELAY_MIN = 24 hours;
    uint256 public constant DELAY_MAX = 30 days;
    uint256 public constant JOB_DURATION_MAX = 30 days;

    function _checkCallerIsPayer(Channel calldata channel) internal view {
        if (msg.sender != channel.payer) revert CallerNotPayer(channel.payer, msg.sender);
    }

    function _checkTerms(Channel calldata channel) internal view {
        if (
            channel.payer == address(0) ||
            channel.payerSigner == address(0) ||
            channel.provider == address(0) ||
            channel.providerSigner == address(0)
        ) revert PartyMissing(channel.payer, channel.payerSigner, channel.provider, channel.providerSigner);
        if (channel.provider == address(this)) revert PartyIsContractItself(address(this));
        if ((channel.delay == 0) == (channel.deadline == 0)) revert ModeUnclear(channel.delay, channel.deadline);
        if (channel.deadline == 0) {
            if (channel.delay < DELAY_MIN || channel.delay > DELAY_MAX) {
                revert DelayOutOfRange(DELAY_MIN, DELAY_MAX, channel.delay);
            }
            return;
        }
        (uint256 earliest, uint256 latest) = (block.timestamp + 1, block.timestamp + JOB_DURATION_MAX);
        if (channel.deadline < earliest || channel.deadline > latest) {
            revert DeadlineOutOfRange(earliest, latest, channel.deadline);
        }
    }
}
