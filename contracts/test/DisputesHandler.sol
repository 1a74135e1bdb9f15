// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Disputes} from '../Disputes.sol';
import {Governed} from '../Governed.sol';
import {IDisputes} from '../IDisputes.sol';
import {Authorization, Permit} from '../Intake.sol';
import {IProviders} from '../IProviders.sol';
import {Providers} from '../Providers.sol';
import {Validators} from '../Validators.sol';
import {DisputesWalk} from './DisputesWalk.sol';

/// @title The steps of a random walk through bonding, challenging, voting and concluding.
/// @dev Most calls may fail; what must hold whatever succeeds is checked here where it takes the moment before to know
/// it, and by the invariants otherwise.
contract DisputesHandler is DisputesWalk {
    function bond(uint64 amount, uint256 how) external {
        amount = uint64(within(amount, 1, 1_000_000));
        if (how % 3 == 0) {
            vm.prank(provider);
            providers.bond(amount);
        } else if (how % 3 == 1) {
            Permit memory allowed = permit(PROVIDER_KEY, address(providers), amount);
            vm.prank(provider);
            providers.bondWithPermit(amount, allowed);
            vm.prank(provider);
            token.approve(address(providers), type(uint256).max);
        } else {
            bytes32 salt = bytes32(++salts);
            bytes32 nonce = providers.authorizationNonce(provider, salt);
            Authorization memory given = authorize(PROVIDER_KEY, address(providers), amount, nonce, salt);
            vm.prank(stranger);
            providers.bondWithAuthorization(provider, amount, given);
        }
        bonded += amount;
    }

    function unbond(uint128 amount) external {
        IProviders.Provider memory before = stakeOf(provider);
        amount = uint128(within(amount, 0, 2 * uint256(STAKE)));
        if (amount > STAKE) amount = before.stake;
        vm.prank(provider);
        bool done = _did(address(providers), abi.encodeCall(Providers.unbond, (amount)));
        assertTrue(done == (amount != 0 && amount <= before.stake), 'P3: a challenge stopped an unbonding');
    }

    function withdrawBond() external {
        IProviders.Provider memory before = stakeOf(provider);
        if (!_did(address(providers), abi.encodeCall(Providers.withdrawBond, (provider)))) return;
        assertTrue(before.locks == 0 || present() >= before.lockedUntil, 'P3: unbonded while challenged');
        assertTrue(present() >= before.unbondedAt && before.unbondedAt != 0, 'P4: withdrawn too early');
        assertEq(before.stake, stakeInAll(provider), 'P4: amount');
        unbonded += before.unbonding;
    }

    function open(uint128 penalty) external {
        uint256 lockable = providers.lockable(provider);
        penalty = uint128(within(penalty, STAKE / 20, (6 * uint256(STAKE)) / 5));
        uint256 before = token.balanceOf(CHALLENGER);
        bool expected = penalty <= lockable && penalty >= lockable / 10 && providers.disputes() == address(disputes);
        vm.prank(CHALLENGER);
        bool done = _did(address(disputes), abi.encodeCall(Disputes.open, (provider, bytes32(++salts), penalty)));
        assertTrue(done == expected, 'D1: within what can be locked');
        if (!done) return;
        uint256 paid = before - token.balanceOf(CHALLENGER);
        assertTrue(paid >= penalty / 10 && paid >= lockable / 100, 'D1: a stake held for a pittance');
        disputeMoneyIn += paid;
        ++running;
    }

    /// @dev A second dispute over one receipt: possible until one of them has decided.
    function openTwice(uint256 which) external {
        bytes32 receipt = disputes.disputeAt(_which(which)).receiptHash;
        uint256 before = token.balanceOf(CHALLENGER);
        vm.prank(CHALLENGER);
        bool done = _did(
            address(disputes),
            abi.encodeCall(Disputes.open, (provider, receipt, uint128(providers.lockable(provider))))
        );
        assertTrue(!done || !decided[receipt], 'D1: disputed after it was decided');
        if (!done) return;
        disputeMoneyIn += before - token.balanceOf(CHALLENGER);
        ++running;
    }

    function answer(uint256 which) external {
        vm.prank(provider);
        _did(address(disputes), abi.encodeCall(Disputes.answer, (_which(which), bytes32('a'))));
    }

    function vote(uint256 which, uint256 index, bool accusing, bool second) external {
        _vote(_which(which), second ? 2 : 1, within(index, 1, 9), accusing);
    }

    /// @dev Chance alone seldom gathers a quorum in time: this takes one dispute a phase onward, for either side. Two in a
    /// row, guilty, slash.
    function drive(uint256 which, bool accusing, uint256 voters) external {
        uint256 id = _which(which);
        IDisputes.Dispute memory dispute = disputes.disputeAt(id);
        if (dispute.phase == IDisputes.Phase.None || dispute.phase == IDisputes.Phase.Ended) return;
        if (dispute.phase == IDisputes.Phase.Answering && present() <= dispute.endsAt) vm.warp(dispute.endsAt + 1);
        uint256 dissenters = (voters >> 8) % 3;
        voters = within(voters, 2, 7);
        for (uint256 i = 1; i <= voters; ++i) _vote(id, dispute.round, i, accusing == (i > dissenters));
        dispute = disputes.disputeAt(id);
        if (present() <= dispute.endsAt) vm.warp(uint256(dispute.endsAt) + 1);
        // An answer window that ran out long ago is a voting window that did, or will.
        if (dispute.phase == IDisputes.Phase.Answering) vm.warp(present() + 3 days);
        assertTrue(_conclude(id), 'D4: windows over, and still it cannot be concluded');
    }

    function appeal(uint256 which) external {
        uint256 before = token.balanceOf(provider);
        vm.prank(provider);
        _did(address(disputes), abi.encodeCall(Disputes.appeal, (_which(which))));
        disputeMoneyIn += before - token.balanceOf(provider);
    }

    /// @dev Both steps at once, as one would who wants to skip what lies between them.
    function conclude(uint256 which, bool twice) external {
        _conclude(_which(which));
        if (twice) _conclude(_which(which));
    }

    function collect(uint256 who) external {
        address payee = _payee(who);
        uint256 expected = disputes.owed(payee);
        uint256 before = token.balanceOf(payee);
        assertEq(expected, disputes.collect(payee), 'D0: collected');
        assertEq(before + expected, token.balanceOf(payee), 'D0: arrived');
        disputeMoneyOut += expected;
    }

    function pass(uint32 time) external {
        vm.warp(present() + within(time, 1 hours, 3 days));
    }

    /// @dev Now and then, governance names a dispute contract that takes what it can: `stranger`.
    function replace(uint256 seed) external {
        if (seed % 8 != 0 || providers.nextDisputes() == stranger) return;
        govern(providers, abi.encodeCall(Providers.setDisputes, (stranger)));
        assertEq(present() + 21 days, providers.nextDisputesAt(), 'P5: before a bond could have left');
    }

    function seize(uint256 amount, uint32 time) external {
        IProviders.Provider memory before = stakeOf(provider);
        uint48 until = uint48(present() + within(time, 1, 45 days));
        bool locks = amount % 2 == 0;
        if (locks) vm.prank(stranger);
        uint256 id = within(amount >> 8, 1, 3);
        if (locks && _did(address(providers), abi.encodeCall(Providers.lock, (provider, id, until)))) {
            assertTrue(present() >= providers.nextDisputesAt(), 'P5: locked before its time');
            assertTrue(before.stake != 0 || present() < before.unbondedAt, 'P5: locked who had left');
            assertEq(0, seizedUntil[id], 'P6: locked twice');
            seizedUntil[id] = until;
            ++running;
        }
        vm.startPrank(stranger);
        uint256 lost = _slash(abi.encodeCall(Providers.slash, (provider, id, within(amount, 0, 2 * uint256(STAKE)))));
        vm.stopPrank();
        assertTrue(lost == 0 || present() < seizedUntil[id], 'P6: slashed after its lock');
    }

    /// @dev Anybody takes away a lock that is over, the court's or the seizer's.
    function release(uint256 which, bool seized) external {
        address locker = seized ? stranger : address(disputes);
        uint256 id = seized ? within(which, 1, 3) : _which(which);
        uint256 until = providers.lockOf(locker, provider, id);
        bool done = _did(address(providers), abi.encodeCall(Providers.release, (locker, provider, id)));
        assertTrue(done == (until != 0 && present() >= until), 'P6: released before its end, or not after it');
        if (!done) return;
        if (seized) seizedUntil[id] = 0;
        --running;
    }

    /// @dev What nobody but the registry's and the court's own may do.
    function intrude(uint256 kind, uint256 who) external {
        address[4] memory all = [provider, CHALLENGER, GOVERNOR, validator(1)];
        bytes[7] memory calls = [
            abi.encodeCall(Providers.lock, (provider, 1, uint48(present() + 1))),
            abi.encodeCall(Providers.unlock, (provider, 1)),
            abi.encodeCall(Providers.slash, (provider, 1, 1)),
            abi.encodeCall(Providers.setDisputes, (provider)),
            abi.encodeCall(Providers.setStakeMinimum, (1)),
            abi.encodeCall(Validators.addValidator, (provider)),
            abi.encodeCall(Validators.removeValidator, (validator(1)))
        ];
        Governed target = kind % 7 < 5 ? Governed(providers) : Governed(disputes);
        vm.prank(all[who % 4]);
        assertTrue(!_did(address(target), calls[kind % 7]), 'P7: done by somebody it is not for');
    }
}
