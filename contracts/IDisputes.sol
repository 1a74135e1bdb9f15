// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @title The nouns of a dispute over one job. Amounts in the bond token's smallest unit, times in Unix seconds.
interface IDisputes {
    /// @notice Where a dispute stands. `Answering` becomes `Voting` by an answer or by the end of its window.
    enum Phase {
        None,
        Answering,
        Voting,
        Appealable,
        Ended
    }

    /// @notice What a validator says; `None` is nobody's verdict.
    enum Verdict {
        None,
        Innocent,
        Guilty
    }

    /// @notice How it ended. `Dismissed`: no quorum either way, or another dispute over the same receipt was decided first.
    enum Outcome {
        None,
        Dismissed,
        Innocent,
        Guilty
    }

    /// @param penalty What the challenger asks to be slashed, at most the stake at the time of opening.
    /// @param counterBond What the challenger put down, and what an appeal costs.
    /// @param openedAt When it was opened; who was no validator then, has no vote.
    /// @param endsAt The last second of the present phase.
    /// @param round 1, or 2 after an appeal.
    /// @param receiptHash Hash of the receipt of the job in question.
    /// @param answerHash Hash of the provider's answer; zero when there was none.
    struct Dispute {
        address challenger;
        uint48 endsAt;
        Phase phase;
        Outcome outcome;
        uint8 round;
        address provider;
        uint16 innocent;
        uint16 guilty;
        uint48 openedAt;
        uint128 penalty;
        uint128 counterBond;
        bytes32 receiptHash;
        bytes32 answerHash;
    }

    event SwitchedOn();
    event SwitchedOff();
    event ValidatorAdded(address indexed validator, uint256 since);
    event ValidatorRemoved(address indexed validator);
    event DisputeOpened(
        uint256 indexed disputeId,
        address indexed provider,
        address indexed challenger,
        bytes32 receiptHash,
        uint256 penalty,
        uint256 counterBond
    );
    event Answered(uint256 indexed disputeId, bytes32 answerHash, uint256 votingEndsAt);
    event Voted(uint256 indexed disputeId, uint8 round, address indexed validator, Verdict verdict);
    event VerdictReached(uint256 indexed disputeId, uint256 appealableUntil);
    event Appealed(uint256 indexed disputeId, uint256 appealBond, uint256 votingEndsAt);
    event DisputeEnded(uint256 indexed disputeId, Outcome outcome, uint256 slashed);
    event Collected(address indexed payee, uint256 amount);

    error SwitchedOffNow();
    error PenaltyOutOfRange(uint256 minimum, uint256 maximum, uint256 given);
    error ReceiptMissing();
    error ReceiptAlreadyDecided(address provider, bytes32 receiptHash);
    error DisputeMissing(uint256 disputeId);
    error WrongPhase(Phase expected, Phase actual);
    error CallerNotProvider(address expected, address caller);
    error AnswerMissing();
    error WindowOver(uint256 latest, uint256 current);
    error WindowOpen(uint256 earliest, uint256 current);
    error NotValidator(address given);
    error ValidatorTooNew(uint256 since, uint256 openedAt);
    error ValidatorIsParty(address validator);
    error AlreadyVoted(uint256 disputeId, uint8 round, address validator);
    error WrongRound(uint8 expected, uint8 given);
    error VerdictMissing();
    error ValidatorInvalid(address given);
    error ValidatorUnchanged(address given);
    error ValidatorResting(uint256 earliest, uint256 current);
    error TooManyValidators(uint256 maximum);
}
