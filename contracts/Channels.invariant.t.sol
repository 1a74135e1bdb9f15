// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IERC20} from '@openzeppelin/contracts/token/ERC20/IERC20.sol';
import {Channels} from './Channels.sol';
import {IChannels} from './IChannels.sol';
import {ChannelsHandler} from './test/ChannelsHandler.sol';
import {ChannelsWalk} from './test/ChannelsWalk.sol';
import {Test} from './test/Test.sol';

/// The invariants of SPEC.md, in its numbers, after every step of a random walk.
contract ChannelsInvariantTest is Test {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    ChannelsHandler private handler;
    Channels private channels;
    mapping(bytes32 id => uint256 claimed) private claimedBefore;
    mapping(bytes32 id => bool ended) private endedBefore;

    function setUp() public {
        handler = new ChannelsHandler();
        channels = handler.pot();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[] memory selectors = new bytes4[](18);
        selectors[0] = handler.open.selector;
        selectors[1] = handler.topUp.selector;
        selectors[2] = handler.claim.selector;
        selectors[3] = handler.claimFor.selector;
        selectors[4] = handler.settle.selector;
        selectors[5] = handler.close.selector;
        selectors[6] = handler.announce.selector;
        selectors[7] = handler.announceFor.selector;
        selectors[8] = handler.withdraw.selector;
        selectors[9] = handler.depart.selector;
        selectors[10] = handler.refund.selector;
        selectors[11] = handler.pass.selector;
        selectors[12] = handler.donate.selector;
        selectors[13] = handler.block_.selector;
        selectors[14] = handler.govern.selector;
        selectors[15] = handler.intrude.selector;
        selectors[16] = handler.abandon.selector;
        selectors[17] = handler.settleFor.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), selectors);
    }

    /// I1: what is held is what is unclaimed plus what is owed (plus gifts); I2: what came in went out or is held.
    function invariant_solvency() public view {
        for (uint256 t = 0; t < 2; ++t) {
            address token = handler.tokens()[t];
            uint256 liabilities = 0;
            for (uint256 i = 0; i < handler.CHANNELS(); ++i) {
                (bytes32 id, address paidIn, ) = handler.channelAt(i);
                if (paidIn != token) continue;
                IChannels.ChannelState memory state = channels.stateOf(id);
                liabilities += state.balance - state.claimed;
            }
            address[6] memory payees = handler.payees();
            for (uint256 i = 0; i < 6; ++i) liabilities += channels.owed(token, payees[i]);
            uint256 held = IERC20(token).balanceOf(address(channels)) - handler.donated(token);
            assertEq(liabilities, held, 'I1: liabilities and holdings');
            assertEq(handler.moneyIn(token), handler.moneyOut(token) + held, 'I2: in and out');
        }
    }

    /// I10: nobody's pocket is lighter than by what they gave, nor fuller than by what they were paid.
    function invariant_pocketsAgree() public view {
        address[6] memory payees = handler.payees();
        for (uint256 t = 0; t < 2; ++t) {
            address token = handler.tokens()[t];
            for (uint256 i = 0; i < 6; ++i) {
                assertEq(handler.purse(token, payees[i]), IERC20(token).balanceOf(payees[i]), 'I10: pocket');
            }
        }
    }

    /// G1: share and treasury are what was announced; G2: and the share never above its bound.
    function invariant_governanceIsAnnounced() public view {
        assertEq(handler.share(), channels.shareBps(), 'G1: share');
        assertEq(handler.treasury(), channels.treasury(), 'G1: treasury');
        assertTrue(channels.shareBps() <= 2_000, 'G2: share');
    }

    /// I3: claimed is at most the balance and never falls; I6: what has ended stays as it ended.
    function invariant_claimedNeverFalls() public {
        for (uint256 i = 0; i < handler.CHANNELS(); ++i) {
            (bytes32 id, , ) = handler.channelAt(i);
            IChannels.ChannelState memory state = channels.stateOf(id);
            assertTrue(state.claimed <= state.balance, 'I3: overdrawn');
            assertTrue(state.claimed >= claimedBefore[id], 'I3: fell');
            bool ended = state.withdrawableAt == channels.CLOSED();
            if (endedBefore[id]) assertTrue(ended && state.claimed == claimedBefore[id], 'I6: reopened');
            if (ended) assertEq(state.balance, state.claimed, 'I6: ended with money inside');
            (claimedBefore[id], endedBefore[id]) = (state.claimed, ended);
        }
    }

    /// I4: provider, treasury, relay and payer are owed exactly what the model says, to the unit; I5, I7: every channel
    /// is where the model has it, hence no early exit, and no job both paid and refunded; I8, I9, I11: and the model let
    /// no flawed signature count, no entry stop a batch, no changed order through.
    function invariant_modelAgrees() public view {
        address[6] memory payees = handler.payees();
        for (uint256 t = 0; t < 2; ++t) {
            address token = handler.tokens()[t];
            for (uint256 i = 0; i < 6; ++i) {
                assertEq(handler.credit(token, payees[i]), channels.owed(token, payees[i]), 'I4: owed');
            }
        }
        for (uint256 i = 0; i < handler.CHANNELS(); ++i) {
            (bytes32 id, , ChannelsWalk.Model memory model) = handler.channelAt(i);
            IChannels.ChannelState memory state = channels.stateOf(id);
            assertEq(model.balance, state.balance, 'balance');
            assertEq(model.claimed, state.claimed, 'claimed');
            assertEq(
                model.ended ? channels.CLOSED() : model.withdrawableAt,
                state.withdrawableAt,
                'I5: withdrawableAt'
            );
            assertTrue(!(model.paid && model.refunded), 'I7: paid and refunded');
        }
    }

    /// A walk that never gets anywhere proves nothing: this one, laid by hand, takes every kind of step.
    function test_walk_reachesEverything() public {
        for (uint256 i = 0; i < 5; ++i) handler.topUp(i, 500, i, i);
        for (uint256 i = 0; i < 5; ++i) handler.claimFor(uint256(keccak256(abi.encode('for', i))), 77, i);
        for (uint256 i = 0; i < 12; ++i) handler.claim(uint256(keccak256(abi.encode(i))), i);
        // A step that chance once found too large for the walk itself.
        handler.open(type(uint256).max, 5, 4, 0);
        handler.govern(1_234, 0);
        handler.govern(0, 3);
        handler.intrude(7, 0);
        handler.donate(0, 5);
        handler.donate(1, 5);
        handler.announce(0, 0);
        handler.withdraw(0);
        handler.announceFor(1, 7, 1_288);
        handler.depart(2);
        checkAll();
        handler.block_(5, 0);
        handler.pass(30 hours - 1);
        // Blocked by the token, the payer waits; unblocked, it leaves.
        handler.withdraw(0);
        handler.block_(5, 1);
        handler.withdraw(0);
        handler.close(1, 1_000_000, 23);
        handler.abandon(16);
        handler.govern(1, 0);
        for (uint256 i = 0; i < 6; ++i) handler.settleFor(i, i / 2, 1_288, 7);
        for (uint256 i = 0; i < 12; ++i) handler.settle(i, i / 2);
        checkAll();
        string[16] memory all = [
            'open',
            'topUp',
            'claim',
            'claimFor',
            'settle',
            'settleFor',
            'close',
            'announce',
            'announceFor',
            'withdraw',
            'pass',
            'donate',
            'block',
            'schedule',
            'execute',
            'abandon'
        ];
        for (uint256 i = 0; i < all.length; ++i) assertTrue(handler.steps(all[i]) > 0, all[i]);
        // A second walk, for what the claims of the first took away.
        setUp();
        for (uint256 i = 0; i < 10; ++i) handler.pass(30 hours - 1);
        handler.refund(3);
        handler.refund(4);
        assertTrue(handler.steps('refund') == 2, 'refund');
        checkAll();
    }

    function checkAll() private {
        invariant_solvency();
        invariant_claimedNeverFalls();
        invariant_modelAgrees();
        invariant_pocketsAgree();
        invariant_governanceIsAnnounced();
    }
}
