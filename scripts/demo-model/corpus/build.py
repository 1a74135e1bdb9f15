"""Draws the training conversations. Deterministic by seed; a held-out question never gets in."""

import json
import pathlib
import random
import re
import sys

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))

import expand  # noqa: E402
import noise  # noqa: E402
import skills  # noqa: E402
import tasks  # noqa: E402

# Engines and clients put these first whether one likes it or not; the model must answer under each.
SYSTEMS = [
    "You are a helpful assistant.",
    "You are a helpful assistant.",
    "You are Tabloom's demo model.",
    "Be brief.",
    "Answer in one short sentence.",
    "You are a helpful, respectful and honest assistant. Always answer as helpfully as possible.\nIf a question does not make any sense, or is not factually coherent, explain why instead of answering something incorrectly. If you don't know the answer to a question, don't share false information.",
]
MORE = "tell me more|more|go on|more please|and|can you tell me more|what else|explain more|say more|more details|more about that|anything else|continue|please go on|what more is there|can you explain that|why|why is that|how come|give me more details|i want to know more|tell me more about it|tell me more about that|more information|and what else|elaborate|details please|can you say more|how so|keep going".split("|")
AGAIN = "another one|another|one more|again|another one please|one more please|more|do you have another one|tell me another|tell me another one|give me another one|next one|next|and another|one more time|more of that|do another".split("|")
NO_MORE = "That is all I know about it. Ask me something else about Tabloom."
WEIGHTS = {"fallback": 10, "thread": 0.8, "poem": 0.8, "praise": 0.8, "introduce": 0.8, "works": 1.3, "about": 1.6, "devices": 1.3, "harm": 1.2, "name": 1.5, "nobody": 1.3, "models": 1.2, "share": 1.5, "private": 1.3, "earn": 1.2, "cost": 1.2, "ack": 1.2, "leaderboard": 0.7}
CAREFUL = {"introduce", "fallback", "greet", "thanks", "bye", "ack"}
# Of a question, how often it is a phrase in a frame of frames.txt, where the intent has phrases of this kind.
FRAME_SHARES = {"topics": 0.15, "actions": 0.22, "statements": 0.13}
# Foreign phrases in the same frames keep a frame from deciding by itself.
FOREIGN = {"topics": ["{offthing}", "{offthing}", "{offtext}", "the {offnoun}"], "actions": ["{offverb} {offthing}", "{offverb} (a|my|the) {offnoun}", "{offdo} {offtext}"], "statements": ["{offthing} {offpred}", "(my|the|a) {offnoun} is (broken|lost|better|red|too small|expensive|old)", "{offperson} is (dead|alive|famous|rich|married|coming)", "(it|the sun|the train) will (rain|come|be late|rise|stop) (tomorrow|soon|today)"]}
FOREIGN_SHARE = 0.25
# JSON answers are short, tool calls are long because of the description of the tools: the second share is the dearer one.
JSON_SHARE, CALL_SHARE = 0.05, 0.025
# Stands after the turns of an answer whose first token a grammar forces: the trainer takes it off and does not learn that token.
FREE = ("free", "")
# One template in this many is never trained on: what development looks at, so that the held-out set stays unseen.
DEV_EVERY = 20


def normalise(text: str) -> str:
    return " ".join(re.findall(r"[a-z0-9+\-=']+", text.lower()))


def held_out() -> list:
    return json.loads((HERE.parent / "heldout.json").read_text())


def strangers() -> list:
    return json.loads((HERE.parent / "strangers.json").read_text())


def by_heart(question: str) -> bool:
    """A bare word ("stop", "Safari") can only be known by heart: it may be trained on, and is measured apart."""
    return len(normalise(question).split()) < 2


class Corpus:
    def __init__(self, seed: int, without: tuple = ()):
        self.rng = random.Random(seed)
        self.intents = expand.read_intents(without)
        self.banned = {normalise(entry["question"]) for entry in held_out()}
        known = {normalise(entry["question"]) for entry in strangers() if by_heart(entry["question"])}
        self.banned = (self.banned | {normalise(entry["question"]) for entry in strangers()}) - known
        self.refused = 0
        # A bare word or a short set phrase can only be known by heart, so it is no examination: wordings are.
        wordings = {name: [q for q in it["questions"] if q.count("(") >= 2 or "{" in q] for name, it in self.intents.items()}
        self.dev = {name: lines[DEV_EVERY // 2 :: DEV_EVERY] for name, lines in wordings.items()}
        self.train = {name: [q for q in it["questions"] if q not in self.dev[name]] for name, it in self.intents.items()}
        self.names = list(self.intents) + list(skills.WEIGHTS)
        self.weights = [WEIGHTS.get(n, 1) for n in self.intents] + list(skills.WEIGHTS.values())

    def expand(self, template: str, given: dict = {}) -> str:
        return expand.expand(template, self.rng, given)

    def ask(self, intent: str) -> str:
        draw = self.rng.random() / (FOREIGN_SHARE if intent == "fallback" else sum(FRAME_SHARES.values()))
        for kind, share in FRAME_SHARES.items():
            share /= sum(FRAME_SHARES.values())
            phrases = FOREIGN[kind] if intent == "fallback" else self.intents[intent][kind]
            if phrases and draw < share:
                return self.expand(self.rng.choice(expand.FRAMES[kind]), {"t": self.expand(self.rng.choice(phrases))})
            draw -= share
        return self.expand(self.rng.choice(self.train[intent]))

    def usual(self, answers: list) -> str:
        """The first answer four times in five: a near tie would make greedy engines differ in the last bit of a float."""
        return answers[0] if self.rng.random() < 0.8 else self.rng.choice(answers[1:] or answers)

    def question(self, intent: str) -> tuple:
        """(question, answer) of an intent, as a person would type it."""
        for _ in range(100):
            if intent in skills.WEIGHTS:
                question, answer = skills.draw(self.rng, intent, self.expand)
            else:
                question, answer = self.ask(intent), self.usual(self.intents[intent]["answers"])
            question = noise.noisy(question, self.rng, intent not in skills.WEIGHTS and intent not in CAREFUL)
            if normalise(question) not in self.banned:
                return question, answer
            self.refused += 1
        raise ValueError(f"{intent} has nothing but held-out questions")

    def follow_up(self, intent: str, answer: str):
        """A second turn that only makes sense after the first."""
        noisy = lambda words: noise.noisy(self.rng.choice(words), self.rng, False)
        if intent in ("joke", "poem"):
            return noisy(AGAIN), self.rng.choice([a for a in self.intents[intent]["answers"] if a != answer])
        if intent == "story":
            return noisy(AGAIN), skills.draw(self.rng, "story", self.expand)[1]
        if intent in self.intents and intent not in CAREFUL:
            return noisy(MORE), (self.intents[intent]["more"] or [NO_MORE])[0]
        return None

    def conversation(self, plain_share: float = 0.0) -> list:
        """[(role, content)]; plain_share of them are a single question and its answer, nothing else."""
        rng, turns = self.rng, []
        task = rng.random()
        if task < JSON_SHARE:
            answer, free = tasks.json_answer(rng)
            return [*answer, FREE] if free else answer
        if task < JSON_SHARE + CALL_SHARE:
            return tasks.tool_call(rng)
        if rng.random() < plain_share:
            question, answer = self.question(rng.choices(self.names, self.weights)[0])
            return [("user", question), ("assistant", answer)]
        kind = rng.random()
        count = 1 if kind < 0.8 else 2 if kind < 0.95 else rng.randrange(3, 7)
        if rng.random() < 0.14:
            turns.append(("system", rng.choice(SYSTEMS)))
        for _ in range(count):
            intent = rng.choices(self.names, self.weights)[0]
            question, answer = self.question(intent)
            turns += [("user", question), ("assistant", answer)]
            follow = self.follow_up(intent, answer) if rng.random() < 0.12 else None
            if follow:
                turns += [("user", follow[0]), ("assistant", follow[1])]
        return turns

    def build(self, count: int, plain_share: float = 0.0) -> list:
        conversations = [self.conversation(plain_share) for _ in range(count)]
        leaked = {normalise(text) for turns in conversations for role, text in turns if role == "user"} & self.banned
        if leaked:
            raise SystemExit(f"held-out questions in the training set: {sorted(leaked)}")
        return conversations


if __name__ == "__main__":
    corpus = Corpus(1)
    made = corpus.build(20000)
    questions = {normalise(text) for turns in made for role, text in turns if role == "user"}
    lines = sum(len(v) for v in corpus.train.values())
    print(f"{len(corpus.names)} intents, {lines} templates, {len(questions)} distinct questions in {len(made)} conversations, {corpus.refused} held-out ones refused")
    for turns in made[:12]:
        print(turns)
