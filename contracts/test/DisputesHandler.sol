// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IDisputes} from '../IDisputes.sol';
import {IProviders} from '../IProviders.sol';
import {Disputes} from '../Disputes.sol';
import {Providers} from '../Providers.sol';
import {TestUSDC} from '../tokens/TestUSDC.sol';
import {DisputesFixture} from './DisputesFixture.sol';

/// @title A random walk through bonding, challenging, voting and concluding.
/// @dev Calls may fail; what must hold whatever succeeds is checked here where it takes the moment before to know it,
/// and by the invariants otherwise.
contract DisputesHandler is DisputesFixture {
    uint256 public burnedBySlash;
    uint256 public slashed;
    uint256 public bonded;
    uint256 public unbonded;
    uint256 public disputeMoneyIn;
    uint256 public ended;
    uint256 private receipts;

    constructor() {
        setUp();
        bonded = STAKE;
    }

    function bond(uint64 amount) external {
        amount = uint64(within(amount, 1, 1_000_000));
        vm.prank(provider);
        providers.bond(amount);
        bonded += amount;
    }

    function unbond(uint128 amount) external {
        bool challenged = _challenged();
        amount = uint128(within(amount, 0, STAKE));
        vm.prank(provider);
        (bool done, ) = address(providers).call(abi.encodeCall(Providers.unbond, (amount)));
        assertTrue(!(done && challenged), 'P3: unbonded while challenged');
    }

    function withdrawBond() external {
        IProviders.Provider memory before = stakeOf(provider);
        bool challenged = _challenged();
        (bool done, bytes memory returned) = address(providers).call(
            abi.encodeCall(Providers.withdrawBond, (provider))
        );
        if (!done) return;
        assertTrue(!challenged, 'P3: withdrawn while challenged');
        assertTrue(present() >= before.unbondedAt && before.unbondedAt != 0, 'P4: withdrawn too early');
        assertEq(before.unbonding, abi.decode(returned, (uint256)), 'P4: amount');
        unbonded += before.unbonding;
    }

    function open(uint128 penalty) external {
        uint256 stake = providers.slashable(provider);
        penalty = uint128(within(penalty, 1_000_000, (6 * uint256(STAKE)) / 5));
        uint256 before = token.balanceOf(CHALLENGER);
        vm.prank(CHALLENGER);
        (bool done, ) = address(disputes).call(abi.encodeCall(Disputes.open, (provider, bytes32(++receipts), penalty)));
        assertTrue(done == (penalty <= stake), 'D1: penalty within the stake');
        if (done) disputeMoneyIn += before - token.balanceOf(CHALLENGER);
    }

    function answer(uint256 which) external {
        vm.prank(provider);
        _try(abi.encodeCall(Disputes.answer, (_which(which), bytes32('a'))));
    }

    function vote(uint256 which, uint256 index, bool accusing, bool second) external {
        uint256 id = _which(which);
        uint8 round = second ? 2 : 1;
        index = within(index, 1, 9);
        IDisputes.Verdict verdict = accusing ? IDisputes.Verdict.Guilty : IDisputes.Verdict.Innocent;
        bytes memory signature = voteSignature(validatorKey(index), id, round, verdict);
        _try(abi.encodeCall(Disputes.vote, (id, round, verdict, validator(index), signature)));
    }

    /// @dev Chance alone seldom gathers a quorum in time: this takes one dispute a phase onward, for either side. Two in a
    /// row, guilty, slash.
    function drive(uint256 which, bool accusing) external {
        uint256 id = _which(which);
        IDisputes.Dispute memory dispute = disputes.disputeAt(id);
        if (dispute.phase == IDisputes.Phase.None || dispute.phase == IDisputes.Phase.Ended) return;
        if (dispute.phase == IDisputes.Phase.Answering && present() <= dispute.endsAt) vm.warp(dispute.endsAt + 1);
        IDisputes.Verdict verdict = accusing ? IDisputes.Verdict.Guilty : IDisputes.Verdict.Innocent;
        for (uint256 i = 1; i < 7; ++i) {
            bytes memory signature = voteSignature(validatorKey(i), id, dispute.round, verdict);
            _try(abi.encodeCall(Disputes.vote, (id, dispute.round, verdict, validator(i), signature)));
        }
        dispute = disputes.disputeAt(id);
        if (present() <= dispute.endsAt) vm.warp(uint256(dispute.endsAt) + 1);
        // An answer window that ran out long ago is a voting window that did, or will.
        if (dispute.phase == IDisputes.Phase.Answering) vm.warp(present() + 3 days);
        assertTrue(_conclude(id), 'D4: windows over, and still it cannot be concluded');
    }

    function appeal(uint256 which) external {
        uint256 before = token.balanceOf(provider);
        vm.prank(provider);
        _try(abi.encodeCall(Disputes.appeal, (_which(which))));
        disputeMoneyIn += before - token.balanceOf(provider);
    }

    function conclude(uint256 which) external {
        _conclude(_which(which));
    }

    function pass(uint32 time) external {
        vm.warp(present() + within(time, 1 hours, 3 days));
    }

    // What the invariants look at.

    function registry() external view returns (Providers) {
        return providers;
    }

    function court() external view returns (Disputes) {
        return disputes;
    }

    function money() external view returns (TestUSDC) {
        return token;
    }

    function accused() external view returns (address) {
        return provider;
    }

    /// @dev Everything credited and not collected; in this walk nobody collects.
    function allOwed() external view returns (uint256 sum) {
        sum = disputes.owed(CHALLENGER) + disputes.owed(provider) + disputes.owed(BURN);
        for (uint256 i = 1; i < 10; ++i) sum += disputes.owed(validator(i));
    }

    /// @dev Bonds of disputes that still run.
    function allAtStake() external view returns (uint256 sum) {
        for (uint256 id = 1; id <= disputes.disputeCount(); ++id) {
            IDisputes.Dispute memory dispute = disputes.disputeAt(id);
            if (dispute.phase == IDisputes.Phase.Ended) continue;
            sum += dispute.counterBond * uint256(dispute.round);
        }
    }

    function openCount() external view returns (uint256) {
        return disputes.disputeCount() - ended;
    }

    function _conclude(uint256 id) private returns (bool) {
        IDisputes.Dispute memory was = disputes.disputeAt(id);
        uint256 stake = providers.slashable(provider);
        uint256 burned = token.balanceOf(BURN);
        uint256 pot = token.balanceOf(address(disputes));
        if (!_try(abi.encodeCall(Disputes.conclude, (id)))) return false;
        uint256 lost = stake - providers.slashable(provider);
        uint256 smoke = token.balanceOf(BURN) - burned;
        assertTrue(lost <= was.penalty, 'P1: slashed above the penalty');
        assertTrue(smoke * 2 >= lost, 'P2: less than half burned');
        assertEq(lost, smoke + token.balanceOf(address(disputes)) - pot, 'P2: slash is burned or awarded');
        assertTrue(was.phase != IDisputes.Phase.Ended, 'D2: ended twice');
        if (lost != 0) {
            assertTrue(disputes.disputeAt(id).outcome == IDisputes.Outcome.Guilty, 'D3: slashed without a verdict');
            assertTrue(
                was.round == 2 || was.phase == IDisputes.Phase.Appealable,
                'D3: slashed before the appeal window'
            );
        }
        (slashed, burnedBySlash, disputeMoneyIn) = (
            slashed + lost,
            burnedBySlash + smoke,
            disputeMoneyIn + lost - smoke
        );
        if (disputes.disputeAt(id).phase == IDisputes.Phase.Ended) ++ended;
        return true;
    }

    function _challenged() private view returns (bool) {
        IProviders.Provider memory record = stakeOf(provider);
        return record.locks != 0 && present() < record.lockedUntil;
    }

    function _which(uint256 which) private view returns (uint256) {
        uint256 count = disputes.disputeCount();
        return count == 0 ? 1 : 1 + (which % count);
    }

    function _try(bytes memory call) private returns (bool done) {
        (done, ) = address(disputes).call(call);
    }
}
