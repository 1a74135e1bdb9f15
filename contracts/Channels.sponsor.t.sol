// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC3009} from '@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol';
import {IChannels} from './IChannels.sol';
import {Authorization, Intake} from './Intake.sol';
import {Signatures} from './Signatures.sol';
import {ChannelsFixture} from './test/ChannelsFixture.sol';

/// Deposits and withdrawals sent by somebody else, for a fee the payer signed.
contract ChannelsSponsorTest is ChannelsFixture {
    uint96 private constant FEE = 70_000;
    address private constant SPONSOR = address(0x5b0);

    function test_open_takesTheFeeOutOfTheDeposit() public {
        IChannels.Channel memory channel = sessionChannel(1);
        IChannels.Sponsorship memory terms = IChannels.Sponsorship(SPONSOR, FEE);
        Authorization memory given = authorization(channel, DEPOSIT, 's', terms);
        vm.expectEmit(address(channels));
        emit IChannels.ChannelOpened(idOf(channel), payer, provider, channel, DEPOSIT - FEE);
        vm.expectEmit(address(channels));
        emit IChannels.SponsorPaid(SPONSOR, payer, address(token), FEE);
        vm.prank(stranger);
        bytes32 id = channels.openWithAuthorization(channel, DEPOSIT, terms, given);
        assertEq(idOf(channel), id, 'id');
        assertState(channel, DEPOSIT - FEE, 0, 0);
        assertEq(FEE, owed(SPONSOR), 'sponsor');
        assertEq(0, owed(stranger), 'whoever sent it');
        assertEq(DEPOSIT, token.balanceOf(address(channels)), 'held');
        // What went to the sponsor, no voucher reaches.
        assertRefused(claimOf(channel, DEPOSIT - FEE + 1), IChannels.Refusal.Overdrawn);
        claimed(channel, DEPOSIT - FEE);
        assertEq(FEE, channels.settle(address(token), SPONSOR), 'settled');
    }

    function test_topUp_takesTheFeeOutOfTheDeposit() public {
        IChannels.Channel memory channel = opened(1);
        IChannels.Sponsorship memory terms = IChannels.Sponsorship(SPONSOR, FEE);
        Authorization memory given = authorization(channel, 100_000, 's', terms);
        vm.expectEmit(address(channels));
        emit IChannels.ToppedUp(idOf(channel), payer, 100_000 - FEE, DEPOSIT + 100_000 - FEE);
        vm.expectEmit(address(channels));
        emit IChannels.SponsorPaid(SPONSOR, payer, address(token), FEE);
        channels.topUpWithAuthorization(channel, 100_000, terms, given);
        assertState(channel, DEPOSIT + 100_000 - FEE, 0, 0);
        assertEq(FEE, owed(SPONSOR), 'sponsor');
        vm.expectPartialRevert(ERC3009.ERC3009UsedAuthorization.selector);
        channels.topUpWithAuthorization(channel, 100_000, terms, given);
    }

    function test_deposit_withoutASponsorsNamePaysWhoeverSends() public {
        IChannels.Channel memory channel = sessionChannel(1);
        IChannels.Sponsorship memory terms = IChannels.Sponsorship(address(0), FEE);
        Authorization memory given = authorization(channel, DEPOSIT, 's', terms);
        vm.prank(stranger);
        channels.openWithAuthorization(channel, DEPOSIT, terms, given);
        assertEq(FEE, owed(stranger), 'opened');
        given = authorization(channel, DEPOSIT, 't', terms);
        vm.prank(RELAY);
        channels.topUpWithAuthorization(channel, DEPOSIT, terms, given);
        assertEq(FEE, owed(RELAY), 'topped up');
        assertState(channel, 2 * uint256(DEPOSIT - FEE), 0, 0);
    }

    /// A name without a fee earns nothing, and is a name all the same.
    function test_deposit_withoutAFeePaysNobody() public {
        IChannels.Channel memory channel = sessionChannel(1);
        IChannels.Sponsorship memory terms = IChannels.Sponsorship(SPONSOR, 0);
        Authorization memory given = authorization(channel, DEPOSIT, 's', terms);
        vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009InvalidSignature.selector));
        channels.openWithAuthorization(channel, DEPOSIT, unsponsored(), given);
        vm.recordLogs();
        channels.openWithAuthorization(channel, DEPOSIT, terms, given);
        assertEq(0, owed(SPONSOR), 'sponsor');
        assertEq(0, countLogs(IChannels.SponsorPaid.selector), 'nothing was said of a fee');
        assertState(channel, DEPOSIT, 0, 0);
    }

    /// Neither the fee nor who gets it can be changed, and neither an opening nor a top-up is good for other terms.
    function test_deposit_bindsSponsorAndFee() public {
        IChannels.Channel memory channel = sessionChannel(1);
        IChannels.Channel memory running = opened(2);
        Authorization memory opening = authorization(channel, DEPOSIT, 's', IChannels.Sponsorship(SPONSOR, FEE));
        Authorization memory adding = authorization(running, DEPOSIT, 's', IChannels.Sponsorship(SPONSOR, FEE));
        IChannels.Sponsorship[4] memory wrong = [
            IChannels.Sponsorship(stranger, FEE),
            IChannels.Sponsorship(SPONSOR, FEE + 1),
            IChannels.Sponsorship(SPONSOR, 0),
            IChannels.Sponsorship(address(0), FEE)
        ];
        bytes memory problem = abi.encodeWithSelector(ERC3009.ERC3009InvalidSignature.selector);
        vm.startPrank(stranger);
        for (uint256 i = 0; i < 4; ++i) {
            vm.expectRevert(problem);
            channels.openWithAuthorization(channel, DEPOSIT, wrong[i], opening);
            vm.expectRevert(problem);
            channels.topUpWithAuthorization(running, DEPOSIT, wrong[i], adding);
        }
    }

    function test_deposit_isMoreThanItsFee() public {
        IChannels.Channel memory channel = sessionChannel(1);
        IChannels.Channel memory running = opened(2);
        uint96[2] memory fees = [uint96(101), type(uint96).max];
        for (uint256 i = 0; i < 2; ++i) {
            IChannels.Sponsorship memory large = IChannels.Sponsorship(SPONSOR, fees[i]);
            Authorization memory signed_ = authorization(channel, 100, 's', large);
            bytes memory problem = abi.encodeWithSelector(IChannels.FeeTooLarge.selector, 100, fees[i]);
            vm.expectRevert(problem);
            channels.openWithAuthorization(channel, 100, large, signed_);
            signed_ = authorization(running, 100, 's', large);
            vm.expectRevert(problem);
            channels.topUpWithAuthorization(running, 100, large, signed_);
        }
        IChannels.Sponsorship memory terms = IChannels.Sponsorship(SPONSOR, 100);
        Authorization memory given = authorization(channel, 100, 's', terms);
        vm.expectRevert(abi.encodeWithSelector(Intake.AmountZero.selector));
        channels.openWithAuthorization(channel, 100, terms, given);
        given = authorization(channel, 101, 's', terms);
        channels.openWithAuthorization(channel, 101, terms, given);
        assertState(channel, 1, 0, 0);
        assertEq(100, owed(SPONSOR), 'sponsor');
    }

    function test_announce_paysTheSponsorWhenTheMoneyLeaves() public {
        IChannels.Channel memory channel = opened(1);
        bytes32 id = idOf(channel);
        claimed(channel, 1_000);
        IChannels.Sponsorship memory terms = IChannels.Sponsorship(SPONSOR, FEE);
        bytes memory agreed = withdrawalSignature(SESSION_KEY, id, terms);
        vm.expectEmit(address(channels));
        emit IChannels.WithdrawalSponsored(id, SPONSOR, FEE);
        vm.prank(stranger);
        channels.announceWithdrawalFor(channel, terms, agreed);
        assertEq(SPONSOR, channels.sponsorshipOf(id).sponsor, 'noted');
        assertEq(FEE, channels.sponsorshipOf(id).fee, 'noted');
        assertState(channel, DEPOSIT, 1_000, present() + DELAY);
        assertEq(0, owed(SPONSOR), 'not yet');
        vm.expectRevert(abi.encodeWithSelector(IChannels.WithdrawalPending.selector, id, present() + DELAY));
        channels.announceWithdrawalFor(channel, terms, agreed);
        vm.warp(present() + DELAY);
        uint256 before = token.balanceOf(payer);
        vm.expectEmit(address(channels));
        emit IChannels.SponsorPaid(SPONSOR, payer, address(token), FEE);
        vm.expectEmit(address(channels));
        emit IChannels.ChannelClosed(id, IChannels.Closing.Withdrawn, 1_000, DEPOSIT - 1_000 - FEE);
        channels.withdraw(channel);
        assertEq(FEE, owed(SPONSOR), 'sponsor');
        assertEq(before + DEPOSIT - 1_000 - FEE, token.balanceOf(payer), 'payer');
        assertEq(FEE + 1_000, token.balanceOf(address(channels)), 'held');
    }

    /// A payer whose friend announces for all that is left takes nothing from a provider that still holds vouchers.
    function test_announce_leavesVouchersBeforeTheFee() public {
        for (uint128 left = 0; left < 2; ++left) {
            IChannels.Channel memory channel = opened(left);
            IChannels.Sponsorship memory terms = IChannels.Sponsorship(SPONSOR, uint96(DEPOSIT));
            bytes memory agreed = withdrawalSignature(PAYER_KEY, idOf(channel), terms);
            channels.announceWithdrawalFor(channel, terms, agreed);
            claimed(channel, DEPOSIT - left);
            vm.warp(present() + DELAY);
            uint256 before = token.balanceOf(payer);
            channels.withdraw(channel);
            assertEq(left, owed(SPONSOR), 'what is left');
            assertEq(before, token.balanceOf(payer), 'payer');
        }
    }

    function test_announce_paysTheSponsorOfAChannelClosedMeanwhile() public {
        IChannels.Channel memory channel = opened(1);
        IChannels.Sponsorship memory terms = IChannels.Sponsorship(address(0), FEE);
        bytes memory agreed = withdrawalSignature(PAYER_KEY, idOf(channel), terms);
        vm.prank(stranger);
        channels.announceWithdrawalFor(channel, terms, agreed);
        uint256 before = token.balanceOf(payer);
        channels.close(channel, 0, '', closeSignature(TAB_KEY, idOf(channel), 0));
        assertEq(FEE, owed(stranger), 'whoever sent it');
        assertEq(before + DEPOSIT - FEE, token.balanceOf(payer), 'payer');
    }

    function test_announce_bindsSponsorAndFee() public {
        IChannels.Channel memory channel = opened(1);
        IChannels.Sponsorship memory terms = IChannels.Sponsorship(SPONSOR, FEE);
        bytes memory problem = abi.encodeWithSelector(Signatures.InvalidSignature.selector, session);
        uint256[4] memory keys = [SESSION_KEY, PAYER_KEY, TAB_KEY, STRANGER_KEY];
        for (uint256 i = 0; i < 4; ++i) {
            bytes memory given = withdrawalSignature(keys[i], idOf(channel), terms);
            refuse(channel, IChannels.Sponsorship(stranger, FEE), given, problem);
            refuse(channel, IChannels.Sponsorship(SPONSOR, FEE + 1), given, problem);
            refuse(channel, unsponsored(), given, problem);
            if (i > 1) refuse(channel, terms, given, problem);
        }
    }

    function test_announce_promisesNoMoreThanIsUnclaimed() public {
        IChannels.Channel memory channel = opened(1);
        claimed(channel, DEPOSIT - 10);
        IChannels.Sponsorship memory terms = IChannels.Sponsorship(SPONSOR, 11);
        bytes memory given = withdrawalSignature(PAYER_KEY, idOf(channel), terms);
        refuse(channel, terms, given, abi.encodeWithSelector(IChannels.FeeTooLarge.selector, 10, 11));
        assertState(channel, DEPOSIT, DEPOSIT - 10, 0);
        terms.fee = 10;
        given = withdrawalSignature(PAYER_KEY, idOf(channel), terms);
        channels.announceWithdrawalFor(channel, terms, given);
        assertEq(10, channels.sponsorshipOf(idOf(channel)).fee, 'fee');
    }

    /// The session key lies in a browser: whoever takes it must not be able to pay the deposit to itself.
    function test_announce_bySessionKeyPromisesATenth() public {
        IChannels.Channel memory channel = opened(1);
        claimed(channel, DEPOSIT - 109);
        IChannels.Sponsorship memory terms = IChannels.Sponsorship(stranger, 11);
        bytes memory given = withdrawalSignature(SESSION_KEY, idOf(channel), terms);
        refuse(channel, terms, given, abi.encodeWithSelector(IChannels.FeeTooLarge.selector, 10, 11));
        terms.fee = 10;
        given = withdrawalSignature(SESSION_KEY, idOf(channel), terms);
        channels.announceWithdrawalFor(channel, terms, given);
        assertEq(10, channels.sponsorshipOf(idOf(channel)).fee, 'fee');
    }

    function test_announce_withoutAFeeNotesNobody() public {
        IChannels.Channel memory channel = opened(1);
        IChannels.Sponsorship memory terms = IChannels.Sponsorship(SPONSOR, 0);
        bytes memory agreed = withdrawalSignature(SESSION_KEY, idOf(channel), terms);
        vm.recordLogs();
        channels.announceWithdrawalFor(channel, terms, agreed);
        assertEq(0, countLogs(IChannels.WithdrawalSponsored.selector), 'nothing was said of a sponsor');
        assertEq(address(0), channels.sponsorshipOf(idOf(channel)).sponsor, 'sponsor');
    }

    function test_announce_byThePayerItselfOwesNobody() public {
        IChannels.Channel memory channel = opened(1);
        vm.prank(payer);
        channels.announceWithdrawal(channel);
        assertEq(address(0), channels.sponsorshipOf(idOf(channel)).sponsor, 'sponsor');
        vm.warp(present() + DELAY);
        uint256 before = token.balanceOf(payer);
        vm.recordLogs();
        channels.withdraw(channel);
        assertEq(0, countLogs(IChannels.SponsorPaid.selector), 'nothing was said of a fee');
        assertEq(before + DEPOSIT, token.balanceOf(payer), 'payer');
    }

    function refuse(
        IChannels.Channel memory channel,
        IChannels.Sponsorship memory terms,
        bytes memory signature,
        bytes memory problem
    ) private {
        vm.expectRevert(problem);
        channels.announceWithdrawalFor(channel, terms, signature);
    }
}
