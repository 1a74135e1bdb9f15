// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Disputes} from '../Disputes.sol';
import {IDisputes} from '../IDisputes.sol';
import {IProviders} from '../IProviders.sol';
import {Providers} from '../Providers.sol';
import {Governed} from '../Governed.sol';
import {Validators} from '../Validators.sol';
import {ChannelsFixture} from './ChannelsFixture.sol';

/// @title A bonded provider, a challenger with money, seven validators with keys, and disputes switched on.
abstract contract DisputesFixture is ChannelsFixture {
    uint128 internal constant STAKE = 1_000_000_000;
    uint128 internal constant PENALTY = 100_000_001;
    uint128 internal constant COUNTER_BOND = 10_000_000;
    bytes32 internal constant RECEIPT = 'receipt';
    address internal constant BURN = 0x000000000000000000000000000000000000dEaD;
    address internal constant CHALLENGER = address(0xc4a1);

    Providers internal providers;
    Disputes internal disputes;

    function setUp() public virtual override {
        super.setUp();
        providers = new Providers(GOVERNOR, address(token), 50_000_000);
        disputes = new Disputes(GOVERNOR, providers);
        allow(provider);
        allow(CHALLENGER);
        vm.prank(provider);
        providers.bond(STAKE);
        bytes[] memory calls = new bytes[](8);
        calls[0] = abi.encodeCall(Disputes.switchOn, ());
        for (uint256 i = 1; i < 8; ++i) calls[i] = abi.encodeCall(Validators.addValidator, (validator(i)));
        governAll(disputes, calls);
        appoint(address(disputes));
    }

    function allow(address who) internal {
        token.mint(who, 10_000_000_000);
        vm.startPrank(who);
        token.approve(address(providers), type(uint256).max);
        token.approve(address(disputes), type(uint256).max);
        vm.stopPrank();
    }

    function govern(Governed target, bytes memory call) internal {
        bytes[] memory calls = new bytes[](1);
        calls[0] = call;
        governAll(target, calls);
    }

    function governAll(Governed target, bytes[] memory calls) internal {
        for (uint256 i = 0; i < calls.length; ++i) {
            vm.prank(GOVERNOR);
            target.schedule(calls[i]);
        }
        vm.warp(present() + 7 days);
        for (uint256 i = 0; i < calls.length; ++i) target.execute(calls[i]);
    }

    /// @dev Names the dispute contract and waits until it is the one; validators registered before may vote by then.
    function appoint(address court) internal {
        govern(providers, abi.encodeCall(Providers.setDisputes, (court)));
        vm.warp(present() + 21 days);
    }

    function stakeInAll(address who) internal view returns (uint256) {
        IProviders.Provider memory record = providers.providerOf(who);
        return uint256(record.stake) + record.unbonding;
    }

    function validatorKey(uint256 index) internal pure returns (uint256) {
        return 0xacc000 + index;
    }

    function validator(uint256 index) internal pure returns (address) {
        return vm.addr(validatorKey(index));
    }

    function openDispute() internal returns (uint256 id) {
        vm.prank(CHALLENGER);
        id = disputes.open(provider, RECEIPT, PENALTY);
    }

    function answered() internal returns (uint256 id) {
        id = openDispute();
        vm.prank(provider);
        disputes.answer(id, 'answer');
    }

    function voteSignature(
        uint256 key,
        uint256 id,
        uint8 round,
        IDisputes.Verdict verdict
    ) internal view returns (bytes memory) {
        return voteSignatureOf(vm.addr(key), key, id, round, verdict);
    }

    function voteSignatureOf(
        address voter,
        uint256 key,
        uint256 id,
        uint8 round,
        IDisputes.Verdict verdict
    ) internal view returns (bytes memory) {
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256('Vote(uint256 disputeId,uint8 round,uint8 verdict,address validator)'),
                id,
                round,
                verdict,
                voter
            )
        );
        return signed(key, typed(domain('Tabloom Disputes', '1', block.chainid, address(disputes)), structHash));
    }

    function cast(uint256 index, uint256 id, uint8 round, IDisputes.Verdict verdict) internal {
        bytes memory signature = voteSignature(validatorKey(index), id, round, verdict);
        disputes.vote(id, round, verdict, validator(index), signature);
    }

    function castMany(uint256 id, uint8 round, uint256 guilty, uint256 innocent) internal {
        for (uint256 i = 1; i <= guilty; ++i) cast(i, id, round, IDisputes.Verdict.Guilty);
        for (uint256 i = guilty + 1; i <= guilty + innocent; ++i) cast(i, id, round, IDisputes.Verdict.Innocent);
    }

    function passWindow(uint256 id) internal {
        vm.warp(uint256(disputes.disputeAt(id).endsAt) + 1);
    }

    function convicted() internal returns (uint256 id) {
        id = answered();
        castMany(id, 1, 3, 0);
        passWindow(id);
        disputes.conclude(id);
    }

    function assertEnded(uint256 id, IDisputes.Outcome outcome) internal view {
        assertEnded(id, outcome, 0);
    }

    function assertEnded(uint256 id, IDisputes.Outcome outcome, uint256 locks) internal view {
        IDisputes.Dispute memory dispute = disputes.disputeAt(id);
        assertEq(uint256(IDisputes.Phase.Ended), uint256(dispute.phase), 'phase');
        assertEq(uint256(outcome), uint256(dispute.outcome), 'outcome');
        assertEq(locks, providers.providerOf(dispute.provider).locks, 'locks');
    }

    function assertAllCollected() internal {
        disputes.collect(CHALLENGER);
        disputes.collect(provider);
        disputes.collect(BURN);
        for (uint256 i = 1; i < 8; ++i) disputes.collect(validator(i));
        assertEq(0, token.balanceOf(address(disputes)), 'left in the contract');
    }

    function stakeOf(address who) internal view returns (IProviders.Provider memory) {
        return providers.providerOf(who);
    }
}
