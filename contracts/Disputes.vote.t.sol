// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDisputes} from './IDisputes.sol';
import {Signatures} from './Signatures.sol';
import {Validators} from './Validators.sol';
import {DisputesFixture} from './test/DisputesFixture.sol';
import {Wallet} from './test/Wallets.sol';

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
        bytes[6] memory wrong = [
            voteSignature(validatorKey(2), id, 1, guilty),
            voteSignature(validatorKey(1), id + 1, 1, guilty),
            voteSignature(validatorKey(1), id, 2, guilty),
            voteSignature(validatorKey(1), id, 1, IDisputes.Verdict.Innocent),
            voteSignatureOf(validator(2), validatorKey(1), id, 1, guilty),
            bytes('')
        ];
        for (uint256 i = 0; i < 6; ++i) {
            vm.expectRevert(problem);
            disputes.vote(id, 1, guilty, validator(1), wrong[i]);
        }
    }

    /// A verdict of the first round is no verdict of the second, though the same validator may give it again.
    function test_vote_ofTheFirstRoundIsNoneOfTheSecond() public {
        uint256 id = convicted();
        vm.prank(provider);
        disputes.appeal(id);
        IDisputes.Verdict guilty = IDisputes.Verdict.Guilty;
        bytes memory first = voteSignature(validatorKey(1), id, 1, guilty);
        vm.expectRevert(abi.encodeWithSelector(Signatures.InvalidSignature.selector, validator(1)));
        disputes.vote(id, 2, guilty, validator(1), first);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.WrongRound.selector, 2, 1));
        disputes.vote(id, 1, guilty, validator(1), first);
        assertEq(0, disputes.disputeAt(id).guilty, 'guilty');
        cast(1, id, 2, guilty);
        assertEq(1, disputes.disputeAt(id).guilty, 'guilty');
    }

    function test_vote_onOneDisputeIsNoneOnAnother() public {
        uint256 one_ = answered();
        vm.prank(CHALLENGER);
        uint256 other = disputes.open(provider, 'another', PENALTY);
        vm.prank(provider);
        disputes.answer(other, 'answer');
        IDisputes.Verdict guilty = IDisputes.Verdict.Guilty;
        bytes memory signature = voteSignature(validatorKey(1), one_, 1, guilty);
        vm.expectRevert(abi.encodeWithSelector(Signatures.InvalidSignature.selector, validator(1)));
        disputes.vote(other, 1, guilty, validator(1), signature);
        disputes.vote(one_, 1, guilty, validator(1), signature);
    }

    /// Two validators that are contract wallets of one key: each vote names whose it is.
    function test_vote_ofOneWalletIsNoneOfAnother() public {
        address[2] memory wallets = [
            address(new Wallet(validatorKey(1), Wallet.Mood.Honest)),
            address(new Wallet(validatorKey(1), Wallet.Mood.Honest))
        ];
        bytes[] memory calls = new bytes[](2);
        for (uint256 i = 0; i < 2; ++i) calls[i] = abi.encodeCall(Validators.addValidator, (wallets[i]));
        governAll(disputes, calls);
        vm.warp(present() + 21 days);
        uint256 id = answered();
        IDisputes.Verdict guilty = IDisputes.Verdict.Guilty;
        bytes memory signature = voteSignatureOf(wallets[0], validatorKey(1), id, 1, guilty);
        vm.expectRevert(abi.encodeWithSelector(Signatures.InvalidSignature.selector, wallets[1]));
        disputes.vote(id, 1, guilty, wallets[1], signature);
        disputes.vote(id, 1, guilty, wallets[0], signature);
    }

    function test_vote_isNotForTheParties() public {
        bytes[] memory calls = new bytes[](2);
        calls[0] = abi.encodeCall(Validators.addValidator, (provider));
        calls[1] = abi.encodeCall(Validators.addValidator, (payer));
        governAll(disputes, calls);
        vm.warp(present() + 21 days);
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

    function refuse(uint256 id, uint8 round, IDisputes.Verdict verdict, uint256 index, bytes memory problem) private {
        bytes memory signature = voteSignature(validatorKey(index), id, round, verdict);
        vm.expectRevert(problem);
        disputes.vote(id, round, verdict, validator(index), signature);
    }
}
