// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC3009} from '@openzeppelin/contracts/token/ERC20/extensions/draft-ERC3009.sol';
import {Governed} from './Governed.sol';
import {Authorization, Intake, Permit} from './Intake.sol';
import {IProviders} from './IProviders.sol';
import {Providers} from './Providers.sol';
import {DisputesFixture} from './test/DisputesFixture.sol';

/// The registry, with this test contract in the dispute contract's place where locks are concerned.
contract ProvidersTest is DisputesFixture {
    function test_bond_addsToTheStake() public {
        vm.expectEmit(address(providers));
        emit IProviders.Bonded(provider, 5, STAKE + 5);
        vm.prank(provider);
        providers.bond(5);
        assertEq(STAKE + 5, stakeOf(provider).stake, 'stake');
        assertEq(STAKE + 5, token.balanceOf(address(providers)), 'held');
        assertEq(STAKE + 5, providers.slashable(provider), 'slashable');
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
    }

    function test_unbond_takesTheWholePeriod() public {
        uint256 due = present() + 21 days;
        vm.expectEmit(address(providers));
        emit IProviders.UnbondingStarted(provider, 400, due);
        vm.prank(provider);
        providers.unbond(400);
        assertEq(STAKE - 400, stakeOf(provider).stake, 'stake');
        assertEq(STAKE, providers.slashable(provider), 'slashable');
        vm.warp(due - 1);
        vm.expectRevert(abi.encodeWithSelector(IProviders.UnbondingNotOver.selector, due, due - 1));
        providers.withdrawBond(provider);
        vm.warp(due);
        uint256 before = token.balanceOf(provider);
        vm.prank(stranger);
        assertEq(400, providers.withdrawBond(provider), 'amount');
        assertEq(before + 400, token.balanceOf(provider), 'provider');
        assertEq(STAKE - 400, providers.slashable(provider), 'slashable');
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
        vm.expectRevert(abi.encodeWithSelector(IProviders.UnbondAmountZero.selector));
        providers.unbond(0);
        vm.expectRevert(abi.encodeWithSelector(IProviders.StakeTooSmall.selector, STAKE, STAKE + 1));
        providers.unbond(STAKE + 1);
        providers.unbond(STAKE);
    }

    function test_lock_keepsTheStakeUntilUnlocked() public {
        vm.prank(provider);
        providers.unbond(400);
        actAsDisputes();
        uint48 until = uint48(present() + 30 days);
        providers.lock(provider, until);
        assertEq(1, stakeOf(provider).locks, 'locks');
        vm.warp(present() + 22 days);
        bytes memory problem = abi.encodeWithSelector(IProviders.StakeLocked.selector, until, present());
        vm.expectRevert(problem);
        providers.withdrawBond(provider);
        vm.prank(provider);
        vm.expectRevert(problem);
        providers.unbond(1);
        providers.unlock(provider);
        assertEq(400, providers.withdrawBond(provider), 'amount');
    }

    function test_lock_endsByItself() public {
        vm.prank(provider);
        providers.unbond(400);
        actAsDisputes();
        uint48 until = uint48(present() + 30 days);
        providers.lock(provider, until);
        vm.warp(until - 1);
        vm.expectRevert(abi.encodeWithSelector(IProviders.StakeLocked.selector, until, until - 1));
        providers.withdrawBond(provider);
        vm.warp(until);
        assertEq(400, providers.withdrawBond(provider), 'amount');
    }

    function test_lock_ofAnotherNeverShortensTheFirst() public {
        actAsDisputes();
        uint48 late = uint48(present() + 30 days);
        providers.lock(provider, late);
        providers.lock(provider, uint48(present() + 1 days));
        assertEq(late, stakeOf(provider).lockedUntil, 'until');
        assertEq(2, stakeOf(provider).locks, 'locks');
        providers.unlock(provider);
        vm.prank(provider);
        vm.expectRevert(abi.encodeWithSelector(IProviders.StakeLocked.selector, late, present()));
        providers.unbond(1);
    }

    function test_lock_isForTheDisputeContractAndLimited() public {
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IProviders.CallerNotDisputes.selector, address(disputes), stranger));
        providers.lock(provider, uint48(present() + 1));
        actAsDisputes();
        uint256 latest = present() + 45 days;
        vm.expectRevert(abi.encodeWithSelector(IProviders.LockTooLong.selector, latest, latest + 1));
        providers.lock(provider, uint48(latest + 1));
        providers.lock(provider, uint48(latest));
    }

    function test_unlockAndSlash_needALockOfOnesOwn() public {
        actAsDisputes();
        providers.lock(provider, uint48(present() + 1));
        bytes memory problem = abi.encodeWithSelector(IProviders.NotLocked.selector, stranger, provider);
        vm.startPrank(stranger);
        vm.expectRevert(problem);
        providers.unlock(provider);
        vm.expectRevert(problem);
        providers.slash(provider, 1);
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(IProviders.NotLocked.selector, address(this), stranger));
        providers.slash(stranger, 1);
    }

    function test_unlock_worksForAReplacedDisputeContract() public {
        actAsDisputes();
        providers.lock(provider, uint48(present() + 30 days));
        govern(providers, abi.encodeCall(Providers.setDisputes, (address(disputes))));
        providers.slash(provider, 10);
        providers.unlock(provider);
        assertEq(0, stakeOf(provider).locks, 'locks');
    }

    function test_slash_burnsHalfRoundedUp() public {
        actAsDisputes();
        providers.lock(provider, uint48(present() + 30 days));
        vm.expectEmit(address(providers));
        emit IProviders.Slashed(provider, 51, 50);
        assertEq(50, providers.slash(provider, 101), 'awarded');
        assertEq(51, token.balanceOf(BURN), 'burned');
        assertEq(50, token.balanceOf(address(this)), 'ours');
        assertEq(STAKE - 101, stakeOf(provider).stake, 'stake');
    }

    function test_slash_takesUnbondingLastAndNeverMore() public {
        vm.prank(provider);
        providers.unbond(400);
        actAsDisputes();
        providers.lock(provider, uint48(present() + 30 days));
        vm.expectRevert(abi.encodeWithSelector(IProviders.SlashAboveStake.selector, STAKE, STAKE + 1));
        providers.slash(provider, STAKE + 1);
        vm.expectRevert(abi.encodeWithSelector(IProviders.SlashAboveStake.selector, STAKE, type(uint256).max));
        providers.slash(provider, type(uint256).max);
        providers.slash(provider, STAKE - 100);
        assertEq(0, stakeOf(provider).stake, 'stake');
        assertEq(100, stakeOf(provider).unbonding, 'unbonding');
        providers.slash(provider, 100);
        assertEq(0, providers.slashable(provider), 'slashable');
        assertEq(0, token.balanceOf(address(providers)), 'held');
    }

    function testFuzz_slash_burnsAtLeastHalf(uint128 amount, uint128 leaving) public {
        amount = uint128(within(amount, 0, STAKE));
        leaving = uint128(within(leaving, 1, STAKE));
        vm.prank(provider);
        providers.unbond(leaving);
        actAsDisputes();
        providers.lock(provider, uint48(present() + 30 days));
        uint256 awarded = providers.slash(provider, amount);
        assertEq(amount, token.balanceOf(BURN) + awarded, 'sum');
        assertTrue(token.balanceOf(BURN) >= awarded, 'at least half');
        assertEq(STAKE - amount, providers.slashable(provider), 'left');
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
        govern(providers, abi.encodeCall(Providers.setStakeMinimum, (7)));
        assertEq(7, providers.stakeMinimum(), 'minimum');
        vm.expectRevert(abi.encodeWithSelector(Intake.TokenWithoutCode.selector, stranger));
        new Providers(GOVERNOR, stranger, 0);
    }

    function actAsDisputes() private {
        govern(providers, abi.encodeCall(Providers.setDisputes, (address(this))));
    }
}
