// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDisputes} from './IDisputes.sol';
import {DisputesFixture} from './test/DisputesFixture.sol';

contract DisputesConcludeTest is DisputesFixture {
    function test_conclude_waitsForTheWindow() public {
        uint256 id = answered();
        uint256 last = present() + 3 days;
        castMany(id, 1, 3, 0);
        vm.warp(last);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.WindowOpen.selector, last + 1, last));
        disputes.conclude(id);
        vm.warp(last + 1);
        disputes.conclude(id);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.WindowOpen.selector, last + 1 + 7 days + 1, last + 1));
        disputes.conclude(id);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.DisputeMissing.selector, 9));
        disputes.conclude(9);
    }

    function test_conclude_dismissesWithoutAQuorum() public {
        uint256 before = token.balanceOf(CHALLENGER);
        uint256 id = answered();
        castMany(id, 1, 2, 2);
        passWindow(id);
        vm.expectEmit(address(disputes));
        emit IDisputes.DisputeEnded(id, IDisputes.Outcome.Dismissed, 0);
        disputes.conclude(id);
        assertEnded(id, IDisputes.Outcome.Dismissed);
        assertEq(COUNTER_BOND / 2, disputes.collect(CHALLENGER), 'collected');
        assertEq(before - COUNTER_BOND / 2, token.balanceOf(CHALLENGER), 'challenger, who has paid four votes');
        for (uint256 i = 1; i < 5; ++i) assertEq(COUNTER_BOND / 8, disputes.owed(validator(i)), 'validator');
        assertEq(0, disputes.owed(BURN), 'burned');
        assertAllCollected();
        assertEq(STAKE, stakeOf(provider).stake, 'stake');
        vm.expectRevert(
            abi.encodeWithSelector(IDisputes.WrongPhase.selector, IDisputes.Phase.Voting, IDisputes.Phase.Ended)
        );
        disputes.conclude(id);
    }

    function test_conclude_needsTwoThirds() public {
        uint256 id = answered();
        castMany(id, 1, 4, 2);
        passWindow(id);
        disputes.conclude(id);
        assertEnded(id, IDisputes.Outcome.Dismissed);
    }

    function test_conclude_withNobodyThereDismisses() public {
        uint256 id = openDispute();
        vm.warp(present() + 6 days);
        vm.expectRevert();
        disputes.conclude(id);
        vm.warp(present() + 1);
        disputes.conclude(id);
        assertEnded(id, IDisputes.Outcome.Dismissed);
        // To have held a stake for nothing costs half the counter-bond.
        assertEq(COUNTER_BOND / 2, disputes.owed(CHALLENGER), 'challenger');
        assertEq(COUNTER_BOND - COUNTER_BOND / 2, disputes.owed(BURN), 'burned');
        assertAllCollected();
    }

    function test_conclude_needsOneVoteToSpareTheChallenger() public {
        uint256 id = answered();
        castMany(id, 1, 0, 2);
        passWindow(id);
        disputes.conclude(id);
        assertEnded(id, IDisputes.Outcome.Dismissed);
        assertEq(COUNTER_BOND / 2, disputes.owed(CHALLENGER), 'challenger');
        // Each as much as a member of a quorum of three, and what the third would have had is burned.
        uint256 each = COUNTER_BOND / 2 / 3;
        assertEq(each, disputes.owed(validator(1)), 'validator');
        assertEq(COUNTER_BOND - COUNTER_BOND / 2 - 2 * each, disputes.owed(BURN), 'burned');
        assertAllCollected();
    }

    function test_conclude_clearsNobodyByATie() public {
        uint256 id = answered();
        castMany(id, 1, 3, 3);
        passWindow(id);
        disputes.conclude(id);
        assertEnded(id, IDisputes.Outcome.Dismissed);
    }

    /// Odd amounts: halves and shares are rounded down, and what that leaves over is burned.
    function test_conclude_roundsDown() public {
        uint128 penalty = 100_000_019;
        vm.startPrank(CHALLENGER);
        uint256 bad = disputes.open(provider, 'bad', penalty);
        uint256 good = disputes.open(provider, 'good', penalty);
        vm.stopPrank();
        vm.warp(present() + 3 days + 1);
        castMany(bad, 1, 3, 0);
        castMany(good, 1, 0, 3);
        passWindow(bad);
        disputes.conclude(good);
        assertEq(5_000_000, disputes.owed(provider), 'provider, half of 10,000,001');
        assertEq(1_666_666, disputes.owed(validator(1)), 'a third of that');
        assertEq(3, disputes.owed(BURN), 'burned');
        disputes.conclude(bad);
        passWindow(bad);
        disputes.conclude(bad);
        // Of 50,000,009 awarded, three fifths.
        assertEq(10_000_001 + 30_000_005, disputes.owed(CHALLENGER), 'challenger');
        assertEq(2 * 1_666_666, disputes.owed(validator(1)), 'validator');
        assertAllCollected();
    }

    function test_conclude_innocentCostsTheChallenger() public {
        uint256 id = answered();
        castMany(id, 1, 2, 3);
        passWindow(id);
        disputes.conclude(id);
        assertEnded(id, IDisputes.Outcome.Innocent);
        assertEq(0, disputes.owed(CHALLENGER), 'challenger');
        assertEq(COUNTER_BOND / 2, disputes.owed(provider), 'provider');
        for (uint256 i = 1; i < 6; ++i) assertEq(COUNTER_BOND / 10, disputes.owed(validator(i)), 'validator');
        assertEq(0, disputes.owed(BURN), 'burned');
        assertAllCollected();
    }

    function test_conclude_guiltySlashesAfterTheAppealWindow() public {
        uint256 id = convicted();
        assertEq(uint256(IDisputes.Phase.Appealable), uint256(disputes.disputeAt(id).phase), 'phase');
        assertEq(STAKE, stakeOf(provider).stake, 'nothing slashed yet');
        passWindow(id);
        disputes.conclude(id);
        assertEnded(id, IDisputes.Outcome.Guilty);
        assertEq(STAKE - PENALTY, stakeOf(provider).stake, 'stake');
        uint256 awarded = PENALTY / 2;
        assertEq(PENALTY - awarded, token.balanceOf(BURN), 'burned');
        assertEq(COUNTER_BOND + (awarded * 60) / 100, disputes.owed(CHALLENGER), 'challenger');
        uint256 each = COUNTER_BOND / 2 / 3;
        for (uint256 i = 1; i < 4; ++i) assertEq(each, disputes.owed(validator(i)), 'validator');
        assertEq(awarded - (awarded * 60) / 100 - 3 * each, disputes.owed(BURN), 'burned');
        assertAllCollected();
    }

    function test_slash_isNeverAboveWhatIsLeft() public {
        vm.startPrank(CHALLENGER);
        uint256 first = disputes.open(provider, 'first', STAKE);
        uint256 second = disputes.open(provider, 'second', STAKE);
        vm.stopPrank();
        vm.warp(present() + 3 days + 1);
        castMany(first, 1, 3, 0);
        castMany(second, 1, 3, 0);
        passWindow(first);
        disputes.conclude(first);
        disputes.conclude(second);
        passWindow(first);
        disputes.conclude(first);
        assertEq(0, stakeInAll(provider), 'all gone');
        vm.expectEmit(address(disputes));
        emit IDisputes.DisputeEnded(second, IDisputes.Outcome.Guilty, 0);
        disputes.conclude(second);
        assertEnded(second, IDisputes.Outcome.Guilty);
        assertAllCollected();
    }

    function test_slash_lapsesWithTheLock() public {
        uint256 id = answered();
        uint256 until = stakeOf(provider).lockedUntil;
        castMany(id, 1, 3, 0);
        vm.warp(until - 7 days);
        disputes.conclude(id);
        vm.warp(until + 1);
        vm.expectEmit(address(disputes));
        emit IDisputes.DisputeEnded(id, IDisputes.Outcome.Guilty, 0);
        disputes.conclude(id);
        assertEnded(id, IDisputes.Outcome.Guilty);
        assertEq(STAKE, stakeInAll(provider), 'stake');
        assertEq(COUNTER_BOND - 3 * (COUNTER_BOND / 6), disputes.owed(CHALLENGER), 'challenger, who pays the votes');
        assertEq(0, disputes.decidedBy(provider, RECEIPT), 'nothing decided');
        assertAllCollected();
    }

    /// Who takes its lock away as soon as it is over must not keep a dispute from ending.
    function test_conclude_worksWithTheLockReleased() public {
        uint256 id = answered();
        castMany(id, 1, 3, 0);
        vm.warp(stakeOf(provider).lockedUntil);
        providers.release(address(disputes), provider, id);
        disputes.conclude(id);
        passWindow(id);
        disputes.conclude(id);
        assertEnded(id, IDisputes.Outcome.Guilty);
        assertEq(STAKE, stakeInAll(provider), 'stake');
        assertAllCollected();
    }

    function test_collect_paysOnceWhoeverCalls() public {
        uint256 id = answered();
        passWindow(id);
        disputes.conclude(id);
        vm.expectEmit(address(disputes));
        emit IDisputes.Collected(CHALLENGER, COUNTER_BOND / 2);
        vm.prank(stranger);
        assertEq(COUNTER_BOND / 2, disputes.collect(CHALLENGER), 'first');
        assertEq(0, disputes.collect(CHALLENGER), 'second');
        vm.recordLogs();
        assertEq(0, disputes.collect(stranger), 'stranger');
        assertEq(0, vm.getRecordedLogs().length, 'nothing was said');
    }
}
