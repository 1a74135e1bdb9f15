// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Disputes} from './Disputes.sol';
import {IProviders} from './IProviders.sol';
import {Providers} from './Providers.sol';
import {DisputesHandler} from './test/DisputesHandler.sol';
import {Test} from './test/Test.sol';

/// The invariants of bonds and disputes in SPEC.md, after every step of a random walk.
contract DisputesInvariantTest is Test {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    DisputesHandler private handler;

    function setUp() public {
        handler = new DisputesHandler();
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[] memory selectors = new bytes4[](10);
        selectors[0] = handler.bond.selector;
        selectors[1] = handler.unbond.selector;
        selectors[2] = handler.withdrawBond.selector;
        selectors[3] = handler.open.selector;
        selectors[4] = handler.answer.selector;
        selectors[5] = handler.vote.selector;
        selectors[6] = handler.drive.selector;
        selectors[7] = handler.appeal.selector;
        selectors[8] = handler.conclude.selector;
        selectors[9] = handler.pass.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), selectors);
    }

    /// P0: the registry holds exactly what is bonded or unbonding; what came in left by unbonding or slashing.
    function invariant_registryIsSolvent() public view {
        Providers registry = handler.registry();
        uint256 held = handler.money().balanceOf(address(registry));
        assertEq(registry.slashable(handler.accused()), held, 'P0: stake and holdings');
        assertEq(handler.bonded(), handler.unbonded() + handler.slashed() + held, 'P0: in and out');
        assertTrue(handler.burnedBySlash() * 2 >= handler.slashed(), 'P2: at least half burned');
    }

    /// D0: the court holds exactly the bonds of running disputes and what it owes.
    function invariant_courtIsSolvent() public view {
        Disputes court = handler.court();
        uint256 held = handler.money().balanceOf(address(court));
        assertEq(handler.allOwed() + handler.allAtStake(), held, 'D0: liabilities and holdings');
        assertEq(handler.disputeMoneyIn(), held, 'D0: in');
    }

    /// P3: as many locks as open disputes.
    function invariant_everyOpenDisputeLocks() public view {
        IProviders.Provider memory record = handler.registry().providerOf(handler.accused());
        assertEq(handler.openCount(), record.locks, 'P3: locks');
    }

    /// Two disputes over more than the stake, both driven to a guilty end: the walk gets where it should.
    function test_walk_reachesASlash() public {
        handler.open(1_000_000_000 - 1_000_000);
        handler.open(900_000_000 - 1_000_000);
        for (uint256 i = 0; i < 2; ++i) {
            handler.drive(0, true);
            handler.drive(1, true);
        }
        assertEq(1_000_000_000, handler.slashed(), 'slashed');
        invariant_registryIsSolvent();
        invariant_courtIsSolvent();
        invariant_everyOpenDisputeLocks();
    }
}
