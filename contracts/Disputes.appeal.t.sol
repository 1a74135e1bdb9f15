// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDisputes} from './IDisputes.sol';
import {DisputesFixture} from './test/DisputesFixture.sol';

contract DisputesAppealTest is DisputesFixture {
    function test_appeal_opensASecondRound() public {
        uint256 id = convicted();
        uint256 before = token.balanceOf(provider);
        vm.expectEmit(address(disputes));
        emit IDisputes.Appealed(id, COUNTER_BOND, present() + 3 days);
        vm.prank(provider);
        disputes.appeal(id);
        assertEq(before - COUNTER_BOND, token.balanceOf(provider), 'provider');
        assertEq(0, disputes.disputeAt(id).guilty, 'guilty');
        castMany(id, 2, 5, 2);
        passWindow(id);
        disputes.conclude(id);
        assertEnded(id, IDisputes.Outcome.Guilty);
        assertEq(STAKE - PENALTY, stakeOf(provider).stake, 'stake');
        assertEq(0, disputes.owed(provider), 'appeal bond lost');
        assertTrue(disputes.owed(BURN) >= COUNTER_BOND, 'appeal bond burned');
        assertAllCollected();
    }

    function test_appeal_notConfirmedSavesTheStake() public {
        uint256 id = convicted();
        vm.prank(provider);
        disputes.appeal(id);
        // Four of four would do in the first round; an appeal needs five.
        castMany(id, 2, 4, 0);
        passWindow(id);
        disputes.conclude(id);
        assertEnded(id, IDisputes.Outcome.Dismissed);
        assertEq(STAKE, stakeOf(provider).stake, 'stake');
        assertEq(COUNTER_BOND, disputes.owed(provider), 'appeal bond');
        assertEq(COUNTER_BOND - 4 * (COUNTER_BOND / 10), disputes.owed(CHALLENGER), 'counter-bond less four votes');
        assertAllCollected();
    }

    function test_appeal_wonTakesHalfTheCounterBond() public {
        uint256 id = convicted();
        vm.prank(provider);
        disputes.appeal(id);
        castMany(id, 2, 1, 5);
        passWindow(id);
        disputes.conclude(id);
        assertEnded(id, IDisputes.Outcome.Innocent);
        assertEq(COUNTER_BOND + COUNTER_BOND / 2, disputes.owed(provider), 'provider');
        assertAllCollected();
    }

    function test_appeal_cannotBeSkipped() public {
        uint256 id = answered();
        castMany(id, 1, 3, 0);
        passWindow(id);
        // Nobody records the verdict for as long as an appeal may take; then the challenger tries both steps at once.
        vm.warp(present() + 7 days);
        uint256 last = present() + 7 days;
        vm.expectEmit(address(disputes));
        emit IDisputes.VerdictReached(id, last);
        disputes.conclude(id);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.WindowOpen.selector, last + 1, present()));
        disputes.conclude(id);
        vm.warp(last);
        vm.prank(provider);
        disputes.appeal(id);
        assertEq(2, disputes.disputeAt(id).round, 'round');
    }

    function test_appeal_dismissedSparesTheChallenger() public {
        uint256 id = convicted();
        vm.prank(provider);
        disputes.appeal(id);
        passWindow(id);
        disputes.conclude(id);
        assertEnded(id, IDisputes.Outcome.Dismissed);
        assertEq(COUNTER_BOND, disputes.owed(CHALLENGER), 'the first verdict stands for good faith');
        assertAllCollected();
    }

    function test_appeal_isTheProvidersInTime() public {
        uint256 id = answered();
        bytes memory problem = abi.encodeWithSelector(
            IDisputes.WrongPhase.selector,
            IDisputes.Phase.Appealable,
            IDisputes.Phase.Voting
        );
        vm.prank(provider);
        vm.expectRevert(problem);
        disputes.appeal(id);
        castMany(id, 1, 3, 0);
        passWindow(id);
        disputes.conclude(id);
        uint256 last = disputes.disputeAt(id).endsAt;
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.CallerNotProvider.selector, provider, stranger));
        disputes.appeal(id);
        vm.startPrank(provider);
        vm.warp(last + 1);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.WindowOver.selector, last, last + 1));
        disputes.appeal(id);
        vm.warp(last);
        disputes.appeal(id);
        vm.expectRevert(problem);
        disputes.appeal(id);
    }
}
