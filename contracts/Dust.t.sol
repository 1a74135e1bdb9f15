// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IChannels} from './IChannels.sol';
import {IDisputes} from './IDisputes.sol';
import {Intake} from './Intake.sol';
import {IProviders} from './IProviders.sol';
import {DisputesFixture} from './test/DisputesFixture.sol';

/// Griefing by dust: amounts too small to matter, sent to be in somebody's way.
contract DustTest is DisputesFixture {
    function test_dust_toppedUpMovesNobodysDate() public {
        IChannels.Channel memory channel = opened(1);
        fund(stranger, 100);
        vm.startPrank(stranger);
        for (uint256 i = 0; i < 20; ++i) channels.topUp(channel, 1);
        vm.stopPrank();
        assertState(channel, DEPOSIT + 20, 0, 0);
        vm.prank(payer);
        channels.announceWithdrawal(channel);
        uint256 due = present() + DELAY;
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IChannels.WithdrawalPending.selector, idOf(channel), due));
        channels.topUp(channel, 1);
        vm.warp(due);
        uint256 before = token.balanceOf(payer);
        channels.withdraw(channel);
        assertEq(before + DEPOSIT + 20, token.balanceOf(payer), "the dust is the payer's");
    }

    /// A stranger who hands a provider's vouchers in one unit at a time costs it nothing, and the treasury gains nothing.
    function test_dust_claimedUnitByUnitIsClaimedAllTheSame() public {
        IChannels.Channel memory channel = opened(1);
        for (uint128 i = 1; i <= 30; ++i) {
            IChannels.Claim[] memory list = one(claimOf(channel, i));
            vm.prank(stranger);
            assertEq(1, channels.claim(list), 'accepted');
        }
        assertEq(3, owed(TREASURY), 'treasury');
        assertEq(27, owed(provider), 'provider');
    }

    function test_dust_sentStraightToTheContractsIsNobodys() public {
        IChannels.Channel memory channel = opened(1);
        token.mint(address(channels), 1);
        token.mint(address(providers), 1);
        token.mint(address(disputes), 1);
        claimed(channel, DEPOSIT);
        channels.settle(address(token), provider);
        channels.settle(address(token), TREASURY);
        assertEq(1, token.balanceOf(address(channels)), 'channels');
        assertEq(STAKE, stakeInAll(provider), 'stake');
        uint256 id = convicted();
        passWindow(id);
        disputes.conclude(id);
        disputes.collect(CHALLENGER);
        disputes.collect(BURN);
        for (uint256 i = 1; i < 4; ++i) disputes.collect(validator(i));
        assertEq(1, token.balanceOf(address(disputes)), 'disputes');
    }

    /// A channel nobody knows cannot be filled with dust before its payer opens it.
    function test_dust_cannotOccupyAChannel() public {
        IChannels.Channel memory channel = sessionChannel(1);
        fund(stranger, 1);
        vm.startPrank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IChannels.CallerNotPayer.selector, payer, stranger));
        channels.open(channel, 1);
        vm.expectRevert(abi.encodeWithSelector(IChannels.ChannelMissing.selector, idOf(channel)));
        channels.topUp(channel, 1);
        vm.stopPrank();
        openAs(channel, DEPOSIT);
    }

    /// A leaver's way out starts anew only by its own hand, and nobody can bond a unit for it to keep it in reach.
    function test_dust_holdsNobodyInTheRegistry() public {
        vm.prank(provider);
        providers.unbond(STAKE);
        uint256 due = present() + 21 days;
        allow(stranger);
        vm.startPrank(stranger);
        providers.bond(1);
        vm.expectRevert(abi.encodeWithSelector(Intake.AmountZero.selector));
        providers.unbond(0);
        providers.unbond(1);
        vm.stopPrank();
        assertEq(due, stakeOf(provider).unbondedAt, 'date');
        vm.warp(due);
        assertEq(0, providers.lockable(provider), 'out of reach');
        assertEq(STAKE, providers.withdrawBond(provider), 'amount');
        vm.expectRevert(abi.encodeWithSelector(IProviders.NothingUnbonding.selector));
        providers.withdrawBond(provider);
    }

    function test_dust_opensNoDispute() public {
        vm.startPrank(CHALLENGER);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.PenaltyOutOfRange.selector, STAKE / 10, STAKE, 1));
        disputes.open(provider, RECEIPT, 1);
        uint256 before = token.balanceOf(CHALLENGER);
        disputes.open(provider, RECEIPT, STAKE / 10);
        assertEq(before - STAKE / 100, token.balanceOf(CHALLENGER), 'the least costs a hundredth of what it locks');
    }
}
