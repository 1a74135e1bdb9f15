// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from '@openzeppelin/contracts/access/Ownable.sol';
import {Disputes} from './Disputes.sol';
import {IDisputes} from './IDisputes.sol';
import {IProviders} from './IProviders.sol';
import {Providers} from './Providers.sol';
import {DisputesFixture} from './test/DisputesFixture.sol';

contract DisputesOpenTest is DisputesFixture {
    function test_open_takesTheBondAndLocksTheStake() public {
        uint256 before = token.balanceOf(CHALLENGER);
        vm.expectEmit(address(disputes));
        emit IDisputes.DisputeOpened(1, provider, CHALLENGER, RECEIPT, PENALTY, COUNTER_BOND);
        uint256 id = openDispute();
        assertEq(1, id, 'id');
        assertEq(before - COUNTER_BOND, token.balanceOf(CHALLENGER), 'challenger');
        assertEq(1, stakeOf(provider).locks, 'locks');
        assertEq(present() + 30 days, stakeOf(provider).lockedUntil, 'until');
        vm.prank(provider);
        providers.unbond(1);
        vm.warp(present() + 21 days);
        vm.expectRevert(
            abi.encodeWithSelector(IProviders.StakeLocked.selector, stakeOf(provider).lockedUntil, present())
        );
        providers.withdrawBond(provider);
    }

    function test_open_isOffByDefaultAndOffAtOnce() public {
        Disputes fresh = new Disputes(GOVERNOR, providers);
        vm.startPrank(CHALLENGER);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.SwitchedOffNow.selector));
        fresh.open(provider, RECEIPT, PENALTY);
        vm.stopPrank();
        uint256 running = openDispute();
        vm.expectEmit(address(disputes));
        emit IDisputes.SwitchedOff();
        vm.prank(GOVERNOR);
        disputes.switchOff();
        bytes memory call = abi.encodeCall(Disputes.switchOn, ());
        uint256 before = present();
        vm.prank(GOVERNOR);
        disputes.schedule(call);
        vm.warp(before + 7 days);
        vm.expectEmit(address(disputes));
        emit IDisputes.SwitchedOn();
        disputes.execute(call);
        vm.warp(before);
        vm.prank(GOVERNOR);
        disputes.switchOff();
        vm.prank(CHALLENGER);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.SwitchedOffNow.selector));
        disputes.open(provider, 'another', PENALTY);
        vm.prank(provider);
        disputes.answer(running, 'still');
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, stranger));
        disputes.switchOff();
    }

    function test_open_needsTheRegistrysTrust() public {
        govern(providers, abi.encodeCall(Providers.setDisputes, (address(0))));
        vm.prank(CHALLENGER);
        vm.expectRevert(abi.encodeWithSelector(IProviders.CallerNotDisputes.selector, address(0), address(disputes)));
        disputes.open(provider, RECEIPT, PENALTY);
    }

    function test_open_needsAReceiptNotDecidedBefore() public {
        vm.startPrank(CHALLENGER);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.ReceiptMissing.selector));
        disputes.open(provider, 0, PENALTY);
        vm.stopPrank();
        uint256 id = convicted();
        passWindow(id);
        disputes.conclude(id);
        assertEq(id, disputes.decidedBy(provider, RECEIPT), 'decided');
        vm.startPrank(CHALLENGER);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.ReceiptAlreadyDecided.selector, provider, RECEIPT));
        disputes.open(provider, RECEIPT, PENALTY);
        // Another provider's receipt may hash alike.
        vm.expectPartialRevert(IDisputes.PenaltyOutOfRange.selector);
        disputes.open(stranger, RECEIPT, PENALTY);
    }

    function test_open_keepsThePenaltyInRange() public {
        uint128[3] memory wrong = [STAKE / 10 - 1, STAKE + 1, type(uint128).max];
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(CHALLENGER);
            vm.expectRevert(abi.encodeWithSelector(IDisputes.PenaltyOutOfRange.selector, STAKE / 10, STAKE, wrong[i]));
            disputes.open(provider, RECEIPT, wrong[i]);
        }
        vm.startPrank(CHALLENGER);
        disputes.open(provider, 'least', STAKE / 10);
        disputes.open(provider, 'most', STAKE);
    }

    function test_open_roundsTheLeastPenaltyDown() public {
        vm.prank(provider);
        providers.bond(7);
        vm.prank(CHALLENGER);
        disputes.open(provider, RECEIPT, STAKE / 10);
    }

    function test_open_costsAShareOfAllItLocks() public {
        uint256 before = token.balanceOf(CHALLENGER);
        vm.prank(CHALLENGER);
        uint256 id = disputes.open(provider, 'least', STAKE / 10);
        assertEq(STAKE / 100, disputes.disputeAt(id).counterBond, 'a hundredth of the stake');
        assertEq(before - STAKE / 100, token.balanceOf(CHALLENGER), 'challenger');
        vm.prank(CHALLENGER);
        id = disputes.open(provider, 'most', STAKE);
        assertEq(STAKE / 10, disputes.disputeAt(id).counterBond, 'a tenth of the penalty');
    }

    function test_open_ofASmallStakeAsksForADollarAtLeast() public {
        vm.startPrank(stranger);
        token.mint(stranger, 5_000_000);
        token.approve(address(providers), 5_000_000);
        providers.bond(5_000_000);
        vm.stopPrank();
        vm.startPrank(CHALLENGER);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.PenaltyOutOfRange.selector, 1_000_000, 5_000_000, 999_999));
        disputes.open(stranger, RECEIPT, 999_999);
        disputes.open(stranger, RECEIPT, 1_000_000);
    }

    /// A provider that has itself convicted first, of the bad job others were about to dispute, loses what that costs.
    function test_open_ofOnesOwnJobIsNoWayOut() public {
        uint256 before = stakeInAll(provider) + token.balanceOf(CHALLENGER);
        vm.prank(CHALLENGER);
        uint256 id = disputes.open(provider, RECEIPT, STAKE / 10);
        vm.warp(present() + 3 days + 1);
        castMany(id, 1, 3, 0);
        passWindow(id);
        disputes.conclude(id);
        passWindow(id);
        disputes.conclude(id);
        disputes.collect(CHALLENGER);
        uint256 lost = before - stakeInAll(provider) - token.balanceOf(CHALLENGER);
        assertEq(((STAKE / 10) * 70) / 100, lost, 'seven hundredths of the stake');
    }

    function test_open_reachesNobodyWhoHasLeft() public {
        vm.prank(provider);
        providers.unbond(STAKE);
        vm.warp(present() + 21 days);
        vm.prank(CHALLENGER);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.PenaltyOutOfRange.selector, 1_000_000, 0, PENALTY));
        disputes.open(provider, RECEIPT, PENALTY);
    }

    function test_answer_beginsVoting() public {
        uint256 id = openDispute();
        vm.expectEmit(address(disputes));
        emit IDisputes.Answered(id, 'answer', present() + 3 days);
        vm.prank(provider);
        disputes.answer(id, 'answer');
        assertEq(uint256(IDisputes.Phase.Voting), uint256(disputes.disputeAt(id).phase), 'phase');
        assertEq(bytes32('answer'), disputes.disputeAt(id).answerHash, 'answer');
        vm.prank(provider);
        vm.expectRevert(
            abi.encodeWithSelector(IDisputes.WrongPhase.selector, IDisputes.Phase.Answering, IDisputes.Phase.Voting)
        );
        disputes.answer(id, 'again');
    }

    function test_answer_isTheProvidersInTime() public {
        uint256 id = openDispute();
        uint256 last = present() + 3 days;
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.CallerNotProvider.selector, provider, stranger));
        disputes.answer(id, 'answer');
        vm.startPrank(provider);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.AnswerMissing.selector));
        disputes.answer(id, 0);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.DisputeMissing.selector, 9));
        disputes.answer(9, 'answer');
        vm.warp(last + 1);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.WindowOver.selector, last, last + 1));
        disputes.answer(id, 'answer');
        vm.warp(last);
        disputes.answer(id, 'answer');
    }
}
