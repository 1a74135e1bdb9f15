"""python3 -m unittest test_parts: what must hold before hours are spent on training."""

import json
import pathlib
import random
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent / "corpus"))

import build  # noqa: E402
import expand  # noqa: E402
import noise  # noqa: E402
import skills  # noqa: E402
import stories  # noqa: E402
import tasks  # noqa: E402
from judge import Judge  # noqa: E402
from train import example  # noqa: E402
from tokenizer import IM_END, IM_START, Tokenizer, render, train  # noqa: E402


class Templates(unittest.TestCase):
    def test_alternatives_and_lists_are_resolved(self):
        said = {expand.expand("(a|b|) {x}(, c|)", random.Random(i), {"x": "y"}) for i in range(100)}
        self.assertEqual(said, {"a y", "b y", "y", "a y, c", "b y, c", "y, c"})

    def test_an_unknown_list_is_refused(self):
        with self.assertRaises(KeyError):
            expand.expand("{nothing}", random.Random(1), {})

    def test_every_template_expands_to_plain_words(self):
        for intent, parts in expand.read_intents().items():
            for template in parts["questions"]:
                said = expand.expand(template, random.Random(1), {})
                self.assertNotRegex(said, r"[{}|]", f"{intent}: {template}")
                self.assertTrue(said, f"{intent}: {template}")


    def test_every_phrase_makes_a_question_in_every_frame_of_its_kind(self):
        rng = random.Random(1)
        for intent, parts in expand.read_intents().items():
            phrases = build.FOREIGN if intent == "fallback" else parts
            for kind, frames in expand.FRAMES.items():
                for phrase in phrases[kind]:
                    filled = expand.expand(phrase, rng, {})
                    said = expand.expand(rng.choice(frames), rng, {"t": filled})
                    self.assertIn(filled.rstrip(" ?.!"), said, f"{intent}: {phrase}")
                    self.assertNotRegex(said, r"[{}|()]", f"{intent}: {phrase}")
        for kind, frames in expand.FRAMES.items():
            for frame in frames:
                self.assertNotRegex(expand.expand(frame, rng, {"t": "x"}), r"[{}|()]", frame)

    def test_a_word_stands_for_others_once(self):
        self.assertNotIn("", [word for first, others in noise.SYNONYMS.items() for word in (first, *others)])
        self.assertEqual([first for first, others in noise.SYNONYMS.items() if first in others or not others], [])


class Building(unittest.TestCase):
    def test_a_seed_repeats(self):
        self.assertEqual(build.Corpus(3).build(50), build.Corpus(3).build(50))

    def test_a_held_out_question_stops_the_build(self):
        corpus = build.Corpus(3)
        question = build.held_out()[0]["question"]
        corpus.conversation = lambda _: [("user", question.upper()), ("assistant", "x")]
        with self.assertRaises(SystemExit):
            corpus.build(1)

    def test_held_out_questions_ask_for_known_intents(self):
        known = set(build.Corpus(1).names)
        self.assertEqual([e for e in build.held_out() if e["intent"] not in known], [])
        self.assertEqual([e for e in build.strangers() if e["intent"] not in known], [])
        self.assertGreaterEqual(len([e for e in build.strangers() if not build.by_heart(e["question"])]), 150)


class Skills(unittest.TestCase):
    def test_sums_counts_and_differences_are_right(self):
        corpus = build.Corpus(5)
        for _ in range(300):
            _, said = skills.draw(corpus.rng, "sum", corpus.expand)
            left, right = said.split(" = ")
            self.assertEqual(sum(map(int, left.split(" + "))), int(right))
            _, said = skills.draw(corpus.rng, "minus", corpus.expand)
            left, right = said.split(" = ")
            a, b = map(int, left.split(" - "))
            self.assertEqual(a - b, int(right))
            _, said = skills.draw(corpus.rng, "count", corpus.expand)
            numbers = [int(n) for n in said.rstrip(".").split(", ")]
            self.assertEqual(numbers, list(range(1, len(numbers) + 1)))


    def test_a_range_holds_every_number_and_a_story_its_things(self):
        corpus = build.Corpus(6)
        for _ in range(200):
            _, said = skills.draw(corpus.rng, "count_range", corpus.expand)
            numbers = [int(n) for n in said.rstrip(".").split(", ")]
            self.assertEqual(numbers, list(range(numbers[0], numbers[-1] + 1)))
            asked, said = skills.draw(corpus.rng, "story_two", corpus.expand)
            named = [noun for noun in [*stories.HEROES, *skills.THING_WORDS] if f" {noun}" in f" {said}" and noun in asked]
            self.assertGreaterEqual(len(named), 2, asked)


class Tasks(unittest.TestCase):
    def test_answers_are_json_and_calls_are_of_an_offered_tool(self):
        rng = random.Random(1)
        for _ in range(200):
            turns, _ = tasks.json_answer(rng)
            self.assertIsInstance(json.loads(turns[-1][1]), dict)
            offered, _, (_, call), *_ = tasks.tool_call(rng)
            body = json.loads(call.removeprefix("<tool_call>\n").removesuffix("\n</tool_call>"))
            self.assertIn(f'"name": "{body["name"]}"', offered[1])

    def test_a_forced_token_is_not_learnt(self):
        turns = [("user", "Add 1 and 2."), ("assistant", '{"a": 1, "b": 2}')]
        tokenizer = Tokenizer([])
        whole = example(tokenizer, turns, random.Random(1), 512, 0)
        freed = example(tokenizer, [*turns, build.FREE], random.Random(1), 512, 0)
        self.assertEqual(whole[0], freed[0])
        self.assertEqual(sum(whole[1]) - sum(freed[1]), 1)


class Cutting(unittest.TestCase):
    def test_text_survives_and_digits_stay_alone(self):
        tokenizer = Tokenizer(train(["count to 100 please, count to 100"] * 5, 300))
        for text in ["count to 100", "zażółć 你好 🙂", "  a\n\n b"]:
            self.assertEqual(tokenizer.decode(tokenizer.encode(text)), text)
        self.assertEqual(len(tokenizer.encode("100")), 3)

    def test_special_tokens_are_one_token(self):
        ids = Tokenizer([]).encode(render([("user", "x")]))
        self.assertEqual((ids[0], ids.count(IM_START), ids.count(IM_END)), (IM_START, 2, 1))


class Judging(unittest.TestCase):
    def test_an_answer_of_another_intent_fails(self):
        judge = Judge()
        answers = expand.read_intents()
        right = answers["cost"]["answers"][0]
        self.assertTrue(judge.passes({"intent": "cost", "question": "x"}, right))
        self.assertFalse(judge.passes({"intent": "privacy", "question": "x"}, right))
        self.assertFalse(judge.passes({"intent": "cost", "question": "x"}, "Something else altogether."))

    def test_a_sum_is_judged_by_its_result(self):
        judge, entry = Judge(), {"intent": "sum", "question": "x", "expect": "7"}
        self.assertTrue(judge.passes(entry, "3 + 4 = 7"))
        self.assertFalse(judge.passes(entry, "3 + 7 = 10"))
        self.assertFalse(judge.passes(entry, "3 + 14 = 17"))


if __name__ == "__main__":
    unittest.main()
