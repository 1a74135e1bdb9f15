"""The template language: (a|b|) picks one alternative, {name} picks from a word list or takes a given value."""

import pathlib
import random
import re

HERE = pathlib.Path(__file__).parent
GROUP = re.compile(r"\(([^()]*\|[^()]*)\)")
SLOT = re.compile(r"\{(\w+)\}")
DEPTH_MAX = 50
# Word lists, and the frames for phrases: the other files hold intents.
NO_GROUPS = ("slots.txt", "frames.txt", "synonyms.txt")
PHRASES = {"~": "topics", ">": "actions", "!": "statements"}


def read_slots() -> dict:
    slots = {}
    for line in (HERE / "slots.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            name, _, words = line.partition(":")
            slots[name] = [word.strip() for word in words.split(" | ")]
    return slots


SLOTS = read_slots()


def read_frames() -> dict:
    """{kind of phrase: templates with {t}} from frames.txt."""
    frames = {}
    for line in (HERE / "frames.txt").read_text().splitlines():
        if line.startswith("## "):
            frames[line[3:]] = current = []
        elif line and not line.startswith("#"):
            current.append(line)
    return frames


FRAMES = read_frames()


def strange_word(rng: random.Random) -> str:
    """A word nobody knows: what the fallback has to expect, and more than any list can hold."""
    syllable = lambda: rng.choice("b c ch d f g gr h j k l m n p pl r s sh st t tr v w z".split()) + rng.choice("a e i o u ea ou io".split())
    return "".join(syllable() for _ in range(rng.randrange(1, 4))) + rng.choice(["", "n", "r", "s", "st", "l", "ng", "tion", "ment", "ing", "t", "ck"])


def expand(template: str, rng: random.Random, given: dict) -> str:
    for _ in range(DEPTH_MAX):
        match = GROUP.search(template) or SLOT.search(template)
        if not match:
            break
        inner = match.group(1)
        if match.group(0).startswith("("):
            chosen = rng.choice(inner.split("|"))
        elif inner == "offword":
            chosen = strange_word(rng)
        else:
            chosen = given[inner] if inner in given else rng.choice(SLOTS[inner])
        template = template[: match.start()] + chosen + template[match.end() :]
    else:
        raise ValueError(f"template never ends: {template}")
    template = re.sub(r"\s+", " ", template).strip()
    return re.sub(r"\s+([,?!.])", r"\1", template)


def read_intents(without: tuple = ()) -> dict:
    """{intent: parts} from the group files: ? question, = answer, + what 'tell me more' gets, and phrases that frames.txt
    makes questions of: ~ names of the topic, > what one wants to do, ! what one might say of it."""
    intents = {}
    for path in sorted(HERE.glob("*.txt")):
        if path.name in (*NO_GROUPS, *without):
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            mark, text = line[:2].strip(), line[2:].strip()
            if mark == "##":
                # A group may be opened again in another file, to add wordings.
                current = intents.setdefault(text, {name: [] for name in ["questions", "answers", "more", *PHRASES.values()]})
            elif mark in PHRASES:
                current[PHRASES[mark]] += text.split(" | ")
            elif mark in ("?", "=", "+"):
                current[{"?": "questions", "=": "answers", "+": "more"}[mark]].append(text)
            elif line.strip():
                raise ValueError(f"{path.name}:{number}: a line begins with ##, ?, =, +, ~, > or !")
    empty = [name for name, parts in intents.items() if not (parts["questions"] and parts["answers"])]
    if empty:
        raise ValueError(f"intents without questions or answers: {empty}")
    return intents
