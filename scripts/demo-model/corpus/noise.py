"""How people really type: case, missing marks, contractions, fillers, typos, a word left out."""

import pathlib
import random
import re

HERE = pathlib.Path(__file__).parent

CONTRACTIONS = [
    ("what is", "what's"), ("what is", "whats"), ("who is", "who's"), ("where is", "where's"), ("how is", "how's"), ("it is", "it's"), ("that is", "that's"),
    ("i am", "i'm"), ("do not", "don't"), ("does not", "doesn't"), ("can not", "can't"), ("cannot", "can't"), ("i have", "i've"),
    ("you are", "you're"), ("i would", "i'd"), ("there is", "there's"), ("want to", "wanna"), ("going to", "gonna"),
    ("you", "u"), ("are you", "r u"), ("please", "pls"), ("please", "plz"), ("because", "cuz"), ("and", "&"), ("your", "ur"), ("thanks", "thx"),
]
BEFORE = [
    "hey, ", "please ", "so ", "so, ", "ok, ", "and ", "well, ", "quick question: ", "hi, ", "excuse me, ", "sorry, ", "um, ", "hm, ", "now ", "hello, ",
    "i was wondering, ", "just curious, ", "one more thing: ", "another question: ", "question: ", "hey tabloom, ", "ok so ", "but ", "wait, ", "good, ", "then ",
    "also, ", "first, ", "first of all, ", "just asking: ", "hey there, ", "by the way, ", "actually, ", "right, ", "tell me, ", "oh, ", "cool, ", "alright, ", "great, ",
    "nice, ", "hello there, ", "dear tabloom, ", "maybe a silly question, but ", "can i ask, ", "honestly, ", "sorry for my english, ",
    "help, ", "before i start: ", "last question: ", "asking for a friend: ", "serious question: ", "dumb question: ", "ok but ", "i'm new here, ",
    "forgive me, ", "my boss asks: ", "one thing i don't get: ", "i forgot, ", "remind me, ", "yo ", "umm ", "hey so ", "ah ok, ", "thanks, and ", "no but ",
    "still, ", "and again: ", "for my understanding, ", "let me ask: ", "i'd like to ask: ", "hmm ok. ", "ok. ", "hi. ", "hello. ", "right. ", "wait what, ",
]
AFTER = [
    " please", " then", " here", ", bot", " exactly", " for me", " today", " now", ", please", " again", " actually", " anyway", " right now", ", tell me",
    " pls", " in short", " really", " by the way", ", can you tell me", ", do you know", " at all", ", i wonder", " lol", ", friend", " if i may ask", " with this", " with tabloom", ", thanks", ", thank you", ", just curious", " or not", " or what", " i mean", ", mate", " when using this", " for real", ", asking for a friend", " ok", " though", " in tabloom", " on this site",
]


def read_synonyms() -> dict:
    """{word: what may stand in its place} from synonyms.txt: the first word of a line, by any of the others."""
    lines = [line.split(" | ") for line in (HERE / "synonyms.txt").read_text().splitlines() if not line.startswith("#")]
    return {first: others for first, *others in lines}


SYNONYMS = read_synonyms()
NEIGHBOURS = {a: b for a, b in zip("qwertyuiopasdfghjklzxcvbnm", "wqretyiuposadgfhkjlxzvcbmn")}


def typo(word: str, rng: random.Random) -> str:
    i = rng.randrange(len(word) - 1)
    kind = rng.randrange(4)
    if kind == 0:
        return word[:i] + word[i + 1] + word[i] + word[i + 2 :]
    if kind == 1:
        return word[:i] + word[i + 1 :]
    if kind == 2:
        return word[:i] + word[i] + word[i:]
    return word[:i] + NEIGHBOURS.get(word[i], word[i]) + word[i + 1 :]


def noisy(text: str, rng: random.Random, may_drop: bool) -> str:
    if rng.random() < 0.35:
        for full, short in rng.sample(CONTRACTIONS, 8):
            text = re.sub(rf"\b{full}\b", short, text, count=1)
    # A slot's value (a number, a country) must survive, so words are exchanged or left out only where the caller allows it.
    if may_drop and rng.random() < 0.5:
        text = re.sub(r"[a-z]+", lambda m: rng.choice(SYNONYMS[m[0]]) if m[0] in SYNONYMS and rng.random() < 0.35 else m[0], text)
    if may_drop and rng.random() < 0.15:
        words = text.split(" ")
        if len(words) >= 4:
            del words[rng.randrange(len(words))]
            text = " ".join(words)
    if rng.random() < 0.18:
        text = rng.choice(BEFORE) + text
    if rng.random() < 0.1:
        text = text + rng.choice(AFTER)
    if rng.random() < 0.12:
        words = text.split(" ")
        long = [i for i, word in enumerate(words) if len(word) > 4 and word.isalpha()]
        if long:
            i = rng.choice(long)
            words[i] = typo(words[i], rng)
            text = " ".join(words)
    case = rng.random()
    if case < 0.5:
        text = text[:1].upper() + text[1:]
        text = re.sub(r"\bi\b", "I", text) if rng.random() < 0.8 else text
        text = re.sub(r"\btabloom\b", "Tabloom", text) if rng.random() < 0.7 else text
    elif case < 0.53:
        text = text.upper()
    elif case < 0.9:
        text = text.lower()
    if text and text[-1].isalnum():
        text += rng.choices(["", "?", ".", "!", " ?", "??", "..."], [45, 40, 8, 3, 1, 2, 1])[0]
    return text
