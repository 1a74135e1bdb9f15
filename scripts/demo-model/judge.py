"""Is an answer on topic? Deterministic: an exact expectation where there is one, else the nearest known answer's intent."""

import collections
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "corpus"))

import build  # noqa: E402
import expand  # noqa: E402

NEAR = 0.8
# What an answer of a slot intent must look like; a story needs its closing words, so that a torn one fails.
PATTERNS = {
    "long_story": r"^Once upon a time .*On the sixth day.*The end\.$",
    "story": r"^Once upon a time (?!.*On the second day).*The end\.$",
    "seasons": r"^Spring, summer, autumn and winter\.$",
    "count": r"^1, 2, 3",
}


def words(text: str) -> collections.Counter:
    return collections.Counter(re.findall(r"[a-z0-9]+", text.lower()))


def likeness(a: collections.Counter, b: collections.Counter) -> float:
    shared = sum((a & b).values())
    return 2 * shared / max(1, sum(a.values()) + sum(b.values()))


class Judge:
    def __init__(self):
        self.known = []
        for intent, parts in expand.read_intents().items():
            for answer in parts["answers"]:
                self.known.append((intent, words(answer)))

    def topic(self, answer: str) -> str:
        for intent, pattern in PATTERNS.items():
            if re.search(pattern, answer, re.S):
                return intent
        said = words(answer)
        score, intent = max((likeness(said, known), intent) for intent, known in self.known)
        return intent if score >= NEAR else "none"

    def passes(self, entry: dict, answer: str) -> bool:
        if isinstance(entry.get("expect"), list):
            # A story with given things names them all, and comes to its end.
            return answer.endswith("The end.") and all(f" {thing}" in answer for thing in entry["expect"])
        if "expect" in entry:
            pattern = r"(?<![0-9a-z])" + re.escape(entry["expect"].lower()) + r"(?![0-9a-z])"
            # A sum echoes its operands: only what stands after the equals sign counts.
            return re.search(pattern, answer.lower().split("=")[-1]) is not None
        if self.topic(answer) != entry["intent"]:
            return False
        asked = re.search(r"\b(dragon|cat|robot)\b", entry["question"].lower()) if entry["intent"] == "story" else None
        return asked is None or asked.group(1) in answer


def nearest_training_question(question: str, training: list) -> float:
    """1 means the same words: how close a held-out question comes to what was trained on."""
    asked = words(question)
    return max(likeness(asked, known) for known in training)


__all__ = ["Judge", "build", "nearest_training_question", "words"]
