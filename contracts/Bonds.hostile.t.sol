// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ReentrancyGuardTransient} from '@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol';
import {Disputes} from './Disputes.sol';
import {IDisputes} from './IDisputes.sol';
import {Authorization, Intake, Permit} from './Intake.sol';
import {Providers} from './Providers.sol';
import {Validators} from './Validators.sol';
import {DisputesFixture} from './test/DisputesFixture.sol';
import {HookToken} from './test/HookToken.sol';
import {HostileToken} from './test/HostileToken.sol';

/// A bond token that calls back in the middle of a transfer: from every function of registry and court that moves tokens,
/// into every function of either that moves money.
contract BondsReentrancyTest is DisputesFixture {
    uint256 private constant OUTER = 8;
    /// A tenth of the stake, and of what this test adds to it.
    uint128 private constant ASKED = PENALTY + 100;
    HookToken private hook;
    uint256 private receipts;

    function setUp() public override {
        super.setUp();
        hook = new HookToken();
        hook.mint(provider, 1_000_000_000_000);
        hook.mint(CHALLENGER, 1_000_000_000_000);
        providers = new Providers(GOVERNOR, address(hook), 50_000_000);
        disputes = new Disputes(GOVERNOR, providers);
        bytes[] memory calls = new bytes[](6);
        calls[0] = abi.encodeCall(Disputes.switchOn, ());
        for (uint256 i = 1; i < 6; ++i) calls[i] = abi.encodeCall(Validators.addValidator, (validator(i)));
        governAll(disputes, calls);
        appoint(address(disputes));
        vm.prank(provider);
        providers.bond(STAKE);
    }

    function test_everyDoor_isBarredDuringEveryTransfer() public {
        for (uint256 i = 0; i < OUTER; ++i) {
            for (uint256 j = 0; j < 8; ++j) {
                (address outer, address caller, bytes memory call) = outerCall(i);
                (address inner, bytes memory door) = doorOf(j);
                // A deposit of the one may well happen during a deposit of the other: they share no books.
                if (inner != outer && i != 4) continue;
                hook.arm(inner, door);
                vm.prank(caller);
                (bool done, ) = outer.call(call);
                assertTrue(done, 'the outer call');
                assertTrue(hook.called(), 'the hook was called');
                bytes4 expected = ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector;
                assertEq(bytes32(expected), bytes32(bytes4(hook.answer())), 'barred');
            }
        }
    }

    /// A call that moves tokens, made ready. The fifth is a slash: court, registry and token one inside the other.
    function outerCall(uint256 kind) private returns (address target, address caller, bytes memory call) {
        Permit memory allowed;
        Authorization memory given;
        given.signature = new bytes(65);
        if (kind == 0) return (address(providers), provider, abi.encodeCall(Providers.bond, (10)));
        if (kind == 1) return (address(providers), provider, abi.encodeCall(Providers.bondWithPermit, (10, allowed)));
        if (kind == 2) {
            return (
                address(providers),
                stranger,
                abi.encodeCall(Providers.bondWithAuthorization, (provider, 10, given))
            );
        }
        if (kind == 3) {
            vm.prank(provider);
            providers.unbond(10);
            vm.warp(present() + 46 days);
            return (address(providers), stranger, abi.encodeCall(Providers.withdrawBond, (provider)));
        }
        bytes32 receipt = bytes32(++receipts);
        if (kind == 5) {
            return (address(disputes), CHALLENGER, abi.encodeCall(Disputes.open, (provider, receipt, ASKED)));
        }
        vm.prank(CHALLENGER);
        uint256 id = disputes.open(provider, receipt, ASKED);
        vm.prank(provider);
        disputes.answer(id, 'answer');
        if (kind != 7) castMany(id, 1, 3, 0);
        passWindow(id);
        disputes.conclude(id);
        if (kind == 7) return (address(disputes), stranger, abi.encodeCall(Disputes.collect, (CHALLENGER)));
        if (kind == 6) return (address(disputes), provider, abi.encodeCall(Disputes.appeal, (id)));
        passWindow(id);
        return (address(disputes), stranger, abi.encodeCall(Disputes.conclude, (id)));
    }

    function doorOf(uint256 which) private view returns (address target, bytes memory call) {
        Permit memory allowed;
        Authorization memory given;
        if (which == 0) return (address(providers), abi.encodeCall(Providers.bond, (10)));
        if (which == 1) return (address(providers), abi.encodeCall(Providers.bondWithPermit, (10, allowed)));
        if (which == 2) {
            return (address(providers), abi.encodeCall(Providers.bondWithAuthorization, (provider, 10, given)));
        }
        if (which == 3) return (address(providers), abi.encodeCall(Providers.withdrawBond, (provider)));
        if (which == 4) return (address(disputes), abi.encodeCall(Disputes.open, (provider, 'inner', ASKED)));
        if (which == 5) return (address(disputes), abi.encodeCall(Disputes.conclude, (1)));
        if (which == 6) return (address(disputes), abi.encodeCall(Disputes.appeal, (1)));
        return (address(disputes), abi.encodeCall(Disputes.collect, (CHALLENGER)));
    }
}

/// Bond tokens with bad habits.
contract BondsHostileTokenTest is DisputesFixture {
    HostileToken private hostile;

    function setUp() public override {
        super.setUp();
        hostile = new HostileToken();
        hostile.mint(provider, 1_000_000_000);
        providers = new Providers(GOVERNOR, address(hostile), 0);
    }

    function test_feeOnTransfer_isRefused() public {
        hostile.setFee(1);
        vm.prank(provider);
        vm.expectRevert(abi.encodeWithSelector(Intake.TransferMismatch.selector, 100, 99));
        providers.bond(100);
        assertEq(0, stakeInAll(provider), 'stake');
    }

    function test_balanceThatFalls_isRefused() public {
        vm.prank(provider);
        providers.bond(100);
        hostile.setMode(HostileToken.Mode.Shrinking);
        vm.prank(provider);
        vm.expectRevert(abi.encodeWithSelector(Intake.TransferMismatch.selector, 100, 0));
        providers.bond(100);
    }

    function test_blockedProvider_waitsAndLosesNothing() public {
        vm.startPrank(provider);
        providers.bond(100);
        providers.unbond(100);
        vm.stopPrank();
        vm.warp(present() + 21 days);
        hostile.setBlocked(provider, true);
        vm.expectRevert();
        providers.withdrawBond(provider);
        hostile.setBlocked(provider, false);
        assertEq(100, providers.withdrawBond(provider), 'amount');
    }

    /// Whom the token refuses is credited all the same: a verdict waits for nobody.
    function test_blockedChallenger_cannotStopAConviction() public {
        hostile.mint(provider, 10 * STAKE);
        hostile.mint(CHALLENGER, STAKE);
        disputes = new Disputes(GOVERNOR, providers);
        bytes[] memory calls = new bytes[](4);
        calls[0] = abi.encodeCall(Disputes.switchOn, ());
        for (uint256 i = 1; i < 4; ++i) calls[i] = abi.encodeCall(Validators.addValidator, (validator(i)));
        governAll(disputes, calls);
        appoint(address(disputes));
        vm.prank(provider);
        providers.bond(STAKE);
        uint256 id = convicted();
        hostile.setBlocked(CHALLENGER, true);
        hostile.setBlocked(validator(1), true);
        passWindow(id);
        disputes.conclude(id);
        assertEnded(id, IDisputes.Outcome.Guilty);
        vm.expectRevert();
        disputes.collect(CHALLENGER);
        assertTrue(disputes.collect(validator(2)) != 0, 'others are paid');
    }
}
