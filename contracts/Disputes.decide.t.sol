// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDisputes} from './IDisputes.sol';
import {DisputesFixture} from './test/DisputesFixture.sol';

/// Several disputes over one receipt, and what a vote earns.
contract DisputesDecideTest is DisputesFixture {
    uint256 private constant EACH_OF_THREE = COUNTER_BOND / 6;

    /// A provider's friend disputes a bad receipt first, as cheaply as can be, and nobody votes: it protects nothing.
    function test_decide_aDisputeNobodyVotesOnStandsInNobodysWay() public {
        address friend = address(0xf1);
        allow(friend);
        vm.prank(friend);
        uint256 decoy = disputes.open(provider, RECEIPT, STAKE / 10);
        vm.prank(CHALLENGER);
        uint256 id = disputes.open(provider, RECEIPT, STAKE);
        vm.warp(present() + 3 days + 1);
        castMany(id, 1, 3, 0);
        passWindow(id);
        disputes.conclude(decoy);
        assertEnded(decoy, IDisputes.Outcome.Dismissed, 1);
        assertEq(0, disputes.decidedBy(provider, RECEIPT), 'undecided');
        disputes.conclude(id);
        // And again, before the appeal window of the other is over.
        vm.prank(friend);
        decoy = disputes.open(provider, RECEIPT, STAKE / 10);
        passWindow(id);
        vm.expectEmit(address(disputes));
        emit IDisputes.DisputeEnded(id, IDisputes.Outcome.Guilty, STAKE);
        disputes.conclude(id);
        assertEq(0, stakeInAll(provider), 'slashed');
        assertEq(id, disputes.decidedBy(provider, RECEIPT), 'decided');
        assertEq(COUNTER_BOND / 2, disputes.owed(friend), 'what is left of the decoy');
    }

    /// Both disputes over one receipt end in a verdict of guilty: the first takes its penalty, the second nothing.
    function test_decide_slashesOnceForOneReceipt() public {
        (uint256 first, uint256 second) = twoGuilty();
        passWindow(second);
        disputes.conclude(first);
        assertEq(STAKE - PENALTY, stakeInAll(provider), 'slashed');
        vm.expectEmit(address(disputes));
        emit IDisputes.DisputeEnded(second, IDisputes.Outcome.Dismissed, 0);
        disputes.conclude(second);
        assertEnded(second, IDisputes.Outcome.Dismissed);
        assertEq(STAKE - PENALTY, stakeInAll(provider), 'once');
        assertEq(first, disputes.decidedBy(provider, RECEIPT), 'the first');
        assertEq(2 * EACH_OF_THREE, disputes.owed(validator(1)), 'votes on both are paid');
        assertAllCollected();
    }

    /// A challenger nobody followed here, but who was right: proven by the other, it loses nothing.
    function test_decide_whoWasRightElsewhereLosesNothing() public {
        uint256 id = answered();
        vm.prank(CHALLENGER);
        uint256 other = disputes.open(provider, RECEIPT, PENALTY);
        castMany(id, 1, 3, 0);
        passWindow(id);
        disputes.conclude(id);
        passWindow(id);
        disputes.conclude(id);
        disputes.collect(CHALLENGER);
        disputes.conclude(other);
        assertEnded(other, IDisputes.Outcome.Dismissed);
        assertEq(COUNTER_BOND, disputes.owed(CHALLENGER), 'challenger');
        assertAllCollected();
    }

    function test_decide_innocentClosesTheReceiptForBoth() public {
        uint256 id = answered();
        vm.prank(CHALLENGER);
        uint256 other = disputes.open(provider, RECEIPT, PENALTY);
        castMany(id, 1, 0, 3);
        passWindow(id);
        disputes.conclude(id);
        assertEq(id, disputes.decidedBy(provider, RECEIPT), 'decided');
        vm.prank(CHALLENGER);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.ReceiptAlreadyDecided.selector, provider, RECEIPT));
        disputes.open(provider, RECEIPT, PENALTY);
        vm.warp(present() + 4 days);
        castMany(other, 1, 0, 0);
        disputes.conclude(other);
        assertEnded(other, IDisputes.Outcome.Dismissed);
        assertEq(COUNTER_BOND / 2, disputes.owed(CHALLENGER), 'challenger of the second');
        assertAllCollected();
    }

    /// Appealed and not confirmed: the job was tried twice, and is not tried a third time.
    function test_decide_anAppealIsTheLastWord() public {
        (uint256 first, uint256 second) = twoGuilty();
        vm.prank(provider);
        disputes.appeal(first);
        castMany(first, 2, 4, 0);
        passWindow(first);
        disputes.conclude(first);
        assertEnded(first, IDisputes.Outcome.Dismissed, 1);
        assertEq(first, disputes.decidedBy(provider, RECEIPT), 'decided');
        passWindow(second);
        disputes.conclude(second);
        assertEnded(second, IDisputes.Outcome.Dismissed);
        assertEq(STAKE, stakeInAll(provider), 'stake');
        assertEq(first, disputes.decidedBy(provider, RECEIPT), 'by the first still');
        assertAllCollected();
    }

    /// Guilty or innocent, with the majority or against it: a vote earns the same.
    function test_votes_earnTheSameWhateverTheySay() public {
        uint256[2][4] memory ways = [[uint256(4), 1], [uint256(1), 4], [uint256(5), 0], [uint256(0), 5]];
        for (uint256 i = 0; i < 4; ++i) {
            vm.prank(CHALLENGER);
            uint256 id = disputes.open(provider, bytes32(i + 1), PENALTY);
            vm.warp(present() + 3 days + 1);
            castMany(id, 1, ways[i][0], ways[i][1]);
            passWindow(id);
            disputes.conclude(id);
            if (ways[i][0] > 3) {
                passWindow(id);
                disputes.conclude(id);
            }
            for (uint256 j = 1; j < 6; ++j) assertEq(COUNTER_BOND / 10, disputes.collect(validator(j)), 'validator');
            if (ways[i][0] > 3) {
                uint256 awarded = uint256(PENALTY) / 2;
                assertEq(COUNTER_BOND + (awarded * 60) / 100, disputes.collect(CHALLENGER), 'has paid nothing');
            }
            assertAllCollected();
        }
    }

    /// The round that decides is paid, and not the one that was appealed against.
    function test_votes_ofAnAppealedRoundEarnNothing() public {
        uint256 id = convicted();
        vm.prank(provider);
        disputes.appeal(id);
        for (uint256 i = 3; i < 8; ++i) cast(i, id, 2, IDisputes.Verdict.Guilty);
        passWindow(id);
        disputes.conclude(id);
        assertEnded(id, IDisputes.Outcome.Guilty);
        for (uint256 i = 1; i < 3; ++i) assertEq(0, disputes.owed(validator(i)), 'of the first round');
        for (uint256 i = 3; i < 8; ++i) assertEq(COUNTER_BOND / 10, disputes.owed(validator(i)), 'of the second');
        uint256 awarded = uint256(PENALTY) / 2;
        uint256 smoke = awarded - (awarded * 60) / 100 - COUNTER_BOND / 2 + COUNTER_BOND;
        assertEq(smoke, disputes.owed(BURN), 'burned, the appeal bond with it');
        assertAllCollected();
    }

    /// Where the slash finds next to nothing, the votes are paid all the same, by whoever asked for them.
    function test_votes_arePaidThoughTheStakeIsGone() public {
        vm.startPrank(CHALLENGER);
        uint256 first = disputes.open(provider, 'first', STAKE - 1_000_000);
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
        disputes.collect(CHALLENGER);
        for (uint256 i = 1; i < 4; ++i) disputes.collect(validator(i));
        disputes.conclude(second);
        uint256 bond = STAKE / 10;
        // Of a million, half is burned; of the other half three fifths reward, and two fifths go towards the votes.
        uint256 paid = 3 * (bond / 6);
        assertEq(bond / 6, disputes.owed(validator(1)), 'validator');
        assertEq(bond - paid + 300_000 + 200_000, disputes.owed(CHALLENGER), 'challenger');
        assertAllCollected();
    }

    function twoGuilty() private returns (uint256 first, uint256 second) {
        vm.startPrank(CHALLENGER);
        first = disputes.open(provider, RECEIPT, PENALTY);
        second = disputes.open(provider, RECEIPT, PENALTY);
        vm.stopPrank();
        vm.warp(present() + 3 days + 1);
        castMany(first, 1, 3, 0);
        castMany(second, 1, 3, 0);
        passWindow(first);
        disputes.conclude(first);
        disputes.conclude(second);
    }
}
