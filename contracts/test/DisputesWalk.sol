// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Disputes} from '../Disputes.sol';
import {IDisputes} from '../IDisputes.sol';
import {Providers} from '../Providers.sol';
import {TestUSDC} from '../tokens/TestUSDC.sol';
import {DisputesFixture} from './DisputesFixture.sol';

/// @title What a walk through registry and court remembers beside them, and what it asks of each verdict.
abstract contract DisputesWalk is DisputesFixture {
    uint256 public burnedBySlash;
    uint256 public slashed;
    uint256 public bonded;
    uint256 public unbonded;
    uint256 public disputeMoneyIn;
    uint256 public disputeMoneyOut;
    /// @notice Locks that stand: disputes that have not ended, and those of a dispute contract gone bad.
    uint256 public running;
    mapping(uint256 id => uint256 until) internal seizedUntil;
    mapping(bytes32 receipt => bool yes) internal decided;
    uint256 internal salts;
    mapping(uint256 id => uint256 time) internal verdictAt;
    /// @dev Counted here once more, by distinct validators.
    mapping(uint256 id => mapping(uint8 round => mapping(uint256 index => bool voted))) private _voted;
    mapping(uint256 id => mapping(uint8 round => mapping(bool accusing => uint256 count))) private _votes;

    constructor() {
        setUp();
        token.mint(provider, 1 << 100);
        token.mint(CHALLENGER, 1 << 100);
        bonded = STAKE;
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

    /// @dev Everything credited and not collected.
    function allOwed() external view returns (uint256 sum) {
        for (uint256 i = 0; i < 12; ++i) sum += disputes.owed(_payee(i));
    }

    /// @dev Bonds of disputes that still run.
    function allAtStake() external view returns (uint256 sum) {
        for (uint256 id = 1; id <= disputes.disputeCount(); ++id) {
            IDisputes.Dispute memory dispute = disputes.disputeAt(id);
            if (dispute.phase == IDisputes.Phase.Ended) continue;
            sum += dispute.counterBond * uint256(dispute.round);
        }
    }

    // Inside.

    function _vote(uint256 id, uint8 round, uint256 index, bool accusing) internal {
        IDisputes.Verdict verdict = accusing ? IDisputes.Verdict.Guilty : IDisputes.Verdict.Innocent;
        bytes memory signature = voteSignature(validatorKey(index), id, round, verdict);
        bytes memory call = abi.encodeCall(Disputes.vote, (id, round, verdict, validator(index), signature));
        if (!_did(address(disputes), call)) return;
        assertTrue(index < 8, 'D3: a vote of somebody else');
        assertTrue(!_voted[id][round][index], 'D3: a second vote');
        _voted[id][round][index] = true;
        ++_votes[id][round][accusing];
    }

    function _conclude(uint256 id) internal returns (bool done) {
        IDisputes.Dispute memory was = disputes.disputeAt(id);
        uint256 pot = token.balanceOf(address(disputes));
        uint256 burned = burnedBySlash;
        bool locked = providers.lockOf(address(disputes), provider, id) != 0;
        uint256 lost;
        (done, lost) = _slashing(address(disputes), abi.encodeCall(Disputes.conclude, (id)));
        if (!done) return false;
        IDisputes.Dispute memory is_ = disputes.disputeAt(id);
        assertTrue(was.phase != IDisputes.Phase.Ended, 'D2: ended twice');
        assertTrue(lost <= was.penalty, 'P1: slashed above the penalty');
        uint256 awarded = token.balanceOf(address(disputes)) - pot;
        assertEq(lost, awarded + burnedBySlash - burned, 'P2: a slash is burned or awarded');
        disputeMoneyIn += awarded;
        if (lost != 0) {
            _checkConviction(id, was);
            assertTrue(!decided[was.receiptHash], 'D1: one job slashed for after it was decided');
        }
        if (is_.phase == IDisputes.Phase.Appealable) verdictAt[id] = present();
        if (is_.phase != IDisputes.Phase.Ended) return true;
        if (locked) --running;
        bool cleared = is_.outcome == IDisputes.Outcome.Innocent;
        if (lost != 0 || cleared || was.round == 2) decided[was.receiptHash] = true;
    }

    function _checkConviction(uint256 id, IDisputes.Dispute memory was) private view {
        uint256 guilty = _votes[id][was.round][true];
        assertTrue(disputes.disputeAt(id).outcome == IDisputes.Outcome.Guilty, 'D3: slashed without a verdict');
        assertTrue(guilty >= (was.round == 1 ? 3 : 5), 'D3: slashed without a quorum');
        assertTrue(guilty > 2 * _votes[id][was.round][false], 'D3: slashed without two thirds');
        if (was.round == 2) return;
        assertTrue(was.phase == IDisputes.Phase.Appealable, 'D3: slashed before the appeal window');
        assertTrue(present() > verdictAt[id] + 7 days, 'D3: slashed within the appeal window');
    }

    /// @dev Any slash, by whomever.
    function _slash(bytes memory call) internal returns (uint256 lost) {
        (, lost) = _slashing(address(providers), call);
    }

    function _slashing(address target, bytes memory call) private returns (bool done, uint256 lost) {
        uint256 stake = stakeInAll(provider);
        uint256 burned = token.balanceOf(BURN);
        (done, ) = target.call(call);
        lost = stake - stakeInAll(provider);
        uint256 smoke = token.balanceOf(BURN) - burned;
        assertTrue(smoke * 2 >= lost, 'P2: less than half burned');
        (slashed, burnedBySlash) = (slashed + lost, burnedBySlash + smoke);
    }

    function _did(address target, bytes memory call) internal returns (bool done) {
        (done, ) = target.call(call);
    }

    function _which(uint256 which) internal view returns (uint256) {
        uint256 count = disputes.disputeCount();
        return count == 0 ? 1 : 1 + (which % count);
    }

    function _payee(uint256 who) internal view returns (address) {
        who = who % 12;
        if (who == 0) return CHALLENGER;
        if (who == 1) return provider;
        if (who == 2) return BURN;
        return validator(who - 2);
    }
}
