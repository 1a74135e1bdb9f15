// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IProviders} from './IProviders.sol';
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
        bytes4[] memory selectors = new bytes4[](16);
        selectors[0] = handler.bond.selector;
        selectors[1] = handler.unbond.selector;
        selectors[2] = handler.withdrawBond.selector;
        selectors[3] = handler.open.selector;
        selectors[4] = handler.openTwice.selector;
        selectors[5] = handler.answer.selector;
        selectors[6] = handler.vote.selector;
        selectors[7] = handler.drive.selector;
        selectors[8] = handler.appeal.selector;
        selectors[9] = handler.conclude.selector;
        selectors[10] = handler.collect.selector;
        selectors[11] = handler.pass.selector;
        selectors[12] = handler.replace.selector;
        selectors[13] = handler.seize.selector;
        selectors[14] = handler.intrude.selector;
        selectors[15] = handler.release.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(handler), selectors);
    }

    /// P0: the registry holds exactly what is bonded or unbonding; what came in left by unbonding or slashing.
    function invariant_registryIsSolvent() public view {
        IProviders.Provider memory record = handler.registry().providerOf(handler.accused());
        uint256 held = handler.money().balanceOf(address(handler.registry()));
        assertEq(uint256(record.stake) + record.unbonding, held, 'P0: stake and holdings');
        assertEq(handler.bonded(), handler.unbonded() + handler.slashed() + held, 'P0: in and out');
        assertTrue(handler.burnedBySlash() * 2 >= handler.slashed(), 'P2: at least half burned');
    }

    /// D0: the court holds exactly the bonds of running disputes and what it owes.
    function invariant_courtIsSolvent() public view {
        uint256 held = handler.money().balanceOf(address(handler.court()));
        assertEq(handler.allOwed() + handler.allAtStake(), held, 'D0: liabilities and holdings');
        assertEq(handler.disputeMoneyIn(), handler.disputeMoneyOut() + held, 'D0: in and out');
    }

    /// P3: as many locks as open disputes.
    function invariant_everyOpenDisputeLocks() public view {
        IProviders.Provider memory record = handler.registry().providerOf(handler.accused());
        assertEq(handler.running(), record.locks, 'P3: locks');
    }

    /// Two disputes over more than the stake, both driven to a guilty end: the walk gets where it should.
    function test_walk_reachesASlash() public {
        handler.open(1_000_000_000 - 50_000_000);
        handler.open(900_000_000 - 50_000_000);
        for (uint256 i = 0; i < 2; ++i) {
            handler.drive(0, true, 1);
            handler.drive(1, true, 1);
        }
        assertEq(1_000_000_000, handler.slashed(), 'slashed');
        invariant_registryIsSolvent();
        invariant_courtIsSolvent();
        invariant_everyOpenDisputeLocks();
    }

    /// And an appeal, a dispute contract gone bad, and whatever it can take of one who stays.
    function test_walk_reachesAnAppealAndASeizure() public {
        handler.bond(5, 0);
        handler.bond(5, 1);
        handler.bond(5, 2);
        handler.open(101_000_000 - 50_000_000);
        handler.drive(0, true, 1);
        handler.appeal(0);
        handler.drive(0, true, 3);
        assertEq(101_000_000, handler.slashed(), 'slashed');
        for (uint256 i = 0; i < 12; ++i) handler.collect(i);
        assertEq(handler.disputeMoneyIn(), handler.disputeMoneyOut(), 'collected');
        handler.replace(8);
        handler.seize(1_000, 1 days);
        assertEq(101_000_000, handler.slashed(), 'not yet');
        for (uint256 i = 0; i < 7; ++i) handler.pass(3 days - 1 hours);
        handler.pass(10 hours);
        handler.seize(1_000, 1 days);
        assertEq(101_001_000, handler.slashed(), 'seized');
        handler.unbond(1_000_000_015 - 101_001_000);
        invariant_registryIsSolvent();
        invariant_courtIsSolvent();
        invariant_everyOpenDisputeLocks();
    }
}
