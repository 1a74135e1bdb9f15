"""A small Llama: RMSNorm, rotary positions on interleaved pairs, SwiGLU, tied embeddings (arXiv 2302.13971)."""

import dataclasses
import math

import torch
from torch import nn
from torch.nn import functional as F


@dataclasses.dataclass(frozen=True)
class Shape:
    vocab: int = 1024
    width: int = 160
    layers: int = 4
    heads: int = 5
    hidden: int = 432
    context: int = 512
    rope_base: float = 10000.0
    epsilon: float = 1e-5


class Norm(nn.Module):
    def __init__(self, width: int, epsilon: float):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.epsilon = epsilon

    def forward(self, x):
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.epsilon) * self.weight


def rotate(x, cos, sin):
    """Rotates the pairs (0,1), (2,3)… of the last dimension: the order GGUF's llama expects, so nothing is permuted."""
    even, odd = x[..., 0::2], x[..., 1::2]
    return torch.stack((even * cos - odd * sin, even * sin + odd * cos), -1).flatten(-2)


class Block(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        self.heads = shape.heads
        linear = lambda a, b: nn.Linear(a, b, bias=False)
        self.attn_norm, self.ffn_norm = Norm(shape.width, shape.epsilon), Norm(shape.width, shape.epsilon)
        self.q, self.k, self.v, self.o = (linear(shape.width, shape.width) for _ in range(4))
        self.gate, self.up, self.down = linear(shape.width, shape.hidden), linear(shape.width, shape.hidden), linear(shape.hidden, shape.width)

    def forward(self, x, cos, sin, mask, past=None):
        b, t, width = x.shape
        split = lambda y: y.view(b, t, self.heads, -1).transpose(1, 2)
        h = self.attn_norm(x)
        q, k, v = rotate(split(self.q(h)), cos, sin), rotate(split(self.k(h)), cos, sin), split(self.v(h))
        if past is not None:
            k, v = torch.cat((past[0], k), 2), torch.cat((past[1], v), 2)
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        if mask is not None:
            scores = scores + mask
        x = x + self.o((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, t, width))
        h = self.ffn_norm(x)
        return x + self.down(F.silu(self.gate(h)) * self.up(h)), (k, v)


class Llama(nn.Module):
    def __init__(self, shape: Shape):
        super().__init__()
        self.shape = shape
        self.embed = nn.Embedding(shape.vocab, shape.width)
        self.blocks = nn.ModuleList(Block(shape) for _ in range(shape.layers))
        self.norm = Norm(shape.width, shape.epsilon)
        size = shape.width // shape.heads
        frequency = shape.rope_base ** (-torch.arange(0, size, 2).float() / size)
        angle = torch.outer(torch.arange(shape.context).float(), frequency)
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)
        mask = torch.full((shape.context, shape.context), float("-inf")).triu(1)
        self.register_buffer("mask", mask, persistent=False)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                deep = name.endswith(("o.weight", "down.weight"))
                nn.init.normal_(parameter, std=0.04 / (math.sqrt(2 * shape.layers) if deep else 1))

    def hidden(self, ids, past=None, start: int = 0):
        """The last layer's normed state [batch, time, width] and the keys and values of each layer."""
        t = ids.shape[1]
        cos, sin = self.cos[start : start + t], self.sin[start : start + t]
        mask = self.mask[:t, :t] if t > 1 else None
        x, kept = self.embed(ids), []
        for i, block in enumerate(self.blocks):
            x, new = block(x, cos, sin, mask, past[i] if past else None)
            kept.append(new)
        return self.norm(x), kept

    def forward(self, ids, past=None, start: int = 0):
        """Logits [batch, time, vocab] and the keys and values of each layer."""
        x, kept = self.hidden(ids, past, start)
        return F.linear(x, self.embed.weight), kept

    @torch.no_grad()
    def generate(self, prompt: list, tokens_max: int, stop: int, choose) -> list:
        """The continuation that choose(logits) picks, without the stop token."""
        logits, past = self(torch.tensor([prompt]))
        out = []
        while len(out) < tokens_max and len(prompt) + len(out) < self.shape.context:
            token = choose(logits[0, -1])
            if token == stop:
                break
            out.append(token)
            logits, past = self(torch.tensor([[token]]), past, len(prompt) + len(out) - 1)
        return out


def greedy(logits) -> int:
    return int(logits.argmax())


def sampler(temperature: float, top_p: float, seed: int):
    """Draws from the smallest set of tokens that holds top_p of the probability (arXiv 1904.09751)."""
    source = torch.Generator().manual_seed(seed)

    def choose(logits) -> int:
        shares, ids = (logits / temperature).softmax(-1).sort(descending=True)
        shares = shares * ((shares.cumsum(0) - shares) < top_p)
        return int(ids[torch.multinomial(shares, 1, generator=source)])

    return choose
