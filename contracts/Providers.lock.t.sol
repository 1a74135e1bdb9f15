// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IProviders} from './IProviders.sol';
import {Providers} from './Providers.sol';
import {DisputesFixture} from './test/DisputesFixture.sol';

/// The registry, with this test contract in the dispute contract's place.
contract ProvidersLockTest is DisputesFixture {
    function test_lock_keepsTheStakeUntilUnlocked() public {
        actAsDisputes();
        uint48 until = uint48(present() + 30 days);
        providers.lock(provider, until);
        assertEq(1, stakeOf(provider).locks, 'locks');
        // Setting out is free; what has set out stays until the challenge is over.
        vm.prank(provider);
        providers.unbond(400);
        assertEq(STAKE, providers.slashable(provider, address(this)), 'slashable');
        vm.warp(present() + 22 days);
        vm.expectRevert(abi.encodeWithSelector(IProviders.StakeLocked.selector, until, present()));
        providers.withdrawBond(provider);
        providers.unlock(provider);
        assertEq(0, providers.slashable(provider, address(this)), 'slashable no more');
        assertEq(400, providers.withdrawBond(provider), 'amount');
    }

    function test_lock_endsByItself() public {
        actAsDisputes();
        uint48 until = uint48(present() + 30 days);
        providers.lock(provider, until);
        vm.prank(provider);
        providers.unbond(400);
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
        providers.unbond(1);
        vm.warp(present() + 21 days);
        vm.expectRevert(abi.encodeWithSelector(IProviders.StakeLocked.selector, late, present()));
        providers.withdrawBond(provider);
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
        appoint(address(disputes));
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
        assertEq(0, stakeInAll(provider), 'slashable');
        assertEq(0, token.balanceOf(address(providers)), 'held');
    }

    function testFuzz_slash_burnsAtLeastHalf(uint128 amount, uint128 leaving) public {
        amount = uint128(within(amount, 0, STAKE));
        leaving = uint128(within(leaving, 1, STAKE));
        actAsDisputes();
        vm.prank(provider);
        providers.unbond(leaving);
        providers.lock(provider, uint48(present() + 30 days));
        uint256 awarded = providers.slash(provider, amount);
        assertEq(amount, token.balanceOf(BURN) + awarded, 'sum');
        assertTrue(token.balanceOf(BURN) >= awarded, 'at least half');
        assertEq(STAKE - amount, stakeInAll(provider), 'left');
    }

    function test_lock_holdsNobodyWhoHasLeft() public {
        actAsDisputes();
        vm.prank(provider);
        providers.unbond(STAKE);
        uint256 due = present() + 21 days;
        vm.warp(due - 1);
        assertEq(STAKE, providers.lockable(provider), 'lockable, a second before');
        uint48 until = uint48(present() + 30 days);
        providers.lock(provider, until);
        vm.warp(due);
        // One challenge of its time holds the provider; no second one can be put behind it.
        assertEq(0, providers.lockable(provider), 'lockable');
        vm.expectRevert(abi.encodeWithSelector(IProviders.NothingToLock.selector, provider));
        providers.lock(provider, until + 1);
        assertEq(STAKE, providers.slashable(provider, address(this)), 'slashable under the first');
        vm.warp(until);
        assertEq(STAKE, providers.withdrawBond(provider), 'amount');
    }

    function test_slash_endsWithTheLock() public {
        actAsDisputes();
        uint48 until = uint48(present() + 30 days);
        providers.lock(provider, until);
        // Replaced by nobody at once: no new lock, and the old one ends when it said.
        govern(providers, abi.encodeCall(Providers.setDisputes, (address(0))));
        vm.expectRevert(abi.encodeWithSelector(IProviders.CallerNotDisputes.selector, address(0), address(this)));
        providers.lock(provider, until);
        vm.warp(until - 1);
        providers.slash(provider, 10);
        vm.warp(until);
        assertEq(0, providers.slashable(provider, address(this)), 'slashable');
        vm.expectRevert(abi.encodeWithSelector(IProviders.LockOver.selector, until, until));
        providers.slash(provider, 10);
        providers.unlock(provider);
        assertEq(STAKE - 10, stakeInAll(provider), 'left');
    }

    function test_slash_isNotKeptAliveByASuccessorsLock() public {
        actAsDisputes();
        uint48 until = uint48(present() + 30 days);
        providers.lock(provider, until);
        appoint(stranger);
        vm.prank(stranger);
        providers.lock(provider, uint48(present() + 45 days));
        vm.warp(until);
        vm.expectRevert(abi.encodeWithSelector(IProviders.LockOver.selector, until, until));
        providers.slash(provider, 10);
        vm.prank(stranger);
        providers.slash(provider, 10);
    }

    function test_setDisputes_countsOnceABondCouldHaveLeft() public {
        bytes memory call = abi.encodeCall(Providers.setDisputes, (stranger));
        vm.prank(GOVERNOR);
        providers.schedule(call);
        vm.warp(present() + 7 days);
        uint256 due = present() + 21 days;
        vm.expectEmit(address(providers));
        emit IProviders.DisputesSet(stranger, due);
        providers.execute(call);
        assertEq(stranger, providers.nextDisputes(), 'next');
        assertEq(due, providers.nextDisputesAt(), 'from');
        vm.warp(due - 1);
        assertEq(address(disputes), providers.disputes(), 'a second before');
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IProviders.CallerNotDisputes.selector, address(disputes), stranger));
        providers.lock(provider, uint48(due));
        vm.warp(due);
        assertEq(stranger, providers.disputes(), 'then');
        vm.prank(stranger);
        providers.lock(provider, uint48(due + 1));
    }

    function test_setDisputes_namedAnewForgetsTheOneInBetween() public {
        govern(providers, abi.encodeCall(Providers.setDisputes, (stranger)));
        govern(providers, abi.encodeCall(Providers.setDisputes, (address(this))));
        vm.warp(uint256(providers.nextDisputesAt()) - 1);
        assertEq(address(disputes), providers.disputes(), 'neither');
        vm.warp(providers.nextDisputesAt());
        assertEq(address(this), providers.disputes(), 'the last');
    }

    /// A dispute contract that would take everything, and challengers who hold everybody until it may: whoever sets out
    /// by the last second of the notice loses nothing.
    function test_setDisputes_isOutrunByWhoeverLeaves() public {
        bytes memory call = abi.encodeCall(Providers.setDisputes, (stranger));
        vm.prank(GOVERNOR);
        providers.schedule(call);
        vm.warp(present() + 7 days);
        vm.prank(CHALLENGER);
        disputes.open(provider, 'first', PENALTY);
        vm.prank(provider);
        providers.unbond(STAKE);
        providers.execute(call);
        vm.warp(present() + 21 days - 1);
        vm.prank(CHALLENGER);
        disputes.open(provider, 'last', PENALTY);
        vm.warp(present() + 1);
        vm.startPrank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IProviders.NothingToLock.selector, provider));
        providers.lock(provider, uint48(present() + 45 days));
        vm.expectRevert(abi.encodeWithSelector(IProviders.NotLocked.selector, stranger, provider));
        providers.slash(provider, 1);
        vm.stopPrank();
        vm.warp(present() + 6 days);
        disputes.conclude(1);
        disputes.conclude(2);
        assertEq(STAKE, providers.withdrawBond(provider), 'all of it');
    }

    function actAsDisputes() private {
        appoint(address(this));
    }
}
