// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC3009} from '@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol';
import {Governed} from './Governed.sol';
import {Authorization, Intake, Permit} from './Intake.sol';
import {IProviders} from './IProviders.sol';
import {Providers} from './Providers.sol';
import {DisputesFixture} from './test/DisputesFixture.sol';

contract ProvidersBondTest is DisputesFixture {
    function test_bond_addsToTheStake() public {
        vm.expectEmit(address(providers));
        emit IProviders.Bonded(provider, 5, STAKE + 5);
        vm.prank(provider);
        providers.bond(5);
        assertEq(STAKE + 5, stakeOf(provider).stake, 'stake');
        assertEq(STAKE + 5, token.balanceOf(address(providers)), 'held');
        assertEq(STAKE + 5, stakeInAll(provider), 'slashable');
    }

    function test_bondWithPermit_addsToTheStake() public {
        vm.prank(provider);
        token.approve(address(providers), 0);
        Permit memory given = permit(PROVIDER_KEY, address(providers), 5);
        vm.prank(provider);
        providers.bondWithPermit(5, given);
        assertEq(STAKE + 5, stakeOf(provider).stake, 'stake');
    }

    function test_bondWithAuthorization_bindsTheProvider() public {
        bytes32 nonce = keccak256(abi.encode(provider, bytes32('s')));
        assertEq(nonce, providers.authorizationNonce(provider, 's'), 'nonce');
        Authorization memory given = authorize(PROVIDER_KEY, address(providers), 5, nonce, 's');
        vm.startPrank(stranger);
        vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009InvalidSignature.selector));
        providers.bondWithAuthorization(stranger, 5, given);
        providers.bondWithAuthorization(provider, 5, given);
        assertEq(STAKE + 5, stakeOf(provider).stake, 'stake');
        vm.expectRevert(abi.encodeWithSelector(ERC3009.ERC3009UsedAuthorization.selector, provider, nonce));
        providers.bondWithAuthorization(provider, 5, given);
    }

    function test_bond_refusesZeroAndTooMuch() public {
        vm.startPrank(provider);
        vm.expectRevert(abi.encodeWithSelector(Intake.AmountZero.selector));
        providers.bond(0);
        uint256 most = type(uint128).max;
        vm.expectRevert(abi.encodeWithSelector(IProviders.StakeTooLarge.selector, most, most + STAKE));
        providers.bond(type(uint128).max);
        token.mint(provider, most);
        providers.bond(uint128(most - STAKE));
        assertEq(most, stakeOf(provider).stake, 'as much as a stake can hold');
    }

    function test_unbond_takesTheWholePeriod() public {
        uint256 due = present() + 21 days;
        vm.expectEmit(address(providers));
        emit IProviders.UnbondingStarted(provider, 400, due);
        vm.prank(provider);
        providers.unbond(400);
        assertEq(STAKE - 400, stakeOf(provider).stake, 'stake');
        assertEq(STAKE, stakeInAll(provider), 'slashable');
        vm.warp(due - 1);
        vm.expectRevert(abi.encodeWithSelector(IProviders.UnbondingNotOver.selector, due, due - 1));
        providers.withdrawBond(provider);
        vm.warp(due);
        uint256 before = token.balanceOf(provider);
        vm.expectEmit(address(providers));
        emit IProviders.Unbonded(provider, 400);
        vm.prank(stranger);
        assertEq(400, providers.withdrawBond(provider), 'amount');
        assertEq(before + 400, token.balanceOf(provider), 'provider');
        assertEq(STAKE - 400, stakeInAll(provider), 'slashable');
        vm.expectRevert(abi.encodeWithSelector(IProviders.NothingUnbonding.selector));
        providers.withdrawBond(provider);
    }

    function test_unbond_startsAnewForAll() public {
        vm.prank(provider);
        providers.unbond(400);
        vm.warp(present() + 20 days);
        vm.prank(provider);
        providers.unbond(100);
        vm.warp(present() + 2 days);
        vm.expectRevert();
        providers.withdrawBond(provider);
        vm.warp(present() + 19 days);
        assertEq(500, providers.withdrawBond(provider), 'amount');
    }

    function test_unbond_refusesZeroAndTooMuch() public {
        vm.startPrank(provider);
        vm.expectRevert(abi.encodeWithSelector(Intake.AmountZero.selector));
        providers.unbond(0);
        vm.expectRevert(abi.encodeWithSelector(IProviders.StakeTooSmall.selector, STAKE, STAKE + 1));
        providers.unbond(STAKE + 1);
        providers.unbond(STAKE);
    }

    function test_describe_listsWithEnoughStake() public {
        assertTrue(!providers.isListed(provider), 'undescribed');
        vm.startPrank(provider);
        vm.expectRevert(abi.encodeWithSelector(IProviders.OfferKeyMissing.selector));
        providers.describe(0, 'm', 'p');
        vm.expectEmit(address(providers));
        emit IProviders.Described(provider, 'k', 'm', 'p');
        providers.describe('k', 'm', 'p');
        IProviders.Provider memory record = stakeOf(provider);
        assertEq(bytes32('k'), record.offerKey, 'key');
        assertEq(bytes32('m'), record.metadataHash, 'metadata');
        assertEq(bytes32('p'), record.pricesHash, 'prices');
        assertTrue(providers.isListed(provider), 'listed');
        providers.unbond(STAKE - 50_000_000);
        assertTrue(providers.isListed(provider), 'just enough');
        providers.unbond(1);
        assertTrue(!providers.isListed(provider), 'not enough');
    }

    function test_governance_isBehindTheNotice() public {
        bytes memory problem = abi.encodeWithSelector(Governed.OnlyScheduled.selector, address(providers), GOVERNOR);
        vm.startPrank(GOVERNOR);
        vm.expectRevert(problem);
        providers.setDisputes(stranger);
        vm.expectRevert(problem);
        providers.setStakeMinimum(1);
        vm.stopPrank();
        bytes memory call = abi.encodeCall(Providers.setStakeMinimum, (7));
        vm.prank(GOVERNOR);
        providers.schedule(call);
        vm.warp(present() + 7 days);
        vm.expectEmit(address(providers));
        emit IProviders.StakeMinimumSet(7);
        providers.execute(call);
        assertEq(7, providers.stakeMinimum(), 'minimum');
        vm.expectRevert(abi.encodeWithSelector(Intake.TokenWithoutCode.selector, stranger));
        new Providers(GOVERNOR, stranger, 0);
    }
}
