"""Byte-level BPE as llama.cpp's "gpt-2" pre-tokenizer understands it: 3 special tokens, 256 bytes, merges up to 1,024.

Algorithm: Sennrich et al. 2016 (arXiv 1508.07909), bytes shown as printable characters as GPT-2 does.
"""

import collections
import json
import re

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
END_OF_TEXT, IM_START, IM_END = range(3)
VOCAB_SIZE = 1024
# The same as GPT-2's pattern for the scripts the corpus uses: [^\W\d_] are letters, \d digits.
PIECES = re.compile(r"'s|'t|'re|'ve|'m|'ll|'d| ?[^\W\d_]+| ?\d+| ?(?:[^\s\w]|_)+|\s+(?!\S)|\s+")
SPLIT = re.compile("(" + "|".join(map(re.escape, SPECIAL)) + ")")


def byte_characters() -> list:
    shown = list(range(33, 127)) + list(range(161, 173)) + list(range(174, 256))
    table, extra = {}, 0
    for byte in range(256):
        if byte in shown:
            table[byte] = chr(byte)
        else:
            table[byte], extra = chr(256 + extra), extra + 1
    return [table[byte] for byte in range(256)]


BYTES = byte_characters()
UNBYTES = {character: byte for byte, character in enumerate(BYTES)}


def has_digit(text: str) -> bool:
    return any("0" <= c <= "9" for c in text)


def train(texts, vocab_size: int = VOCAB_SIZE) -> list:
    """The merges, most frequent pair first; ties go to the smaller pair, so that a run repeats."""
    words = collections.Counter()
    for text in texts:
        for part in SPLIT.split(text):
            if part not in SPECIAL:
                words.update(PIECES.findall(part))
    splits = {word: [BYTES[b] for b in word.encode()] for word in words}
    merges = []
    while len(merges) < vocab_size - len(SPECIAL) - 256:
        pairs = collections.Counter()
        for word, count in words.items():
            parts = splits[word]
            for pair in zip(parts, parts[1:]):
                pairs[pair] += count
        # Digits stay single tokens: sums and counting generalise, and the vocabulary is left to words.
        allowed = ((c, p) for p, c in pairs.items() if not (has_digit(p[0]) and has_digit(p[1])))
        best = min(((-c, p) for c, p in allowed), default=None)
        if best is None:
            break
        left, right = best[1]
        merges.append((left, right))
        for word, parts in splits.items():
            if left in parts and right in parts:
                splits[word] = merge(parts, left, right)
    return merges


def merge(parts: list, left: str, right: str) -> list:
    out, i = [], 0
    while i < len(parts):
        if i + 1 < len(parts) and parts[i] == left and parts[i + 1] == right:
            out.append(left + right)
            i += 2
        else:
            out.append(parts[i])
            i += 1
    return out


class Tokenizer:
    def __init__(self, merges):
        self.merges = [tuple(pair) for pair in merges]
        self.tokens = SPECIAL + BYTES + [left + right for left, right in self.merges]
        self.ids = {token: i for i, token in enumerate(self.tokens)}
        self.ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        self.cache = {}

    def piece(self, text: str) -> list:
        if text not in self.cache:
            parts = [BYTES[b] for b in text.encode()]
            while len(parts) > 1:
                pair = min(zip(parts, parts[1:]), key=lambda p: self.ranks.get(p, 1 << 30))
                if pair not in self.ranks:
                    break
                parts = merge(parts, *pair)
            self.cache[text] = [self.ids[part] for part in parts]
        return self.cache[text]

    def encode(self, text: str) -> list:
        """Ids of a text in which special tokens count as such. Only for text we rendered ourselves."""
        out = []
        for part in SPLIT.split(text):
            if part in SPECIAL:
                out.append(SPECIAL.index(part))
            else:
                for piece in PIECES.findall(part):
                    out += self.piece(piece)
        return out

    def decode(self, ids) -> str:
        data = b"".join(bytes(UNBYTES[c] for c in self.tokens[i]) for i in ids if i >= len(SPECIAL))
        return data.decode("utf-8", "replace")

    def save(self, path):
        path.write_text(json.dumps([" ".join(pair) for pair in self.merges], ensure_ascii=False))

    @staticmethod
    def load(path) -> "Tokenizer":
        return Tokenizer([tuple(line.split(" ")) for line in json.loads(path.read_text())])


CHAT_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def render(turns, answer_next: bool = True) -> str:
    """What CHAT_TEMPLATE makes of [(role, content)]."""
    text = "".join(f"<|im_start|>{role}\n{content}<|im_end|>\n" for role, content in turns)
    return text + ("<|im_start|>assistant\n" if answer_next else "")
