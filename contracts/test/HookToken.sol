// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from '@openzeppelin/contracts/token/ERC20/ERC20.sol';

/// @title A token that, when armed, makes one call of its own in the middle of the next transfer. It asks nobody's leave.
contract HookToken is ERC20 {
    address private target;
    bytes private message;
    bool public called;
    bytes public answer;

    constructor() ERC20('Hook', 'HOOK') {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function arm(address target_, bytes calldata message_) external {
        (target, message) = (target_, message_);
        (called, answer) = (false, '');
    }

    /// @dev Anybody's word is good enough for it.
    function receiveWithAuthorization(
        address from,
        address to,
        uint256 amount,
        uint256,
        uint256,
        bytes32,
        uint8,
        bytes32,
        bytes32
    ) external {
        _transfer(from, to, amount);
    }

    function allowance(address, address) public pure override returns (uint256) {
        return type(uint256).max;
    }

    function _update(address from, address to, uint256 amount) internal override {
        super._update(from, to, amount);
        if (target == address(0)) return;
        address victim = target;
        target = address(0);
        called = true;
        (, answer) = victim.call(message);
    }
}
