// Generated from the contracts by `npm run contracts:generate`. Do not edit.

/** EIP-712 domain of channel messages; add `chainId` and `verifyingContract`. */
export const channelsDomain = {
  "name": "Tabloom Channels",
  "version": "1"
} as const;
export const channelsTypes = {
  "Voucher": [
    {
      "name": "channelId",
      "type": "bytes32"
    },
    {
      "name": "cumulativeAmount",
      "type": "uint128"
    }
  ],
  "Close": [
    {
      "name": "channelId",
      "type": "bytes32"
    },
    {
      "name": "finalAmount",
      "type": "uint128"
    }
  ],
  "Withdrawal": [
    {
      "name": "channelId",
      "type": "bytes32"
    },
    {
      "name": "sponsor",
      "type": "address"
    },
    {
      "name": "fee",
      "type": "uint96"
    }
  ],
  "ClaimOrder": [
    {
      "name": "providerSigner",
      "type": "address"
    },
    {
      "name": "relay",
      "type": "address"
    },
    {
      "name": "feePerClaim",
      "type": "uint128"
    },
    {
      "name": "validBefore",
      "type": "uint48"
    },
    {
      "name": "claimsHash",
      "type": "bytes32"
    }
  ],
  "SettleOrder": [
    {
      "name": "payee",
      "type": "address"
    },
    {
      "name": "token",
      "type": "address"
    },
    {
      "name": "sponsor",
      "type": "address"
    },
    {
      "name": "fee",
      "type": "uint96"
    },
    {
      "name": "payeeMin",
      "type": "uint128"
    },
    {
      "name": "validBefore",
      "type": "uint48"
    },
    {
      "name": "nonce",
      "type": "uint256"
    }
  ]
} as const;

/** EIP-712 domain of validators' votes; add `chainId` and `verifyingContract`. */
export const disputesDomain = {
  "name": "Tabloom Disputes",
  "version": "1"
} as const;
export const disputesTypes = {
  "Vote": [
    {
      "name": "disputeId",
      "type": "uint256"
    },
    {
      "name": "round",
      "type": "uint8"
    },
    {
      "name": "verdict",
      "type": "uint8"
    },
    {
      "name": "validator",
      "type": "address"
    }
  ]
} as const;

/** Signed under the token's own domain: name and version of the chain's token entry. */
export const tokenTypes = {
  "ReceiveWithAuthorization": [
    {
      "name": "from",
      "type": "address"
    },
    {
      "name": "to",
      "type": "address"
    },
    {
      "name": "value",
      "type": "uint256"
    },
    {
      "name": "validAfter",
      "type": "uint256"
    },
    {
      "name": "validBefore",
      "type": "uint256"
    },
    {
      "name": "nonce",
      "type": "bytes32"
    }
  ],
  "Permit": [
    {
      "name": "owner",
      "type": "address"
    },
    {
      "name": "spender",
      "type": "address"
    },
    {
      "name": "value",
      "type": "uint256"
    },
    {
      "name": "nonce",
      "type": "uint256"
    },
    {
      "name": "deadline",
      "type": "uint256"
    }
  ]
} as const;
