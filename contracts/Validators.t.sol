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
