// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {TestUSDC} from './TestUSDC.sol';
import {Permit} from '../Intake.sol';
import {ChannelsFixture} from '../test/ChannelsFixture.sol';

contract TestUSDCTest is ChannelsFixture {
    function test_looksLikeUSDC() public view {
        assertEq(6, token.decimals(), 'decimals');
        assertEq(keccak256('2'), keccak256(bytes(token.version())), 'version');
        assertEq(tokenDomain(), token.DOMAIN_SEPARATOR(), 'domain');
    }

    function test_existsOnLocalChainsOnly() public {
        vm.chainId(1337);
        new TestUSDC();
        vm.chainId(8453);
        vm.expectRevert(abi.encodeWithSelector(TestUSDC.LocalChainsOnly.selector, 8453));
        new TestUSDC();
    }

    function test_permit_expiresAndKnowsItsOwner() public {
        Permit memory given = permit(PAYER_KEY, stranger, 5);
        // Another owner's permit: whoever is recovered from it, it is not that owner.
        vm.expectPartialRevert(TestUSDC.PermitSignerMismatch.selector);
        token.permit(provider, stranger, 5, given.deadline, given.v, given.r, given.s);
        vm.warp(given.deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(TestUSDC.PermitExpired.selector, given.deadline, given.deadline + 1));
        token.permit(payer, stranger, 5, given.deadline, given.v, given.r, given.s);
        vm.warp(given.deadline);
        token.permit(payer, stranger, 5, given.deadline, given.v, given.r, given.s);
        assertEq(5, token.allowance(payer, stranger), 'allowance');
        assertEq(1, token.nonces(payer), 'nonce');
    }
}
