// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IChannels} from './IChannels.sol';
import {Signatures} from './Signatures.sol';
import {ChannelsFixture} from './test/ChannelsFixture.sol';

contract ChannelsWithdrawTest is ChannelsFixture {
    function test_announce_setsTheDate() public {
        IChannels.Channel memory channel = opened(1);
        vm.expectEmit(address(channels));
        emit IChannels.WithdrawalAnnounced(idOf(channel), present() + DELAY);
        vm.prank(payer);
        channels.announceWithdrawal(channel);
        assertState(channel, DEPOSIT, 0, present() + DELAY);
    }

    function test_announce_isForThePayersSide() public {
        IChannels.Channel memory channel = opened(1);
        address[3] memory others = [provider, tab, stranger];
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(others[i]);
            vm.expectRevert(abi.encodeWithSelector(IChannels.CallerNotPayerSide.selector, payer, session, others[i]));
            channels.announceWithdrawal(channel);
        }
        vm.prank(session);
        channels.announceWithdrawal(channel);
        assertState(channel, DEPOSIT, 0, present() + DELAY);
    }

    function test_announceFor_takesThePayersSidesWord() public {
        IChannels.Channel memory channel = opened(1);
        bytes memory problem = abi.encodeWithSelector(Signatures.InvalidSignature.selector, session);
        bytes memory forged = withdrawalSignature(STRANGER_KEY, idOf(channel));
        vm.expectRevert(problem);
        channels.announceWithdrawalFor(channel, unsponsored(), forged);
        forged = withdrawalSignature(SESSION_KEY, idOf(sessionChannel(2)));
        vm.expectRevert(problem);
        channels.announceWithdrawalFor(channel, unsponsored(), forged);
        vm.expectRevert(problem);
        channels.announceWithdrawalFor(channel, unsponsored(), '');
        vm.prank(stranger);
        channels.announceWithdrawalFor(channel, unsponsored(), withdrawalSignature(SESSION_KEY, idOf(channel)));
        assertState(channel, DEPOSIT, 0, present() + DELAY);
        channel = opened(2);
        channels.announceWithdrawalFor(channel, unsponsored(), withdrawalSignature(PAYER_KEY, idOf(channel)));
        assertState(channel, DEPOSIT, 0, present() + DELAY);
        assertEq(0, channels.sponsorshipOf(idOf(channel)).fee, 'no fee');
    }

    function test_announce_cannotMoveTheDate() public {
        IChannels.Channel memory channel = opened(1);
        bytes memory agreed = withdrawalSignature(SESSION_KEY, idOf(channel));
        vm.startPrank(payer);
        channels.announceWithdrawal(channel);
        bytes memory problem = abi.encodeWithSelector(
            IChannels.WithdrawalPending.selector,
            idOf(channel),
            present() + DELAY
        );
        vm.warp(present() + 1 hours);
        vm.expectRevert(problem);
        channels.announceWithdrawal(channel);
        vm.expectRevert(problem);
        channels.announceWithdrawalFor(channel, unsponsored(), agreed);
    }

    function test_announce_refusesWhatIsNotAnOpenSession() public {
        IChannels.Channel memory channel = sessionChannel(1);
        vm.startPrank(payer);
        vm.expectRevert(abi.encodeWithSelector(IChannels.ChannelMissing.selector, idOf(channel)));
        channels.announceWithdrawal(channel);
        vm.stopPrank();
        openAs(channel, DEPOSIT);
        channels.close(channel, 0, '', closeSignature(TAB_KEY, idOf(channel), 0));
        vm.startPrank(payer);
        vm.expectRevert(abi.encodeWithSelector(IChannels.ChannelAlreadyClosed.selector, idOf(channel)));
        channels.announceWithdrawal(channel);
        vm.stopPrank();
        channel = openedJob(2);
        vm.prank(payer);
        vm.expectRevert(abi.encodeWithSelector(IChannels.SessionOnly.selector, idOf(channel)));
        channels.announceWithdrawal(channel);
    }

    function test_withdraw_waitsForTheVerySecond() public {
        IChannels.Channel memory channel = opened(1);
        vm.expectRevert(abi.encodeWithSelector(IChannels.WithdrawalNotAnnounced.selector, idOf(channel)));
        channels.withdraw(channel);
        uint256 due = present() + DELAY;
        vm.prank(payer);
        channels.announceWithdrawal(channel);
        vm.warp(due - 1);
        vm.expectRevert(abi.encodeWithSelector(IChannels.TooEarly.selector, due, due - 1));
        channels.withdraw(channel);
        vm.warp(due);
        uint256 before = token.balanceOf(payer);
        vm.expectEmit(address(channels));
        emit IChannels.ChannelClosed(idOf(channel), IChannels.Closing.Withdrawn, 0, DEPOSIT);
        vm.prank(stranger);
        channels.withdraw(channel);
        assertEq(before + DEPOSIT, token.balanceOf(payer), 'payer');
        assertState(channel, 0, 0, CLOSED);
    }

    function test_withdraw_leavesWhatWasClaimedMeanwhile() public {
        IChannels.Channel memory channel = opened(1);
        claimed(channel, 1_000);
        vm.prank(payer);
        channels.announceWithdrawal(channel);
        claimed(channel, 2_000);
        vm.warp(present() + DELAY);
        // Due, but not yet withdrawn: a voucher still counts.
        claimed(channel, 3_000);
        uint256 before = token.balanceOf(payer);
        channels.withdraw(channel);
        assertEq(before + DEPOSIT - 3_000, token.balanceOf(payer), 'payer');
        assertState(channel, 3_000, 3_000, CLOSED);
        assertEq(3_000, token.balanceOf(address(channels)), 'held');
        assertEq(3_000, owed(provider) + owed(TREASURY), 'owed');
    }

    function test_withdraw_ofNothingOnlyEnds() public {
        IChannels.Channel memory channel = opened(1);
        claimed(channel, DEPOSIT);
        vm.prank(payer);
        channels.announceWithdrawal(channel);
        vm.warp(present() + DELAY);
        uint256 before = token.balanceOf(payer);
        channels.withdraw(channel);
        assertEq(before, token.balanceOf(payer), 'payer');
        assertState(channel, DEPOSIT, DEPOSIT, CLOSED);
    }

    function test_withdraw_happensOnce() public {
        IChannels.Channel memory channel = opened(1);
        opened(2);
        vm.prank(payer);
        channels.announceWithdrawal(channel);
        vm.warp(present() + DELAY);
        channels.withdraw(channel);
        vm.expectRevert(abi.encodeWithSelector(IChannels.ChannelAlreadyClosed.selector, idOf(channel)));
        channels.withdraw(channel);
        IChannels.Channel memory missing = sessionChannel(3);
        vm.expectRevert(abi.encodeWithSelector(IChannels.ChannelMissing.selector, idOf(missing)));
        channels.withdraw(missing);
    }

    function testFuzz_withdraw_neverBeforeTheDelay(uint48 delay, uint48 waited) public {
        IChannels.Channel memory channel = sessionChannel(1);
        channel.delay = uint48(within(delay, 24 hours, 30 days));
        waited = uint48(within(waited, 0, 60 days));
        openAs(channel, DEPOSIT);
        vm.prank(payer);
        channels.announceWithdrawal(channel);
        vm.warp(present() + waited);
        if (waited < channel.delay) vm.expectRevert();
        channels.withdraw(channel);
    }
}

contract ChannelsRefundTest is ChannelsFixture {
    function test_refund_waitsForTheSecondAfterTheDeadline() public {
        IChannels.Channel memory channel = openedJob(1);
        uint256 last = channel.deadline;
        vm.warp(last);
        vm.expectRevert(abi.encodeWithSelector(IChannels.TooEarly.selector, last + 1, last));
        channels.refund(channel);
        vm.warp(last + 1);
        uint256 before = token.balanceOf(payer);
        vm.expectEmit(address(channels));
        emit IChannels.ChannelClosed(idOf(channel), IChannels.Closing.JobRefunded, 0, DEPOSIT);
        vm.prank(stranger);
        channels.refund(channel);
        assertEq(before + DEPOSIT, token.balanceOf(payer), 'payer');
        assertState(channel, 0, 0, CLOSED);
    }

    function test_refund_neverAfterPayment() public {
        IChannels.Channel memory channel = openedJob(1);
        openedJob(2);
        vm.prank(provider);
        assertEq(1, channels.claim(one(claimOf(channel, 1_000))), 'accepted');
        vm.warp(uint256(channel.deadline) + 1);
        vm.expectRevert(abi.encodeWithSelector(IChannels.ChannelAlreadyClosed.selector, idOf(channel)));
        channels.refund(channel);
    }

    function test_refund_neverTwice() public {
        IChannels.Channel memory channel = openedJob(1);
        openedJob(2);
        vm.warp(uint256(channel.deadline) + 1);
        channels.refund(channel);
        vm.expectRevert(abi.encodeWithSelector(IChannels.ChannelAlreadyClosed.selector, idOf(channel)));
        channels.refund(channel);
    }

    function test_refund_isForJobs() public {
        IChannels.Channel memory channel = opened(1);
        vm.warp(present() + 365 days);
        vm.expectRevert(abi.encodeWithSelector(IChannels.JobOnly.selector, idOf(channel)));
        channels.refund(channel);
        IChannels.Channel memory missing = jobChannel(1);
        vm.expectRevert(abi.encodeWithSelector(IChannels.ChannelMissing.selector, idOf(missing)));
        channels.refund(missing);
        IChannels.Channel memory job = openedJob(2);
        vm.expectRevert(abi.encodeWithSelector(IChannels.WithdrawalNotAnnounced.selector, idOf(job)));
        channels.withdraw(job);
    }

    function test_refund_needsNoGovernance() public {
        IChannels.Channel memory channel = openedJob(1);
        vm.prank(GOVERNOR);
        channels.renounceOwnership();
        vm.warp(uint256(channel.deadline) + 1);
        uint256 before = token.balanceOf(payer);
        channels.refund(channel);
        assertEq(before + DEPOSIT, token.balanceOf(payer), 'payer');
    }
}
