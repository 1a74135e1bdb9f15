// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from '@openzeppelin/contracts/token/ERC20/IERC20.sol';
import {SafeERC20} from '@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol';
import {Math} from '@openzeppelin/contracts/utils/math/Math.sol';
import {EIP712} from '@openzeppelin/contracts/utils/cryptography/EIP712.sol';
import {ReentrancyGuardTransient} from '@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol';
import {Governed} from './Governed.sol';
import {BURN_ADDRESS, IProviders} from './IProviders.sol';
import {Intake} from './Intake.sol';
import {Signatures} from './Signatures.sol';
import {Validators} from './Validators.sol';

/// @title The slow road from "this answer is wrong" to a slashed bond.
/// @notice Off until governance switches it on. A challenger puts down a counter-bond, the provider may answer,
/// registered validators vote by signature, the provider may appeal once, and only then is anything slashed. One job is
/// decided once. What is at stake moves when everything is decided, and then only as credit to be collected.
contract Disputes is Validators, EIP712, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    uint256 public constant ANSWER_WINDOW = 3 days;
    uint256 public constant VOTE_WINDOW = 3 days;
    uint256 public constant APPEAL_WINDOW = 7 days;
    /// @notice How long a provider's stake is locked: all windows, both rounds, and two weeks in which to conclude. Who
    /// takes longer to conclude finds nothing left to slash.
    uint256 public constant LOCK = 30 days;
    /// @notice Votes needed for a verdict, in the first round and after an appeal.
    uint256 public constant QUORUM = 3;
    uint256 public constant APPEAL_QUORUM = 5;
    /// @notice The counter-bond, and the appeal bond, in hundredths of a percent of the penalty.
    uint256 public constant COUNTER_BOND_BPS = 1_000;
    /// @notice The least penalty, in hundredths of a percent of all that is locked for it. So to hold a stake costs the
    /// more, the larger it is; and a provider that disputes a bad job of its own first, lest others do, pays for it.
    uint256 public constant PENALTY_BPS_MIN = 1_000;
    /// @notice Below this a counter-bond would round to nothing worth losing.
    uint256 public constant PENALTY_MIN = 1_000_000;
    /// @notice Of the half of a slash that is not burned: 60 % to the challenger; the rest pays back what the votes cost it,
    /// and is burned too.
    uint256 public constant CHALLENGER_BPS = 6_000;

    bytes32 public constant VOTE = keccak256('Vote(uint256 disputeId,uint8 round,uint8 verdict,address validator)');

    uint256 private constant _BPS = 10_000;

    IProviders public immutable providers;
    address public immutable token;

    bool public isOn;
    uint256 public disputeCount;

    /// @notice Credited and not yet collected.
    mapping(address payee => uint256 amount) public owed;
    /// @notice The dispute that decided over a job, by a verdict or by an appeal; 0: none. Whoever gets there first decides:
    /// a dispute that nobody votes on stands in no other's way.
    mapping(address provider => mapping(bytes32 receiptHash => uint256 disputeId)) public decidedBy;

    mapping(uint256 disputeId => Dispute dispute) private _disputes;
    mapping(uint256 disputeId => mapping(uint8 round => mapping(address validator => Verdict verdict)))
        private _verdicts;
    mapping(uint256 disputeId => mapping(uint8 round => address[] validators)) private _voters;

    constructor(address governor, IProviders providers_) EIP712('Tabloom Disputes', '1') Governed(governor) {
        providers = providers_;
        token = providers_.token();
    }

    /// @notice Challenges one job of a provider. The caller's approved tokens become the counter-bond.
    /// @param penalty What to slash: at least `PENALTY_MIN` and a tenth of what can be locked, at most all of it.
    function open(
        address provider,
        bytes32 receiptHash,
        uint128 penalty
    ) external nonReentrant returns (uint256 disputeId) {
        // Check
        if (!isOn) revert SwitchedOffNow();
        if (receiptHash == 0) revert ReceiptMissing();
        if (decidedBy[provider][receiptHash] != 0) revert ReceiptAlreadyDecided(provider, receiptHash);
        uint256 maximum = providers.lockable(provider);
        uint256 minimum = Math.max(PENALTY_MIN, (maximum * PENALTY_BPS_MIN) / _BPS);
        if (penalty < minimum || penalty > maximum) revert PenaltyOutOfRange(minimum, maximum, penalty);
        // Effect
        disputeId = ++disputeCount;
        uint256 counterBond = (uint256(penalty) * COUNTER_BOND_BPS) / _BPS;
        Dispute storage dispute = _disputes[disputeId];
        (dispute.challenger, dispute.provider, dispute.receiptHash) = (msg.sender, provider, receiptHash);
        (dispute.penalty, dispute.counterBond) = (penalty, uint128(counterBond));
        (dispute.phase, dispute.round) = (Phase.Answering, 1);
        (dispute.openedAt, dispute.endsAt) = (uint48(block.timestamp), uint48(block.timestamp + ANSWER_WINDOW));
        emit DisputeOpened(disputeId, provider, msg.sender, receiptHash, penalty, counterBond);
        // Interaction
        providers.lock(provider, disputeId, uint48(block.timestamp + LOCK));
        Intake.pull(token, msg.sender, counterBond);
    }

    /// @notice The provider's answer, by hash; voting begins. Silence is no confession: then voting begins by itself.
    function answer(uint256 disputeId, bytes32 answerHash) external {
        // Check
        Dispute storage dispute = _require(disputeId, Phase.Answering);
        if (msg.sender != dispute.provider) revert CallerNotProvider(dispute.provider, msg.sender);
        if (answerHash == 0) revert AnswerMissing();
        if (block.timestamp > dispute.endsAt) revert WindowOver(dispute.endsAt, block.timestamp);
        // Effect
        uint256 endsAt = block.timestamp + VOTE_WINDOW;
        (dispute.phase, dispute.answerHash, dispute.endsAt) = (Phase.Voting, answerHash, uint48(endsAt));
        emit Answered(disputeId, answerHash, endsAt);
    }

    /// @notice The provider's appeal against a guilty verdict, with a bond as large as the challenger's. One more round
    /// of voting, with a higher quorum.
    function appeal(uint256 disputeId) external nonReentrant {
        // Check
        Dispute storage dispute = _require(disputeId, Phase.Appealable);
        if (msg.sender != dispute.provider) revert CallerNotProvider(dispute.provider, msg.sender);
        if (block.timestamp > dispute.endsAt) revert WindowOver(dispute.endsAt, block.timestamp);
        // Effect
        uint256 endsAt = block.timestamp + VOTE_WINDOW;
        (dispute.phase, dispute.round, dispute.endsAt) = (Phase.Voting, 2, uint48(endsAt));
        (dispute.innocent, dispute.guilty) = (0, 0);
        emit Appealed(disputeId, dispute.counterBond, endsAt);
        // Interaction
        Intake.pull(token, msg.sender, dispute.counterBond);
    }

    /// @notice Hands in a validator's signed verdict; anybody may. One verdict a round, and no second thoughts.
    function vote(
        uint256 disputeId,
        uint8 round,
        Verdict verdict,
        address validator,
        bytes calldata signature
    ) external {
        // Check
        Dispute storage dispute = _disputes[disputeId];
        (Phase phase, uint256 endsAt) = _phaseOf(disputeId, dispute);
        if (phase != Phase.Voting) revert WrongPhase(Phase.Voting, phase);
        if (block.timestamp > endsAt) revert WindowOver(endsAt, block.timestamp);
        if (round != dispute.round) revert WrongRound(dispute.round, round);
        if (verdict == Verdict.None) revert VerdictMissing();
        _checkValidator(validator, dispute.openedAt);
        if (validator == dispute.challenger || validator == dispute.provider) revert ValidatorIsParty(validator);
        if (_verdicts[disputeId][round][validator] != Verdict.None) revert AlreadyVoted(disputeId, round, validator);
        bytes32 digest = _hashTypedDataV4(keccak256(abi.encode(VOTE, disputeId, round, verdict, validator)));
        Signatures.check(validator, digest, signature);
        // Effect
        (dispute.phase, dispute.endsAt) = (phase, uint48(endsAt));
        _verdicts[disputeId][round][validator] = verdict;
        _voters[disputeId][round].push(validator);
        if (verdict == Verdict.Guilty) ++dispute.guilty;
        else ++dispute.innocent;
        emit Voted(disputeId, round, validator, verdict);
    }

    /// @notice Moves a dispute on when its window is over: to the appeal window, or to its end. Anybody may call. The
    /// appeal window begins now, when the verdict is recorded, and not when the vote ended: nobody can let it run out
    /// unseen.
    function conclude(uint256 disputeId) external nonReentrant {
        // Check
        Dispute storage dispute = _disputes[disputeId];
        (Phase phase, uint256 endsAt) = _phaseOf(disputeId, dispute);
        if (phase == Phase.Ended) revert WrongPhase(Phase.Voting, Phase.Ended);
        if (block.timestamp <= endsAt) revert WindowOpen(endsAt + 1, block.timestamp);
        // Effect, Interaction
        if (decidedBy[dispute.provider][dispute.receiptHash] != 0) {
            return _endUnpunished(disputeId, dispute, Outcome.Dismissed);
        }
        if (phase == Phase.Appealable) return _endGuilty(disputeId, dispute);
        if (dispute.guilty >= _quorum(dispute.round) && dispute.guilty > 2 * uint256(dispute.innocent)) {
            if (dispute.round == 2) return _endGuilty(disputeId, dispute);
            endsAt = block.timestamp + APPEAL_WINDOW;
            (dispute.phase, dispute.endsAt) = (Phase.Appealable, uint48(endsAt));
            emit VerdictReached(disputeId, endsAt);
            return;
        }
        bool cleared = dispute.innocent >= QUORUM && dispute.innocent > dispute.guilty;
        _endUnpunished(disputeId, dispute, cleared ? Outcome.Innocent : Outcome.Dismissed);
    }

    /// @notice Pays out everything `payee` is owed. Anybody may call; with nothing owed it does nothing.
    function collect(address payee) external nonReentrant returns (uint256 amount) {
        // Check
        amount = owed[payee];
        if (amount == 0) return 0;
        // Effect
        owed[payee] = 0;
        emit Collected(payee, amount);
        // Interaction
        IERC20(token).safeTransfer(payee, amount);
    }

    /// @notice Lets disputes be opened.
    function switchOn() external onlyScheduled {
        isOn = true;
        emit SwitchedOn();
    }

    /// @notice Lets no more be opened, at once; those that run, run to their end.
    function switchOff() external onlyOwner {
        isOn = false;
        emit SwitchedOff();
    }

    /// @notice A dispute as it was last written: an unanswered one still says `Answering` after its window.
    function disputeAt(uint256 disputeId) external view returns (Dispute memory) {
        return _disputes[disputeId];
    }

    /// @notice What a validator said in a round.
    function verdictOf(uint256 disputeId, uint8 round, address validator) external view returns (Verdict) {
        return _verdicts[disputeId][round][validator];
    }

    /// @dev Where a dispute stands, whether or not it is written: an answer window that ran out is a voting window that
    /// began when it did.
    function _phaseOf(uint256 disputeId, Dispute storage dispute) private view returns (Phase phase, uint256 endsAt) {
        (phase, endsAt) = (dispute.phase, dispute.endsAt);
        if (phase == Phase.None) revert DisputeMissing(disputeId);
        if (phase == Phase.Answering && block.timestamp > endsAt) return (Phase.Voting, endsAt + VOTE_WINDOW);
    }

    function _require(uint256 disputeId, Phase expected) private view returns (Dispute storage dispute) {
        dispute = _disputes[disputeId];
        if (dispute.phase == Phase.None) revert DisputeMissing(disputeId);
        if (dispute.phase != expected) revert WrongPhase(expected, dispute.phase);
    }

    /// @dev Of the counter-bond of a challenger who was wrong, half goes to the provider for its trouble; of one whom not
    /// a single validator followed, half comes back, unless another dispute proved it right. The other half pays those who
    /// voted, and what they leave goes up in smoke: no challenge for nothing is free.
    function _endUnpunished(uint256 disputeId, Dispute storage dispute, Outcome outcome) private {
        // Effect
        (dispute.phase, dispute.outcome) = (Phase.Ended, outcome);
        uint256 decided = decidedBy[dispute.provider][dispute.receiptHash];
        bool isFinal = outcome == Outcome.Innocent || dispute.round == 2;
        if (decided == 0 && isFinal) decidedBy[dispute.provider][dispute.receiptHash] = disputeId;
        uint256 bond = dispute.counterBond;
        if (dispute.round == 2) owed[dispute.provider] += bond;
        uint256 rest = bond - _payVoters(disputeId, dispute);
        bool alone = dispute.round == 1 && dispute.guilty == 0 && _disputes[decided].outcome != Outcome.Guilty;
        uint256 kept = outcome == Outcome.Innocent || alone ? bond / 2 : rest;
        owed[BURN_ADDRESS] += rest - kept;
        owed[outcome == Outcome.Innocent ? dispute.provider : dispute.challenger] += kept;
        emit DisputeEnded(disputeId, outcome, 0);
        // Interaction
        _unlock(disputeId, dispute.provider);
    }

    /// @dev Slashes at most what is left: several disputes may run over one stake, and one may outlast its lock. A lost
    /// appeal's bond is burned. The registry is asked first, since it says what there is to share out; it is this
    /// contract's own for ever, and nothing here can be entered meanwhile.
    function _endGuilty(uint256 disputeId, Dispute storage dispute) private {
        // Check
        address provider = dispute.provider;
        uint256 amount = Math.min(dispute.penalty, providers.slashable(provider, address(this), disputeId));
        // Effect
        (dispute.phase, dispute.outcome) = (Phase.Ended, Outcome.Guilty);
        if (amount != 0) decidedBy[provider][dispute.receiptHash] = disputeId;
        emit DisputeEnded(disputeId, Outcome.Guilty, amount);
        // Interaction
        uint256 awarded = amount == 0 ? 0 : providers.slash(provider, disputeId, amount);
        _unlock(disputeId, provider);
        // Effect, of what came back
        uint256 paid = _payVoters(disputeId, dispute);
        uint256 forChallenger = (awarded * CHALLENGER_BPS) / _BPS;
        uint256 repaid = Math.min(paid, awarded - forChallenger);
        owed[dispute.challenger] += dispute.counterBond - paid + forChallenger + repaid;
        owed[BURN_ADDRESS] += awarded - forChallenger - repaid;
        if (dispute.round == 2) owed[BURN_ADDRESS] += dispute.counterBond;
    }

    /// @dev Half the counter-bond to those who voted in the last round, in equal parts, whatever they said and however it
    /// ends: a verdict must not be worth more than its contrary. No part is larger than a bare quorum's.
    function _payVoters(uint256 disputeId, Dispute storage dispute) private returns (uint256 paid) {
        address[] storage voters = _voters[disputeId][dispute.round];
        uint256 count = voters.length;
        uint256 each = (dispute.counterBond / 2) / Math.max(count, _quorum(dispute.round));
        for (uint256 i = 0; i < count; ++i) owed[voters[i]] += each;
        return each * count;
    }

    /// @dev A lock that is over may have been released by anybody.
    function _unlock(uint256 disputeId, address provider) private {
        if (providers.lockOf(address(this), provider, disputeId) != 0) providers.unlock(provider, disputeId);
    }

    function _quorum(uint8 round) private pure returns (uint256) {
        return round == 1 ? QUORUM : APPEAL_QUORUM;
    }
}
