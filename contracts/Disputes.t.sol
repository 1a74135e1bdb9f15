// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Ownable} from '@openzeppelin/contracts/access/Ownable.sol';
import {Disputes} from './Disputes.sol';
import {Governed} from './Governed.sol';
import {IDisputes} from './IDisputes.sol';
import {IProviders} from './IProviders.sol';
import {Providers} from './Providers.sol';
import {Signatures} from './Signatures.sol';
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
        vm.expectRevert();
        providers.unbond(1);
    }

    function test_open_isOffByDefaultAndOffAtOnce() public {
        Disputes fresh = new Disputes(GOVERNOR, providers);
        vm.startPrank(CHALLENGER);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.SwitchedOffNow.selector));
        fresh.open(provider, RECEIPT, PENALTY);
        vm.stopPrank();
        uint256 running = openDispute();
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

    function test_open_needsAReceiptDisputedNeverBefore() public {
        vm.startPrank(CHALLENGER);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.ReceiptMissing.selector));
        disputes.open(provider, 0, PENALTY);
        uint256 id = disputes.open(provider, RECEIPT, PENALTY);
        bytes memory problem = abi.encodeWithSelector(IDisputes.ReceiptAlreadyDisputed.selector, provider, RECEIPT);
        vm.expectRevert(problem);
        disputes.open(provider, RECEIPT, PENALTY);
        // Not even when the first is over.
        passWindow(id);
        vm.warp(present() + 3 days);
        disputes.conclude(id);
        vm.expectRevert(problem);
        disputes.open(provider, RECEIPT, PENALTY);
    }

    function test_open_keepsThePenaltyInRange() public {
        uint128[3] memory wrong = [uint128(999_999), STAKE + 1, type(uint128).max];
        for (uint256 i = 0; i < 3; ++i) {
            vm.prank(CHALLENGER);
            vm.expectRevert(abi.encodeWithSelector(IDisputes.PenaltyOutOfRange.selector, 1_000_000, STAKE, wrong[i]));
            disputes.open(provider, RECEIPT, wrong[i]);
        }
        vm.startPrank(CHALLENGER);
        disputes.open(provider, 'least', 1_000_000);
        disputes.open(provider, 'most', STAKE);
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

contract DisputesVoteTest is DisputesFixture {
    function test_vote_counts() public {
        uint256 id = answered();
        vm.expectEmit(address(disputes));
        emit IDisputes.Voted(id, 1, validator(1), IDisputes.Verdict.Guilty);
        cast(1, id, 1, IDisputes.Verdict.Guilty);
        cast(2, id, 1, IDisputes.Verdict.Innocent);
        assertEq(1, disputes.disputeAt(id).guilty, 'guilty');
        assertEq(1, disputes.disputeAt(id).innocent, 'innocent');
        IDisputes.Verdict said = disputes.verdictOf(id, 1, validator(1));
        assertEq(uint256(IDisputes.Verdict.Guilty), uint256(said), 'said');
    }

    function test_vote_beginsByItselfWhenNobodyAnswers() public {
        uint256 id = openDispute();
        uint256 last = present() + 3 days;
        vm.warp(last);
        refuse(
            id,
            1,
            IDisputes.Verdict.Guilty,
            1,
            abi.encodeWithSelector(IDisputes.WrongPhase.selector, IDisputes.Phase.Voting, IDisputes.Phase.Answering)
        );
        vm.warp(last + 1);
        cast(1, id, 1, IDisputes.Verdict.Guilty);
        assertEq(last + 3 days, disputes.disputeAt(id).endsAt, 'ends');
    }

    function test_vote_endsToTheSecond() public {
        uint256 id = answered();
        uint256 last = present() + 3 days;
        vm.warp(last + 1);
        refuse(
            id,
            1,
            IDisputes.Verdict.Guilty,
            1,
            abi.encodeWithSelector(IDisputes.WindowOver.selector, last, last + 1)
        );
        vm.warp(last);
        cast(1, id, 1, IDisputes.Verdict.Guilty);
    }

    function test_vote_refusesWhatIsNoVote() public {
        uint256 id = answered();
        IDisputes.Verdict guilty = IDisputes.Verdict.Guilty;
        refuse(9, 1, guilty, 1, abi.encodeWithSelector(IDisputes.DisputeMissing.selector, 9));
        refuse(id, 2, guilty, 1, abi.encodeWithSelector(IDisputes.WrongRound.selector, 1, 2));
        refuse(id, 1, IDisputes.Verdict.None, 1, abi.encodeWithSelector(IDisputes.VerdictMissing.selector));
        refuse(id, 1, guilty, 8, abi.encodeWithSelector(IDisputes.NotValidator.selector, validator(8)));
        cast(1, id, 1, guilty);
        bytes memory problem = abi.encodeWithSelector(IDisputes.AlreadyVoted.selector, id, 1, validator(1));
        refuse(id, 1, guilty, 1, problem);
        refuse(id, 1, IDisputes.Verdict.Innocent, 1, problem);
    }

    function test_vote_bindsDisputeRoundVerdictAndKey() public {
        uint256 id = answered();
        bytes memory problem = abi.encodeWithSelector(Signatures.InvalidSignature.selector, validator(1));
        IDisputes.Verdict guilty = IDisputes.Verdict.Guilty;
        bytes[5] memory wrong = [
            voteSignature(validatorKey(2), id, 1, guilty),
            voteSignature(validatorKey(1), id + 1, 1, guilty),
            voteSignature(validatorKey(1), id, 2, guilty),
            voteSignature(validatorKey(1), id, 1, IDisputes.Verdict.Innocent),
            bytes('')
        ];
        for (uint256 i = 0; i < 5; ++i) {
            vm.expectRevert(problem);
            disputes.vote(id, 1, guilty, validator(1), wrong[i]);
        }
    }

    function test_vote_isNotForTheParties() public {
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(Disputes.addValidator, (provider));
        calls[1] = abi.encodeCall(Disputes.addValidator, (payer));
        governAll(disputes, calls);
        allow(payer);
        vm.prank(payer);
        uint256 id = disputes.open(provider, RECEIPT, PENALTY);
        vm.prank(provider);
        disputes.answer(id, 'answer');
        bytes memory signature = voteSignature(PROVIDER_KEY, id, 1, IDisputes.Verdict.Innocent);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.ValidatorIsParty.selector, provider));
        disputes.vote(id, 1, IDisputes.Verdict.Innocent, provider, signature);
        signature = voteSignature(PAYER_KEY, id, 1, IDisputes.Verdict.Guilty);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.ValidatorIsParty.selector, payer));
        disputes.vote(id, 1, IDisputes.Verdict.Guilty, payer, signature);
    }

    function test_validators_areRegisteredBehindTheNotice() public {
        bytes memory problem = abi.encodeWithSelector(Governed.OnlyScheduled.selector, address(disputes), GOVERNOR);
        vm.startPrank(GOVERNOR);
        vm.expectRevert(problem);
        disputes.addValidator(stranger);
        vm.expectRevert(problem);
        disputes.removeValidator(validator(1));
        vm.expectRevert(problem);
        disputes.switchOn();
        vm.stopPrank();
        refuseCall(
            abi.encodeCall(Disputes.addValidator, (address(0))),
            abi.encodeWithSelector(IDisputes.ValidatorInvalid.selector, address(0))
        );
        refuseCall(
            abi.encodeCall(Disputes.addValidator, (validator(1))),
            abi.encodeWithSelector(IDisputes.ValidatorUnchanged.selector, validator(1))
        );
        refuseCall(
            abi.encodeCall(Disputes.removeValidator, (stranger)),
            abi.encodeWithSelector(IDisputes.ValidatorUnchanged.selector, stranger)
        );
        govern(disputes, abi.encodeCall(Disputes.removeValidator, (validator(1))));
        assertEq(6, disputes.validatorCount(), 'count');
        uint256 id = answered();
        refuse(
            id,
            1,
            IDisputes.Verdict.Guilty,
            1,
            abi.encodeWithSelector(IDisputes.NotValidator.selector, validator(1))
        );
    }

    function test_validators_areThirtyTwoAtMost() public {
        bytes[] memory calls = new bytes[](25);
        for (uint256 i = 0; i < 25; ++i) calls[i] = abi.encodeCall(Disputes.addValidator, (validator(8 + i)));
        governAll(disputes, calls);
        refuseCall(
            abi.encodeCall(Disputes.addValidator, (stranger)),
            abi.encodeWithSelector(IDisputes.TooManyValidators.selector, 32)
        );
    }

    function refuse(uint256 id, uint8 round, IDisputes.Verdict verdict, uint256 index, bytes memory problem) private {
        bytes memory signature = voteSignature(validatorKey(index), id, round, verdict);
        vm.expectRevert(problem);
        disputes.vote(id, round, verdict, validator(index), signature);
    }

    function refuseCall(bytes memory call, bytes memory problem) private {
        vm.prank(GOVERNOR);
        disputes.schedule(call);
        vm.warp(present() + 7 days);
        vm.expectRevert(problem);
        disputes.execute(call);
    }
}

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
        vm.expectRevert(abi.encodeWithSelector(IDisputes.WindowOpen.selector, last + 7 days + 1, last + 1));
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
        assertEq(COUNTER_BOND, disputes.collect(CHALLENGER), 'collected');
        assertEq(before, token.balanceOf(CHALLENGER), 'challenger');
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
    }

    function test_conclude_innocentCostsTheChallenger() public {
        uint256 id = answered();
        castMany(id, 1, 2, 3);
        passWindow(id);
        disputes.conclude(id);
        assertEnded(id, IDisputes.Outcome.Innocent);
        assertEq(0, disputes.owed(CHALLENGER), 'challenger');
        assertEq(COUNTER_BOND / 2, disputes.owed(provider), 'provider');
        assertEq(COUNTER_BOND - COUNTER_BOND / 2, disputes.owed(BURN), 'burned');
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
        uint256 each = (awarded - (awarded * 60) / 100) / 3;
        for (uint256 i = 1; i < 4; ++i) assertEq(each, disputes.owed(validator(i)), 'validator');
        assertEq(awarded - (awarded * 60) / 100 - 3 * each, disputes.owed(BURN), 'dust');
        assertAllCollected();
    }

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
        assertEq(COUNTER_BOND, disputes.owed(CHALLENGER), 'counter-bond');
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
        assertEq(0, providers.slashable(provider), 'all gone');
        vm.expectEmit(address(disputes));
        emit IDisputes.DisputeEnded(second, IDisputes.Outcome.Guilty, 0);
        disputes.conclude(second);
        assertEnded(second, IDisputes.Outcome.Guilty);
        assertAllCollected();
    }

    function test_collect_paysOnceWhoeverCalls() public {
        uint256 id = answered();
        passWindow(id);
        disputes.conclude(id);
        vm.expectEmit(address(disputes));
        emit IDisputes.Collected(CHALLENGER, COUNTER_BOND);
        vm.prank(stranger);
        assertEq(COUNTER_BOND, disputes.collect(CHALLENGER), 'first');
        assertEq(0, disputes.collect(CHALLENGER), 'second');
        assertEq(0, disputes.collect(stranger), 'stranger');
    }

    function assertAllCollected() private {
        disputes.collect(CHALLENGER);
        disputes.collect(provider);
        disputes.collect(BURN);
        for (uint256 i = 1; i < 8; ++i) disputes.collect(validator(i));
        assertEq(0, token.balanceOf(address(disputes)), 'left in the contract');
    }
}
