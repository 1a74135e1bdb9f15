"""Trains the demo model on one core: python3 train.py --out DIR [--steps N] [--begin GGUF]. Same seed, same machine, same model."""

import argparse
import json
import os
import pathlib
import random
import sys
import time

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE / "corpus"))

import torch  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import build  # noqa: E402
import read_gguf  # noqa: E402
from model import Llama, Shape  # noqa: E402
from tokenizer import IM_END, IM_START, END_OF_TEXT, Tokenizer, render, train as train_tokenizer  # noqa: E402

QUESTION_WEIGHT = 0.15
TOKENS_A_STEP = 1536
POOL = 1000
# Which answer it is shows in its first words; the rest is soon learnt by heart. So most last answers are cut short, with no
# loss at the cut: more questions are read in the same time. Towards the end of a run more answers are whole.
CUT_TOKENS, CUT_TOKENS_STORY = 8, 24
UNCUT = "0123456789{<"
CUT_SHARE_EARLY, CUT_SHARE_LATE = 0.93, 0.6
# The end of a run, in steps: whole answers and conversations, while the rate falls to zero.
LATE, FALL = 700, 900
PLAIN_SHARE_EARLY = 0.9


def example(tokenizer, turns, rng, context, cut_share):
    """(ids, weights): answers count fully, the rest a little, since knowing how people ask helps reading them."""
    ids, weights = [], []
    free = turns[-1] == build.FREE
    turns = turns[:-1] if free else turns
    if rng.random() < 0.12:
        ids, weights = [END_OF_TEXT], [0.0]
    cut = rng.random() < cut_share
    for number, (role, content) in enumerate(turns):
        head = tokenizer.encode(f"<|im_start|>{role}\n")
        body = tokenizer.encode(content) + [IM_END]
        tail = tokenizer.encode("\n")
        # Counting, JSON and calls have to learn where to end and what to copy: never cut.
        # Two things that are given have both been named after some twenty tokens.
        kept = CUT_TOKENS_STORY if " met a" in content or " found a" in content else CUT_TOKENS
        if cut and number == len(turns) - 1 and len(body) > 2 * CUT_TOKENS and content[0] not in UNCUT:
            body, tail = body[:kept], []
        if len(ids) + len(head) + len(body) + len(tail) > context:
            break
        counts = 1.0 if role == "assistant" else QUESTION_WEIGHT if role == "user" else 0.0
        ids += head + body + tail
        forced = 1 if free and number == len(turns) - 1 else 0
        weights += [0.0] * (len(head) + forced) + [counts] * (len(body) - forced) + [0.0] * len(tail)
    return ids, weights


def batches(examples, rng):
    """Rows of like length, about TOKENS_A_STEP each, so that little is spent on padding; their order is random."""
    groups, group = [], []
    for row in sorted(examples, key=lambda e: len(e[0])):
        if group and len(row[0]) * (len(group) + 1) > TOKENS_A_STEP:
            groups.append(group)
            group = []
        group.append(row)
    groups.append(group)
    rng.shuffle(groups)
    return groups


def tensors(group):
    longest = max(len(ids) for ids, _ in group)
    pad = lambda row, filler: row + [filler] * (longest - len(row))
    ids = torch.tensor([pad(ids, END_OF_TEXT) for ids, _ in group])
    return ids[:, :-1], ids[:, 1:], torch.tensor([pad(w, 0.0) for _, w in group])[:, 1:]


def rate(step, steps, peak):
    return peak * min(1, (step + 1) / 100) * min(1, (steps - step) / FALL)


def steps_wanted(out, step, steps):
    """A file `steps` in the run's folder may change the number of steps until its end has begun: the run is then that of
    --steps with this number."""
    asked = out / "steps"
    end = max(LATE, FALL)
    if step >= steps - end or not asked.exists():
        return steps
    return max(int(asked.read_text()), step + end + 1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=pathlib.Path, default=HERE / "out")
    parser.add_argument("--begin", type=pathlib.Path, help="a GGUF of an earlier version to go on from, with its tokenizer")
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--without", nargs="*", default=[], help="files of the corpus that are left out")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--late", type=int, default=LATE, help="the last steps, of whole answers")
    parser.add_argument("--decay", type=float, default=0.1)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    rng = random.Random(options.seed)
    began = time.time()

    # Drawn as they are read, so that nothing is read twice. Reading questions is learnt first, from plain ones;
    # conversations, system prompts and whole answers come towards the end.
    corpus = build.Corpus(options.seed, tuple(options.without))
    shape = Shape()
    if options.begin:
        model, tokenizer = read_gguf.read(options.begin)
    else:
        sample = build.Corpus(options.seed + 1).build(6000)
        tokenizer = Tokenizer(train_tokenizer(render([turn for turn in turns if turn != build.FREE], False) for turns in sample))
        model = Llama(shape)
    tokenizer.save(options.out / "merges.json")
    parameters = sum(p.numel() for p in model.parameters())
    matrices = [p for p in model.parameters() if p.dim() == 2]
    vectors = [p for p in model.parameters() if p.dim() != 2]
    optimiser = torch.optim.AdamW([{"params": matrices, "weight_decay": options.decay}, {"params": vectors, "weight_decay": 0}], betas=(0.9, 0.98))
    print(f"{parameters} parameters", flush=True)
    step, steps, seen, average, read = 0, options.steps, 0, 0.0, 0
    while step < steps:
        steps = steps_wanted(options.out, step, steps)
        late = step >= steps - options.late
        share, plain = (CUT_SHARE_LATE, 0.0) if late else (CUT_SHARE_EARLY, PLAIN_SHARE_EARLY)
        examples = [example(tokenizer, turns, rng, shape.context, share) for turns in corpus.build(POOL, plain)]
        read += POOL
        for group in batches(examples, rng):
            inputs, targets, weights = tensors(group)
            counted = weights.flatten() > 0
            logits = F.linear(model.hidden(inputs)[0].flatten(0, 1)[counted], model.embed.weight)
            losses = F.cross_entropy(logits, targets.flatten()[counted], reduction="none")
            loss = (losses * weights.flatten()[counted]).sum() / weights.sum()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for part in optimiser.param_groups:
                part["lr"] = rate(step, steps, options.rate)
            optimiser.step()
            seen += inputs.numel()
            average = loss.item() if step == 0 else 0.98 * average + 0.02 * loss.item()
            step += 1
            if step % 100 == 0:
                print(f"step {step} read {read} loss {average:.4f} {seen / (time.time() - began):.0f} tok/s {time.time() - began:.0f} s", flush=True)
            if step >= steps:
                break
    torch.save(model.state_dict(), options.out / "model.pt")
    lines = sum(len(v) for v in corpus.train.values())
    phrases = sum(len(it[kind]) for it in corpus.intents.values() for kind in build.FRAME_SHARES)
    notes = {"parameters": parameters, "steps": step, "tokensSeen": seen, "conversations": read, "intents": len(corpus.names),
             "templates": lines, "phrases": phrases, "seconds": round(time.time() - began), "finalLoss": round(average, 4), "seed": options.seed}
    (options.out / "training.json").write_text(json.dumps(notes, indent=2) + "\n")
    print(notes)


if __name__ == "__main__":
    main()
