// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Channels} from './Channels.sol';
import {IChannels} from './IChannels.sol';
import {TestUSDC} from './tokens/TestUSDC.sol';
import {ChannelsHandler} from './test/ChannelsHandler.sol';
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
        bytes4[] memory selectors = new bytes4[](13);
        selectors[0] = handler.open.selector;
        selectors[1] = handler.topUp.selector;
        selectors[2] = handler.claim.selector;
        selectors[3] = handler.claimFor.selector;
        selectors[4] = handler.settle.selector;
        selectors[5] = handler.close.selector;
        selectors[6] = handler.announce.selector;
        selectors[7] = handler.withdraw.selector;
        selectors[8] = handler.refund.selector;
        selectors[9] = handler.pass.selector;
        selectors[10] = handler.donate.selector;
        selectors[11] = handler.govern.selector;
        selectors[12] = handler.leave.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), selectors);
    }

    /// I1: what is held is what is unclaimed plus what is owed (plus gifts); I2: what came in went out or is held.
    function invariant_solvency() public view {
        for (uint256 t = 0; t < 2; ++t) {
            TestUSDC token = handler.tokens(t);
            uint256 liabilities = 0;
            for (uint256 i = 0; i < handler.CHANNELS(); ++i) {
                (bytes32 id, address paidIn, ) = handler.channelAt(i);
                if (paidIn != address(token)) continue;
                IChannels.ChannelState memory state = channels.stateOf(id);
                liabilities += state.balance - state.claimed;
            }
            address[5] memory payees = handler.payees();
            for (uint256 i = 0; i < 5; ++i) liabilities += channels.owed(address(token), payees[i]);
            uint256 held = token.balanceOf(address(channels)) - handler.donated(address(token));
            assertEq(liabilities, held, 'I1: liabilities and holdings');
            assertEq(handler.moneyIn(address(token)), handler.moneyOut(address(token)) + held, 'I2: in and out');
        }
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
    /// is where the model has it, hence no early exit, and no job both paid and refunded.
    function invariant_modelAgrees() public view {
        address[5] memory payees = handler.payees();
        for (uint256 t = 0; t < 2; ++t) {
            address token = address(handler.tokens(t));
            for (uint256 i = 0; i < 5; ++i) {
                assertEq(handler.credit(token, payees[i]), channels.owed(token, payees[i]), 'I4: owed');
            }
        }
        for (uint256 i = 0; i < handler.CHANNELS(); ++i) {
            (bytes32 id, , ChannelsHandler.Model memory model) = handler.channelAt(i);
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
        handler.topUp(0, 500);
        for (uint256 i = 0; i < 4; ++i) handler.claimFor(uint256(keccak256(abi.encode('for', i))), 77);
        for (uint256 i = 0; i < 12; ++i) handler.claim(uint256(keccak256(abi.encode(i))), i);
        handler.govern(1_234);
        handler.donate(0, 5);
        handler.announce(0, 0);
        handler.withdraw(0);
        handler.leave(1);
        handler.close(2, 1_000_000, 1);
        invariant_solvency();
        invariant_modelAgrees();
        handler.pass(30 hours - 1);
        handler.withdraw(0);
        for (uint256 i = 0; i < 10; ++i) handler.settle(i, i / 2);
        invariant_solvency();
        invariant_claimedNeverFalls();
        invariant_modelAgrees();
        string[11] memory all = [
            'open',
            'topUp',
            'claim',
            'claimFor',
            'settle',
            'close',
            'announce',
            'withdraw',
            'pass',
            'donate',
            'govern'
        ];
        for (uint256 i = 0; i < all.length; ++i) assertTrue(handler.steps(all[i]) > 0, all[i]);
        // A second walk, for what the claims of the first took away.
        setUp();
        for (uint256 i = 0; i < 10; ++i) handler.pass(30 hours - 1);
        handler.refund(3);
        handler.refund(4);
        assertTrue(handler.steps('refund') == 2, 'refund');
    }
}
