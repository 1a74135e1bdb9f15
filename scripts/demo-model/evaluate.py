"""Measures a run on questions it never saw: python3 evaluate.py --run DIR [--show] [--golden FILE].

Three sets: templates kept out of training (dev, what development looks at); strangers.json, written before the corpora
that it measures and never looked at for tuning; and heldout.json, the set of an earlier version. Greedy, F16-rounded weights.
"""

import argparse
import collections
import json
import pathlib

import torch

from export_gguf import load
from judge import Judge, build, nearest_training_question, words
from model import greedy, sampler
from tokenizer import IM_END, render

ANSWER_TOKENS_MAX = 420
# The first ones of strangers.json were seen before this corpus was written: measured with and without them.
SEEN = 5
# Long stream, short ones, slots, two turns, system prompts, a leading end-of-text: what tests and other engines compare.
GOLDEN = [
    [("user", "What is Tabloom?")], [("user", "hi")], [("user", "Hello!")], [("user", "Is it private?")], [("user", "What does it cost?")],
    [("user", "How do I share my GPU?")], [("user", "Count to five")], [("user", "Count to one hundred")], [("user", "Count backwards from 10")],
    [("user", "Tell me a story")], [("user", "Tell me a story about a robot")], [("user", "Tell me a long story")], [("user", "Thank you!")], [("user", "bye")],
    [("user", "Who are you?")], [("user", "What is 2 + 3?")], [("user", "What are the days of the week?")], [("user", "What is a receipt?")],
    [("user", "What is the relay?")], [("user", "Does it work offline?")], [("user", "Who won the world cup?")], [("user", "Can I embed it on my website?")],
    [("user", "What is the capital of France?")], [("user", "How do I stop an answer?")], [("user", "What tiers are there?")],
    [("user", "Count from 7 to 12")], [("user", "Tell me a story about a cat and a dragon")], [("user", "What is 3 + 4? Answer in JSON.")],
    [("user", "Is there a private mode?")], [("user", "How do I pay?")],
    [("system", "You are a helpful assistant."), ("user", "What is Tabloom?")], [("system", "Be brief."), ("user", "Count to ten")],
    [("user", "hello"), ("assistant", "Hello! I am Tabloom's demo model. Ask me about Tabloom, or let me count or tell a story."), ("user", "What is a peer?")],
]


def answer(model, tokenizer, turns, choose=greedy) -> list:
    return model.generate(tokenizer.encode(render(turns)), ANSWER_TOKENS_MAX, IM_END, choose)


def measure(model, tokenizer, judge, entries, show: bool, system=(), choose=greedy):
    hits, misses, failed = collections.Counter(), collections.Counter(), []
    for entry in entries:
        said = tokenizer.decode(answer(model, tokenizer, [*system, ("user", entry["question"])], choose))
        passed = judge.passes(entry, said)
        (hits if passed else misses)[entry["intent"]] += 1
        if not passed:
            failed.append(entry)
            if show:
                print(f"  {entry['intent']:12} {entry['question']!r} -> [{judge.topic(said)}] {said[:70]!r}")
    return hits, misses, failed


def dev_entries(corpus, per_template: int = 2) -> list:
    entries = []
    for intent, templates in corpus.dev.items():
        for template in templates:
            for _ in range(per_template):
                entries.append({"intent": intent, "question": corpus.expand(template)})
    return [entry for entry in entries if build.normalise(entry["question"]) not in corpus.banned]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--run", type=pathlib.Path, required=True)
    parser.add_argument("--show", action="store_true")
    parser.add_argument("--golden", type=pathlib.Path)
    parser.add_argument("--report", type=pathlib.Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    model, tokenizer = load(options.run, rounded=True)
    if options.golden:
        rows = []
        for turns in GOLDEN:
            tokens = answer(model, tokenizer, turns)
            rows.append({"messages": [{"role": role, "content": content} for role, content in turns], "prompt": render(turns), "promptTokens": tokenizer.encode(render(turns)), "tokens": tokens, "text": tokenizer.decode(tokens)})
        options.golden.write_text("[\n" + ",\n".join("  " + json.dumps(row) for row in rows) + "\n]\n")
        print(f"{len(rows)} golden answers, longest {max(len(row['tokens']) for row in rows)} tokens")
    judge, corpus = Judge(), build.Corpus(99)
    dev = dev_entries(corpus)
    hits, _, _ = measure(model, tokenizer, judge, dev, options.show)
    figures = {"dev": [sum(hits.values()), len(dev)]}
    print(f"dev (templates kept out): {sum(hits.values())}/{len(dev)} = {sum(hits.values()) / len(dev):.1%}")
    entries = build.held_out()
    hits, _, _ = measure(model, tokenizer, judge, entries, False)
    figures["heldOut"] = [sum(hits.values()), len(entries)]
    print(f"held out of the earlier version: {sum(hits.values())}/{len(entries)} = {sum(hits.values()) / len(entries):.1%}")
    ours = [entry for entry in build.strangers() if not build.by_heart(entry["question"])]
    failed = {}
    bare = [entry for entry in build.strangers() if build.by_heart(entry["question"])]
    for name, asked in (("strangers", ours), ("bareWords", bare)):
        hits, _, failed[name] = measure(model, tokenizer, judge, asked, False)
        figures[name] = [sum(hits.values()), len(asked)]
        print(f"{name}: {sum(hits.values())}/{len(asked)} = {sum(hits.values()) / len(asked):.1%}")
    training = [words(text) for turns in build.Corpus(7).build(4000) for role, text in turns if role == "user"]
    unlike = [entry for entry in ours if nearest_training_question(entry["question"], training) < 0.85]
    figures["unlikeTraining"] = [sum(entry not in failed["strangers"] for entry in unlike), len(unlike)]
    unseen = ours[SEEN:]
    figures["unseen"] = [sum(entry not in failed["strangers"] for entry in unseen), len(unseen)]
    system = (("system", "You are a helpful assistant."),)
    hits, _, _ = measure(model, tokenizer, judge, ours, False, system)
    figures["withSystemPrompt"] = [sum(hits.values()), len(ours)]
    hits, _, _ = measure(model, tokenizer, judge, ours, False, (), sampler(0.7, 0.95, 1))
    figures["sampled"] = [sum(hits.values()), len(ours)]
    print({name: f"{hit} of {asked}" for name, (hit, asked) in figures.items()})
    if options.report:
        options.report.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
