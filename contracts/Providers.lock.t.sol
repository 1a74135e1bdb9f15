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
        providers.lock(provider, 1, until);
        assertEq(1, stakeOf(provider).locks, 'locks');
        // Setting out is free; what has set out stays until the challenge is over.
        vm.prank(provider);
        providers.unbond(400);
        assertEq(STAKE, providers.slashable(provider, address(this), 1), 'slashable');
        vm.warp(present() + 22 days);
        vm.expectRevert(abi.encodeWithSelector(IProviders.StakeLocked.selector, until, present()));
        providers.withdrawBond(provider);
        providers.unlock(provider, 1);
        assertEq(0, providers.slashable(provider, address(this), 1), 'slashable no more');
        assertEq(400, providers.withdrawBond(provider), 'amount');
    }

    function test_lock_endsByItself() public {
        actAsDisputes();
        uint48 until = uint48(present() + 30 days);
        providers.lock(provider, 1, until);
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
        providers.lock(provider, 1, late);
        providers.lock(provider, 2, uint48(present() + 1 days));
        assertEq(late, stakeOf(provider).lockedUntil, 'until');
        assertEq(2, stakeOf(provider).locks, 'locks');
        providers.unlock(provider, 1);
        vm.prank(provider);
        providers.unbond(1);
        vm.warp(present() + 21 days);
        vm.expectRevert(abi.encodeWithSelector(IProviders.StakeLocked.selector, late, present()));
        providers.withdrawBond(provider);
    }

    function test_lock_isForTheDisputeContractAndLimited() public {
        vm.prank(stranger);
        vm.expectRevert(abi.encodeWithSelector(IProviders.CallerNotDisputes.selector, address(disputes), stranger));
        providers.lock(provider, 1, uint48(present() + 1));
        actAsDisputes();
        uint256 latest = present() + 45 days;
        vm.expectRevert(abi.encodeWithSelector(IProviders.LockTooLong.selector, latest, latest + 1));
        providers.lock(provider, 1, uint48(latest + 1));
        vm.expectRevert(abi.encodeWithSelector(IProviders.LockOver.selector, present(), present()));
        providers.lock(provider, 1, uint48(present()));
        vm.expectEmit(address(providers));
        emit IProviders.Locked(provider, address(this), 1, latest);
        providers.lock(provider, 1, uint48(latest));
        vm.expectRevert(abi.encodeWithSelector(IProviders.AlreadyLocked.selector, address(this), provider, 1));
        providers.lock(provider, 1, uint48(latest));
        assertEq(1, stakeOf(provider).locks, 'locks');
    }

    /// A dispute contract that was replaced and never comes back to its locks holds nobody longer than they run, and does
    /// not make every later challenge last as long as it may.
    function test_release_isForAnybodyOnceALockIsOver() public {
        actAsDisputes();
        uint48 until = uint48(present() + 30 days);
        providers.lock(provider, 1, until);
        appoint(stranger);
        vm.prank(stranger);
        providers.lock(provider, 1, uint48(present() + 45 days));
        vm.warp(until - 1);
        vm.expectRevert(abi.encodeWithSelector(IProviders.LockRunning.selector, until, until - 1));
        providers.release(address(this), provider, 1);
        vm.warp(until);
        vm.expectEmit(address(providers));
        emit IProviders.Unlocked(provider, address(this), 1);
        vm.prank(CHALLENGER);
        providers.release(address(this), provider, 1);
        assertEq(0, providers.lockOf(address(this), provider, 1), 'released');
        vm.expectRevert(abi.encodeWithSelector(IProviders.NotLocked.selector, address(this), provider, 1));
        providers.release(address(this), provider, 1);
        vm.expectRevert(abi.encodeWithSelector(IProviders.NotLocked.selector, address(this), provider, 1));
        providers.unlock(provider, 1);
        // The successor's own is untouched, and the last: with it gone the stake may leave.
        assertEq(1, stakeOf(provider).locks, 'locks');
        vm.prank(provider);
        providers.unbond(STAKE);
        vm.prank(stranger);
        providers.unlock(provider, 1);
        vm.warp(present() + 21 days);
        assertEq(STAKE, providers.withdrawBond(provider), 'amount');
    }

    /// With itself for a dispute contract the registry would lock and slash by a scheduled call.
    function test_setDisputes_isNeverTheRegistry() public {
        bytes memory call = abi.encodeCall(Providers.setDisputes, (address(providers)));
        vm.prank(GOVERNOR);
        providers.schedule(call);
        vm.warp(present() + 7 days);
        vm.expectRevert(abi.encodeWithSelector(IProviders.DisputesInvalid.selector, address(providers)));
        providers.execute(call);
        assertEq(address(disputes), providers.disputes(), 'as before');
    }

    function test_unlockAndSlash_needALockOfOnesOwn() public {
        actAsDisputes();
        providers.lock(provider, 1, uint48(present() + 1));
        bytes memory problem = abi.encodeWithSelector(IProviders.NotLocked.selector, stranger, provider, 1);
        vm.startPrank(stranger);
        vm.expectRevert(problem);
        providers.unlock(provider, 1);
        vm.expectRevert(problem);
        providers.slash(provider, 1, 1);
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(IProviders.NotLocked.selector, address(this), stranger, 1));
        providers.slash(stranger, 1, 1);
    }

    function test_unlock_worksForAReplacedDisputeContract() public {
        actAsDisputes();
        providers.lock(provider, 1, uint48(present() + 30 days));
        appoint(address(disputes));
        providers.slash(provider, 1, 10);
        providers.unlock(provider, 1);
        assertEq(0, stakeOf(provider).locks, 'locks');
    }

    function test_slash_burnsHalfRoundedUp() public {
        actAsDisputes();
        providers.lock(provider, 1, uint48(present() + 30 days));
        vm.expectEmit(address(providers));
        emit IProviders.Slashed(provider, 51, 50);
        assertEq(50, providers.slash(provider, 1, 101), 'awarded');
        assertEq(51, token.balanceOf(BURN), 'burned');
        assertEq(50, token.balanceOf(address(this)), 'ours');
        assertEq(STAKE - 101, stakeOf(provider).stake, 'stake');
    }

    function test_slash_takesUnbondingLastAndNeverMore() public {
        vm.prank(provider);
        providers.unbond(400);
        actAsDisputes();
        providers.lock(provider, 1, uint48(present() + 30 days));
        vm.expectRevert(abi.encodeWithSelector(IProviders.SlashAboveStake.selector, STAKE, STAKE + 1));
        providers.slash(provider, 1, STAKE + 1);
        vm.expectRevert(abi.encodeWithSelector(IProviders.SlashAboveStake.selector, STAKE, type(uint256).max));
        providers.slash(provider, 1, type(uint256).max);
        providers.slash(provider, 1, STAKE - 100);
        assertEq(0, stakeOf(provider).stake, 'stake');
        assertEq(100, stakeOf(provider).unbonding, 'unbonding');
        providers.slash(provider, 1, 100);
        assertEq(0, stakeInAll(provider), 'slashable');
        assertEq(0, token.balanceOf(address(providers)), 'held');
    }

    function testFuzz_slash_burnsAtLeastHalf(uint128 amount, uint128 leaving) public {
        amount = uint128(within(amount, 0, STAKE));
        leaving = uint128(within(leaving, 1, STAKE));
        actAsDisputes();
        vm.prank(provider);
        providers.unbond(leaving);
        providers.lock(provider, 1, uint48(present() + 30 days));
        uint256 awarded = providers.slash(provider, 1, amount);
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
        providers.lock(provider, 1, until);
        vm.warp(due);
        // One challenge of its time holds the provider; no second one can be put behind it.
        assertEq(0, providers.lockable(provider), 'lockable');
        vm.expectRevert(abi.encodeWithSelector(IProviders.NothingToLock.selector, provider));
        providers.lock(provider, 2, until + 1);
        assertEq(STAKE, providers.slashable(provider, address(this), 1), 'slashable under the first');
        vm.warp(until);
        assertEq(STAKE, providers.withdrawBond(provider), 'amount');
    }

    function test_slash_endsWithTheLock() public {
        actAsDisputes();
        uint48 until = uint48(present() + 30 days);
        providers.lock(provider, 1, until);
        // Replaced by nobody at once: no new lock, and the old one ends when it said.
        govern(providers, abi.encodeCall(Providers.setDisputes, (address(0))));
        vm.expectRevert(abi.encodeWithSelector(IProviders.CallerNotDisputes.selector, address(0), address(this)));
        providers.lock(provider, 1, until);
        vm.warp(until - 1);
        providers.slash(provider, 1, 10);
        vm.warp(until);
        assertEq(0, providers.slashable(provider, address(this), 1), 'slashable');
        vm.expectRevert(abi.encodeWithSelector(IProviders.LockOver.selector, until, until));
        providers.slash(provider, 1, 10);
        providers.unlock(provider, 1);
        assertEq(STAKE - 10, stakeInAll(provider), 'left');
    }

    function test_slash_isNotKeptAliveByASuccessorsLock() public {
        actAsDisputes();
        uint48 until = uint48(present() + 30 days);
        providers.lock(provider, 1, until);
        appoint(stranger);
        vm.prank(stranger);
        providers.lock(provider, 1, uint48(present() + 45 days));
        vm.warp(until);
        vm.expectRevert(abi.encodeWithSelector(IProviders.LockOver.selector, until, until));
        providers.slash(provider, 1, 10);
        vm.prank(stranger);
        providers.slash(provider, 1, 10);
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
        providers.lock(provider, 1, uint48(due));
        vm.warp(due);
        assertEq(stranger, providers.disputes(), 'then');
        vm.prank(stranger);
        providers.lock(provider, 1, uint48(due + 1));
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
        providers.lock(provider, 1, uint48(present() + 45 days));
        vm.expectRevert(abi.encodeWithSelector(IProviders.NotLocked.selector, stranger, provider, 1));
        providers.slash(provider, 1, 1);
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
