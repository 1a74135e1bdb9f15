"""Small stories: a hero, a place, a thing and a turn, put together into a text of 60 to 120 tokens."""

import random

HEROES = {
    "fox": "Mila", "cat": "Tinka", "dog": "Bruno", "robot": "Bolt", "bear": "Odo", "owl": "Hoot", "mouse": "Pip",
    "bird": "Fipp", "fish": "Finn", "frog": "Quill", "horse": "Star", "rabbit": "Hops", "dragon": "Ember", "ghost": "Boo",
    "princess": "Isa", "knight": "Wil", "pirate": "Jory", "wizard": "Merrin", "spider": "Weft", "turtle": "Tully",
    "wolf": "Grey", "elephant": "Ella", "monkey": "Kiko", "bee": "Zuma", "snail": "Lento", "witch": "Hilda",
    "unicorn": "Luma", "dinosaur": "Dino", "king": "Otto", "girl": "Nela", "boy": "Timo", "hedgehog": "Igo",
    "squirrel": "Nutty", "duck": "Quack", "pig": "Rosie", "cow": "Bella", "sheep": "Wolly", "lion": "Leo", "tiger": "Raja",
    "penguin": "Pingo", "whale": "Wanda", "giant": "Bur", "star": "Lumi", "tree": "Elm", "computer": "Chip",
}
PLACES = ["in a quiet wood", "by the sea", "on a green hill", "in an old mill", "near a small village", "at the edge of town"]
THINGS = ["a golden key", "a red thread", "a little lamp", "a blue stone", "an old map", "a silver bell"]
FRIENDS = ["a shy owl", "an old weaver", "a lost lamb", "a tired traveller", "a small child", "a lonely crow"]
TURNS = [
    "One night the wind blew and all lights went out.",
    "One day a storm came and the path was gone.",
    "One morning the river was wide and nobody could cross.",
]
ENDS = [
    "Together they found the way home, and they stayed friends for ever.",
    "They shared what they had, and everyone was glad.",
    "From that day on nobody in that place was ever alone.",
]


def article(noun: str) -> str:
    return ("an " if noun[0] in "aeiou" and noun != "unicorn" else "a ") + noun


def story(rng: random.Random, hero: str) -> str:
    # Each hero has a usual story: four in five, so that the greedy telling has no near ties.
    if rng.random() < 0.8:
        rng = random.Random(f"usual story of {hero}")
    name, thing, friend = HEROES[hero], rng.choice(THINGS), rng.choice(FRIENDS)
    return (
        f"Once upon a time {article(hero)} named {name} lived {rng.choice(PLACES)}. {name} found {thing} and kept it safe. "
        f"{rng.choice(TURNS)} {name} met {friend} who was afraid. \"Do not worry,\" said {name}, and held up {thing}. "
        f"{rng.choice(ENDS)} The end."
    )


def story_two(hero: str, other: str) -> str:
    """A story of two heroes that are given: short, and the same but for the names, so that copying them is what is learnt."""
    return (
        f"Once upon a time {article(hero)} met {article(other)}. The {hero} was lost and the {other} knew the way. "
        f"The {hero} and the {other} went home together and stayed friends for ever. The end."
    )


def story_found(hero: str, thing: str) -> str:
    return (
        f"Once upon a time {article(hero)} found {article(thing)}. The {hero} kept the {thing} safe, and one dark night "
        f"the {thing} showed the way home. From that day on the {hero} was never alone. The end."
    )


def long_story(rng: random.Random) -> str:
    """A tale that meets six friends in turn: some 300 tokens, for whoever wants to watch a long stream."""
    # One fixed order: the length is a promise (tests of Stop need it), the hero may vary.
    hero = "fox" if rng.random() < 0.8 else rng.choice(["robot", "mouse"])
    name = HEROES[hero]
    text = f"Once upon a time {article(hero)} named {name} wanted to see the sea. "
    days = ["On the first day", "On the second day", "On the third day", "On the fourth day", "On the fifth day", "On the sixth day"]
    gifts = ["a golden key", "a red thread", "a little lamp", "a blue stone", "an old map", "a silver bell"]
    for day, friend, gift in zip(days, FRIENDS, gifts):
        text += f"{day} {name} met {friend}. \"Where are you going?\" asked the friend. \"To the sea,\" said {name}. So {name} got {gift} and went on. "
    return text + f"On the seventh day {name} saw the sea, wide and blue, and sat down and was happy. The end."
