// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Governed} from './Governed.sol';
import {IDisputes} from './IDisputes.sol';
import {Validators} from './Validators.sol';
import {DisputesFixture} from './test/DisputesFixture.sol';

contract ValidatorsTest is DisputesFixture {
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
            abi.encodeCall(Validators.addValidator, (address(0))),
            abi.encodeWithSelector(IDisputes.ValidatorInvalid.selector, address(0))
        );
        refuseCall(
            abi.encodeCall(Validators.addValidator, (validator(1))),
            abi.encodeWithSelector(IDisputes.ValidatorUnchanged.selector, validator(1))
        );
        refuseCall(
            abi.encodeCall(Validators.removeValidator, (stranger)),
            abi.encodeWithSelector(IDisputes.ValidatorUnchanged.selector, stranger)
        );
        govern(disputes, abi.encodeCall(Validators.removeValidator, (validator(1))));
        assertEq(6, disputes.validatorCount(), 'count');
        uint256 id = answered();
        refuse(id, 1, abi.encodeWithSelector(IDisputes.NotValidator.selector, validator(1)));
    }

    function test_validators_areThirtyTwoAtMost() public {
        bytes[] memory calls = new bytes[](25);
        for (uint256 i = 0; i < 25; ++i) calls[i] = abi.encodeCall(Validators.addValidator, (validator(8 + i)));
        governAll(disputes, calls);
        refuseCall(
            abi.encodeCall(Validators.addValidator, (stranger)),
            abi.encodeWithSelector(IDisputes.TooManyValidators.selector, 32)
        );
    }

    function test_validators_voteOnWhatWasOpenedAfterABondCouldHaveLeft() public {
        assertEq(providers.UNBONDING(), disputes.VALIDATOR_DELAY(), 'as long as a bond takes');
        vm.prank(GOVERNOR);
        disputes.schedule(abi.encodeCall(Validators.addValidator, (validator(8))));
        vm.warp(present() + 7 days);
        uint256 since = present() + 21 days;
        vm.expectEmit(address(disputes));
        emit IDisputes.ValidatorAdded(validator(8), since);
        disputes.execute(abi.encodeCall(Validators.addValidator, (validator(8))));
        vm.warp(since - 1);
        uint256 early = answered();
        vm.warp(since);
        refuse(early, 8, abi.encodeWithSelector(IDisputes.ValidatorTooNew.selector, since, since - 1));
        vm.prank(CHALLENGER);
        uint256 late = disputes.open(provider, 'late', PENALTY);
        vm.warp(present() + 3 days + 1);
        cast(8, late, 1, IDisputes.Verdict.Guilty);
        assertEq(1, disputes.disputeAt(late).guilty, 'guilty');
    }

    /// Judges of a running dispute cannot be taken from it, though governance strikes them off on the last day of an appeal.
    function test_validators_struckOffStillVoteOnWhatRuns() public {
        bytes[] memory calls = new bytes[](5);
        for (uint256 i = 0; i < 5; ++i) calls[i] = abi.encodeCall(Validators.removeValidator, (validator(i + 1)));
        vm.startPrank(GOVERNOR);
        for (uint256 i = 0; i < 5; ++i) disputes.schedule(calls[i]);
        vm.stopPrank();
        uint256 id = convicted();
        vm.warp(present() + 6 days);
        vm.prank(provider);
        disputes.appeal(id);
        vm.warp(present() + 3 days);
        for (uint256 i = 0; i < 5; ++i) {
            vm.expectEmit(address(disputes));
            emit IDisputes.ValidatorRemoved(validator(i + 1));
            disputes.execute(calls[i]);
        }
        assertEq(2, disputes.validatorCount(), 'count');
        assertEq(present(), disputes.validatorUntil(validator(1)), 'until');
        castMany(id, 2, 5, 0);
        passWindow(id);
        disputes.conclude(id);
        assertEnded(id, IDisputes.Outcome.Guilty);
        // On what is opened from that very second on they do not.
        vm.prank(CHALLENGER);
        id = disputes.open(provider, 'later', PENALTY);
        vm.warp(present() + 3 days + 1);
        refuse(id, 1, abi.encodeWithSelector(IDisputes.NotValidator.selector, validator(1)));
        cast(6, id, 1, IDisputes.Verdict.Guilty);
    }

    function test_validators_struckOffVoteOnNothingOpenedInThatSecond() public {
        govern(disputes, abi.encodeCall(Validators.removeValidator, (validator(1))));
        uint256 id = answered();
        assertEq(disputes.validatorUntil(validator(1)), disputes.disputeAt(id).openedAt, 'the same second');
        refuse(id, 1, abi.encodeWithSelector(IDisputes.NotValidator.selector, validator(1)));
    }

    /// Registering anew would forget the time before, so it waits until nothing of that time can be slashed for.
    function test_validators_struckOffRestAWhile() public {
        assertEq(disputes.LOCK(), disputes.VALIDATOR_REST(), 'as long as a lock');
        bytes memory removal = abi.encodeCall(Validators.removeValidator, (validator(1)));
        govern(disputes, removal);
        refuseCall(removal, abi.encodeWithSelector(IDisputes.ValidatorUnchanged.selector, validator(1)));
        uint256 earliest = disputes.validatorUntil(validator(1)) + 30 days;
        bytes memory call = abi.encodeCall(Validators.addValidator, (validator(1)));
        vm.warp(earliest - 8 days);
        vm.prank(GOVERNOR);
        disputes.schedule(call);
        vm.warp(earliest - 1);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.ValidatorResting.selector, earliest, earliest - 1));
        disputes.execute(call);
        vm.warp(earliest);
        disputes.execute(call);
        assertEq(7, disputes.validatorCount(), 'count');
        assertEq(earliest + 21 days, disputes.validatorSince(validator(1)), 'since');
        assertEq(0, disputes.validatorUntil(validator(1)), 'until');
    }

    function refuse(uint256 id, uint256 index, bytes memory problem) private {
        bytes memory signature = voteSignature(validatorKey(index), id, 1, IDisputes.Verdict.Guilty);
        vm.expectRevert(problem);
        disputes.vote(id, 1, IDisputes.Verdict.Guilty, validator(index), signature);
    }

    function refuseCall(bytes memory call, bytes memory problem) private {
        vm.prank(GOVERNOR);
        disputes.schedule(call);
        vm.warp(present() + 7 days);
        vm.expectRevert(problem);
        disputes.execute(call);
    }
}
