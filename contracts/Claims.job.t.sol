// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IChannels} from './IChannels.sol';
import {ChannelsFixture} from './test/ChannelsFixture.sol';

contract JobClaimsTest is ChannelsFixture {
    function test_claim_endsAJob() public {
        IChannels.Channel memory channel = openedJob(1);
        IChannels.Claim[] memory list = one(claimOf(channel, 1_000));
        vm.expectEmit(address(channels));
        emit IChannels.Claimed(idOf(channel), 1_000, 100);
        vm.expectEmit(address(channels));
        emit IChannels.ChannelClosed(idOf(channel), IChannels.Closing.JobPaid, 1_000, DEPOSIT - 1_000);
        vm.prank(provider);
        assertEq(1, channels.claim(list), 'accepted');
        assertState(channel, 1_000, 1_000, CLOSED);
        assertEq(900, owed(provider), 'provider');
        assertEq(DEPOSIT - 1_000, owed(payer), 'payer');
        vm.prank(tab);
        assertRefused(claimOf(channel, 2_000), IChannels.Refusal.ChannelClosed);
        uint256 before = token.balanceOf(payer);
        channels.settle(address(token), payer);
        assertEq(before + DEPOSIT - 1_000, token.balanceOf(payer), 'payer settled');
    }

    function test_claim_ofAWholeJobOwesThePayerNothing() public {
        IChannels.Channel memory channel = openedJob(1);
        IChannels.Claim[] memory list = one(claimOf(channel, DEPOSIT));
        vm.prank(tab);
        assertEq(1, channels.claim(list), 'accepted');
        assertEq(0, owed(payer), 'payer');
    }

    function test_claim_ofAJobIsForItsProvider() public {
        IChannels.Channel memory channel = openedJob(1);
        // Otherwise a payer could end a job with an early, smaller voucher.
        IChannels.Claim memory given = claimOf(channel, 1);
        vm.prank(payer);
        assertEq(0, channels.claim(one(given)), 'accepted');
        assertRefused(given, IChannels.Refusal.NotProvider);
    }

    function test_claim_ofAJobUntilItsVeryLastSecond() public {
        IChannels.Channel memory early = openedJob(1);
        IChannels.Channel memory late = openedJob(2);
        IChannels.Claim[] memory first = one(claimOf(early, 1_000));
        IChannels.Claim[] memory second = one(claimOf(late, 1_000));
        vm.warp(early.deadline);
        vm.prank(tab);
        assertEq(1, channels.claim(first), 'in the last second');
        vm.warp(uint256(late.deadline) + 1);
        vm.recordLogs();
        vm.prank(tab);
        assertEq(0, channels.claim(second), 'a second later');
        assertEq(uint256(IChannels.Refusal.DeadlinePassed), uint256(lastRefusal()), 'refusal');
        channels.refund(late);
    }
}
