// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Channels} from './Channels.sol';
import {IChannels} from './IChannels.sol';
import {TestUSDC} from './tokens/TestUSDC.sol';
import {ChannelsFixture} from './test/ChannelsFixture.sol';
import {Wallet} from './test/Wallets.sol';

contract ClaimsTest is ChannelsFixture {
    function test_claim_splitsNinetyToTen() public {
        IChannels.Channel memory channel = opened(1);
        vm.expectEmit(address(channels));
        emit IChannels.Claimed(idOf(channel), 1_000, 100);
        claimed(channel, 1_000);
        assertState(channel, DEPOSIT, 1_000, 0);
        assertEq(900, owed(provider), 'provider');
        assertEq(100, owed(TREASURY), 'treasury');
        assertEq(DEPOSIT, token.balanceOf(address(channels)), 'nothing moved');
    }

    function test_claim_creditsTheDifferenceOnly() public {
        IChannels.Channel memory channel = opened(1);
        claimed(channel, 1_000);
        claimed(channel, 1_500);
        assertEq(1_350, owed(provider), 'provider');
        assertEq(150, owed(TREASURY), 'treasury');
        claimed(channel, DEPOSIT);
        assertEq(DEPOSIT, owed(provider) + owed(TREASURY), 'all');
    }

    function test_claim_roundsInTheProvidersFavour() public {
        IChannels.Channel memory channel = opened(1);
        claimed(channel, 9);
        assertEq(0, owed(TREASURY), 'treasury of 9');
        assertEq(9, owed(provider), 'provider of 9');
        claimed(channel, 10);
        assertEq(1, owed(TREASURY), 'treasury of 10');
        assertEq(9, owed(provider), 'provider of 10');
        claimed(channel, 19);
        assertEq(1, owed(TREASURY), 'treasury of 19');
    }

    function testFuzz_claim_isExactHoweverItIsCutUp(uint104 total, uint8 cuts, uint16 share, uint256 seed) public {
        share = uint16(within(share, 0, 2_000));
        channels = new Channels(GOVERNOR, TREASURY, share);
        total = uint104(within(total, 1, type(uint104).max));
        fund(payer, total);
        IChannels.Channel memory channel = sessionChannel(1);
        openAs(channel, total);
        uint256 reached = 0;
        for (uint256 i = 0; i < cuts % 8 && reached < total; ++i) {
            reached = within(uint256(keccak256(abi.encode(seed, i))), reached + 1, total);
            claimed(channel, uint128(reached));
            assertEq((reached * share) / 10_000, owed(TREASURY), 'treasury');
            assertEq(reached, owed(TREASURY) + owed(provider), 'sum');
        }
    }

    function test_claim_skipsReplays() public {
        IChannels.Channel memory channel = opened(1);
        IChannels.Claim memory given = claimOf(channel, 1_000);
        assertEq(1, channels.claim(one(given)), 'accepted');
        assertRefused(given, IChannels.Refusal.Stale);
        assertRefused(claimOf(channel, 999), IChannels.Refusal.Stale);
        assertRefused(claimOf(channel, 0), IChannels.Refusal.Stale);
    }

    function test_claim_skipsReplaysWithinABatch() public {
        IChannels.Channel memory channel = opened(1);
        IChannels.Claim[] memory list = new IChannels.Claim[](3);
        (list[0], list[1], list[2]) = (claimOf(channel, 10), claimOf(channel, 10), claimOf(channel, 20));
        assertEq(2, channels.claim(list), 'accepted');
        assertEq(20, owed(provider) + owed(TREASURY), 'owed');
    }

    function test_claim_skipsOverdrawn() public {
        IChannels.Channel memory channel = opened(1);
        opened(2);
        assertRefused(claimOf(channel, DEPOSIT + 1), IChannels.Refusal.Overdrawn);
        assertRefused(claimOf(channel, type(uint128).max), IChannels.Refusal.Overdrawn);
        claimed(channel, DEPOSIT);
    }

    /// Amounts whose lower bits are fine: what does not fit a balance must not be cut to fit.
    function test_claim_skipsWhatABalanceCannotHold() public {
        IChannels.Channel memory channel = opened(1);
        claimed(channel, 3);
        uint128[3] memory wide = [uint128(1 << 104), (1 << 104) + 5, (1 << 127) + 5];
        for (uint256 i = 0; i < 3; ++i) assertRefused(claimOf(channel, wide[i]), IChannels.Refusal.Overdrawn);
        assertState(channel, DEPOSIT, 3, 0);
    }

    function test_claim_takesAllThatABalanceCanHold() public {
        uint104 most = type(uint104).max;
        fund(payer, most);
        IChannels.Channel memory channel = sessionChannel(1);
        openAs(channel, most);
        claimed(channel, most - 1);
        claimed(channel, most);
        assertRefused(claimOf(channel, uint128(most) + 1), IChannels.Refusal.Overdrawn);
        assertState(channel, most, most, 0);
        assertEq(uint256(most) / 10, owed(TREASURY), 'treasury');
        assertEq(most, owed(TREASURY) + owed(provider), 'sum');
    }

    /// The figures of the events: the total and not the difference, and of a refusal what was asked for.
    function test_claim_saysTotalsAndWhatItSkipped() public {
        IChannels.Channel memory channel = opened(1);
        claimed(channel, 1_009);
        vm.expectEmit(address(channels));
        emit IChannels.Claimed(idOf(channel), 2_020, 102);
        claimed(channel, 2_020);
        IChannels.Claim[] memory list = one(claimOf(channel, 1_234));
        vm.expectEmit(address(channels));
        emit IChannels.ClaimSkipped(idOf(channel), IChannels.Refusal.Stale, 1_234);
        channels.claim(list);
        list = one(claimOf(channel, DEPOSIT + 77));
        vm.expectEmit(address(channels));
        emit IChannels.ClaimSkipped(idOf(channel), IChannels.Refusal.Overdrawn, DEPOSIT + 77);
        channels.claim(list);
    }

    function test_claim_skipsMissingAndEnded() public {
        IChannels.Channel memory channel = sessionChannel(1);
        assertRefused(claimOf(channel, 1), IChannels.Refusal.ChannelMissing);
        openAs(channel, DEPOSIT);
        channels.close(channel, 0, '', closeSignature(TAB_KEY, idOf(channel), 0));
        assertRefused(claimOf(channel, 1), IChannels.Refusal.ChannelClosed);
    }

    function test_claim_skipsAnotherChannelsVoucher() public {
        IChannels.Channel memory channel = opened(1);
        IChannels.Claim memory given = claimOf(channel, 1_000);
        given.channel = opened(2);
        assertRefused(given, IChannels.Refusal.BadSignature);
    }

    function test_claim_skipsAnotherAmountsVoucher() public {
        IChannels.Claim memory given = claimOf(opened(1), 1_000);
        given.cumulativeAmount = 1_001;
        assertRefused(given, IChannels.Refusal.BadSignature);
    }

    function test_claim_skipsOtherKeys() public {
        IChannels.Claim memory given = claimOf(opened(1), 1_000);
        bytes32 digest = ours(voucherHash(idOf(given.channel), 1_000));
        uint256[4] memory keys = [PAYER_KEY, PROVIDER_KEY, TAB_KEY, STRANGER_KEY];
        for (uint256 i = 0; i < 4; ++i) {
            given.signature = signed(keys[i], digest);
            assertRefused(given, IChannels.Refusal.BadSignature);
        }
    }

    function test_claim_skipsVouchersOfAnotherContract() public {
        Channels twin = new Channels(GOVERNOR, TREASURY, 1_000);
        IChannels.Claim memory given = claimOf(opened(1), 1_000);
        bytes32 structHash = voucherHash(idOf(given.channel), 1_000);
        given.signature = signed(SESSION_KEY, typed(domainOf(block.chainid, address(twin)), structHash));
        assertRefused(given, IChannels.Refusal.BadSignature);
        given.signature = signed(
            SESSION_KEY,
            typed(domain('Tabloom Disputes', '1', block.chainid, address(channels)), structHash)
        );
        assertRefused(given, IChannels.Refusal.BadSignature);
        given.signature = signed(
            SESSION_KEY,
            typed(domain('Tabloom Channels', '2', block.chainid, address(channels)), structHash)
        );
        assertRefused(given, IChannels.Refusal.BadSignature);
    }

    /// Vouchers under a domain that leaves out what ties them down: good nowhere, rather than everywhere.
    function test_claim_skipsVouchersOfNoContractOrChain() public {
        IChannels.Claim memory given = claimOf(opened(1), 1_000);
        bytes32 structHash = voucherHash(idOf(given.channel), 1_000);
        bytes32 name = keccak256('Tabloom Channels');
        bytes32 version = keccak256('1');
        bytes32 kind = keccak256('EIP712Domain(string name,string version,uint256 chainId)');
        bytes32 separator = keccak256(abi.encode(kind, name, version, block.chainid));
        given.signature = signed(SESSION_KEY, typed(separator, structHash));
        assertRefused(given, IChannels.Refusal.BadSignature);
        kind = keccak256('EIP712Domain(string name,string version,address verifyingContract)');
        separator = keccak256(abi.encode(kind, name, version, address(channels)));
        given.signature = signed(SESSION_KEY, typed(separator, structHash));
        assertRefused(given, IChannels.Refusal.BadSignature);
    }

    /// What the same key signed to other ends, with the same words in it.
    function test_claim_skipsOtherMessages() public {
        IChannels.Claim memory given = claimOf(opened(1), 1_000);
        given.signature = closeSignature(SESSION_KEY, idOf(given.channel), 1_000);
        assertRefused(given, IChannels.Refusal.BadSignature);
        given.signature = withdrawalSignature(SESSION_KEY, idOf(given.channel));
        assertRefused(given, IChannels.Refusal.BadSignature);
    }

    function test_claim_skipsVouchersOfAnotherChain() public {
        IChannels.Claim memory given = claimOf(opened(1), 1_000);
        bytes32 structHash = voucherHash(idOf(given.channel), 1_000);
        given.signature = signed(SESSION_KEY, typed(domainOf(8453, address(channels)), structHash));
        assertRefused(given, IChannels.Refusal.BadSignature);
        // And after a fork of this very chain: the domain moves along.
        given.signature = voucher(given.channel, 1_000);
        vm.chainId(1337);
        assertRefused(given, IChannels.Refusal.BadSignature);
        claimed(given.channel, 1_000);
    }

    function test_claim_skipsMalformedSignatures() public {
        IChannels.Claim memory given = claimOf(opened(1), 1_000);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(SESSION_KEY, ours(voucherHash(idOf(given.channel), 1_000)));
        bytes32 high = bytes32(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141 - uint256(s));
        bytes[6] memory wrong = [
            bytes(''),
            abi.encodePacked(r, s),
            abi.encodePacked(r, s, v, uint8(0)),
            abi.encodePacked(r, high, v == 27 ? uint8(28) : uint8(27)),
            abi.encodePacked(r, s, v - 27),
            new bytes(65)
        ];
        for (uint256 i = 0; i < wrong.length; ++i) {
            given.signature = wrong[i];
            assertRefused(given, IChannels.Refusal.BadSignature);
        }
    }

    function testFuzz_claim_skipsNoise(bytes calldata noise, uint128 amount) public {
        IChannels.Claim memory given = IChannels.Claim(opened(1), uint128(within(amount, 1, DEPOSIT)), noise);
        assertRefused(given, IChannels.Refusal.BadSignature);
    }

    function test_claim_trustsAContractWallet() public {
        IChannels.Channel memory channel = walletChannel(Wallet.Mood.Honest);
        IChannels.Claim memory given = claimOf(channel, 1_000);
        given.signature = abi.encodePacked(given.signature, 'and more');
        assertEq(1, channels.claim(one(given)), 'accepted');
        given = claimOf(channel, 2_000);
        given.signature = signed(STRANGER_KEY, ours(voucherHash(idOf(channel), 2_000)));
        assertRefused(given, IChannels.Refusal.BadSignature);
    }

    function test_claim_isNotStoppedByHostileWallets() public {
        IChannels.Claim[] memory list = new IChannels.Claim[](8);
        for (uint256 i = 0; i < 6; ++i) {
            Wallet.Mood mood = Wallet.Mood(i + 1);
            list[i + 1] = claimOf(walletChannel(mood), 1_000);
        }
        (list[0], list[7]) = (claimOf(opened(1), 10), claimOf(opened(2), 20));
        // Plenty for eight claims of which one burns its 100,000; nothing, were it to burn all but a sixty-fourth.
        assertEq(2, channels.claim{gas: 1_000_000}(list), 'accepted');
        for (uint256 i = 1; i < 7; ++i) assertRefused(list[i], IChannels.Refusal.BadSignature);
        assertEq(30, owed(provider) + owed(TREASURY), 'owed');
    }

    function test_claim_isForAnybodyInASession() public {
        IChannels.Channel memory channel = opened(1);
        IChannels.Claim[] memory list = one(claimOf(channel, 1_000));
        vm.prank(stranger);
        assertEq(1, channels.claim(list), 'accepted');
        assertEq(900, owed(provider), 'provider');
        assertEq(0, owed(stranger), 'stranger');
    }

    function test_claim_limitsTheBatch() public {
        IChannels.Claim[] memory none = new IChannels.Claim[](0);
        assertEq(0, channels.claim(none), 'accepted');
        IChannels.Claim[] memory most = new IChannels.Claim[](100);
        IChannels.Claim memory given = claimOf(sessionChannel(1), 1);
        for (uint256 i = 0; i < 100; ++i) most[i] = given;
        assertEq(0, channels.claim(most), 'accepted');
        IChannels.Claim[] memory tooMany = new IChannels.Claim[](101);
        for (uint256 i = 0; i < 101; ++i) tooMany[i] = given;
        vm.expectRevert(abi.encodeWithSelector(IChannels.BatchTooLong.selector, 100, 101));
        channels.claim(tooMany);
    }

    function test_claim_keepsProvidersAndTokensApart() public {
        TestUSDC other = new TestUSDC();
        other.mint(payer, DEPOSIT);
        vm.prank(payer);
        other.approve(address(channels), DEPOSIT);
        IChannels.Claim[] memory list = new IChannels.Claim[](6);
        list[0] = claimOf(opened(1), 100);
        list[1] = claimOf(opened(2), 200);
        IChannels.Channel memory channel = sessionChannel(3);
        channel.provider = stranger;
        openAs(channel, DEPOSIT);
        list[2] = claimOf(channel, 400);
        channel = sessionChannel(4);
        channel.token = address(other);
        openAs(channel, DEPOSIT);
        list[3] = claimOf(channel, 800);
        list[4] = claimOf(sessionChannel(9), 1);
        list[5] = claimOf(opened(5), 1_600);
        assertEq(5, channels.claim(list), 'accepted');
        assertEq(90 + 180 + 1_440, owed(provider), 'provider');
        assertEq(360, owed(stranger), 'the other provider');
        assertEq(10 + 20 + 40 + 160, owed(TREASURY), 'treasury');
        assertEq(720, channels.owed(address(other), provider), 'provider, other token');
        assertEq(80, channels.owed(address(other), TREASURY), 'treasury, other token');
    }

    function testFuzz_claim_ofABatchIsTheSumOfItsClaims(uint256 seed, uint8 size) public {
        uint256 length = within(size, 1, 20);
        IChannels.Claim[] memory list = new IChannels.Claim[](length);
        uint256 sum = 0;
        uint256 part = 0;
        for (uint256 i = 0; i < length; ++i) {
            uint128 amount = uint128(within(uint256(keccak256(abi.encode(seed, i))), 1, DEPOSIT));
            list[i] = claimOf(opened(i), amount);
            sum += amount;
            part += amount / 10;
        }
        assertEq(length, channels.claim(list), 'accepted');
        assertEq(part, owed(TREASURY), 'treasury');
        assertEq(sum - part, owed(provider), 'provider');
    }

    function walletChannel(Wallet.Mood mood) private returns (IChannels.Channel memory channel) {
        channel = sessionChannel(100 + uint256(mood));
        channel.payerSigner = address(new Wallet(SESSION_KEY, mood));
        openAs(channel, DEPOSIT);
    }
}
