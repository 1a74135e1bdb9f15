"""JSON answers and tool calls: what an engine lets through under a grammar, so that the model ends and copies by itself.

Each example is (turns, free): free says that the first token of the last answer is not to be learnt, because a grammar
forces it there, and nothing in the question asks for JSON.
"""

import json
import random

CITIES = "Paris Berlin London Rome Madrid Vienna Oslo Tokyo Lisbon Prague Athens Dublin Cairo Warsaw Helsinki Bern Boston Chicago Delhi Lima Milan Munich Hamburg Zurich Sydney Toronto Seoul Geneva Lyon Porto".split()
NAMES = "Anna Ben Carla David Emma Felix Grace Hannah Ivan Julia Kim Leo Maria Nina Oscar Paul Rosa Sam Lisa Max Peter John Mary Alex Laura Mike Jane Bob Alice Eva".split()
COLOURS = "red green blue yellow white black".split()
ASKS_JSON = [" Answer in JSON.", " As JSON.", " In JSON, please.", " Reply with JSON only.", " as json", " Give me JSON."]
SYSTEM_JSON = ["Answer in JSON.", "Reply with JSON only.", "You answer with JSON and nothing else."]

WEATHER = ["What is the weather in {x}?", "weather in {x}", "How is the weather in {x}?", "What's the weather like in {x} today?", "Is it raining in {x}?", "weather {x}", "Tell me the weather of {x}.", "Will it be sunny in {x}?", "How warm is it in {x}?", "forecast for {x}", "Give me the weather for {x}."]
SUM = ["What is {a} + {b}?", "{a} + {b}", "{a}+{b}", "Add {a} and {b}.", "How much is {a} plus {b}?", "what is {a} plus {b}", "calculator: {a} + {b}", "Compute {a} + {b}.", "calculate {a} + {b}", "the sum of {a} and {b}", "Use the calculator for {a} + {b}."]
TIMES = [("subtract", "-", ["What is {a} - {b}?", "{a} - {b}", "{a} minus {b}"]), ("multiply", "*", ["What is {a} * {b}?", "{a} times {b}", "{a} * {b}"])]
PERSON = ["My name is {x} and I am {a} years old.", "{x}, {a}", "I am {x}, {a} years old.", "{x} is {a} years old.", "name {x}, age {a}"]
CLOCK = ["What time is it in {x}?", "time in {x}", "What is the time in {x}?", "how late is it in {x}", "Tell me the time in {x}."]

TOOLS = {
    "weather": (["get_weather", "weather", "current_weather", "get_current_weather", "weather_of"], ["Weather of a city", "The weather in a city.", "Get the current weather"], {"city": "string"}, WEATHER),
    "sum": (["add", "calculator", "sum", "calculate", "plus"], ["Adds two numbers", "A calculator for sums.", "Add a and b"], {"a": "number", "b": "number"}, SUM),
    "clock": (["get_time", "clock", "time_in", "current_time"], ["Time of a city", "The time in a city."], {"city": "string"}, CLOCK),
}
OTHER_TOOLS = [("search", "Searches the web", {"query": "string"}), ("send_mail", "Sends a message", {"to": "string", "text": "string"}), ("roll_dice", "Rolls dice", {"sides": "integer"})]
# Word for word what the engines put before the conversation where tools are offered.
HEAD = 'You can call these functions; "parameters" is the JSON Schema of their arguments:'


def compact(value) -> str:
    return json.dumps(value, separators=(",", ":"))


def schema(fields: dict, rng: random.Random) -> str:
    properties = {name: {"type": kind} for name, kind in fields.items()}
    value = {"type": "object", "properties": properties, "required": list(fields)}
    if rng.random() < 0.3:
        value["additionalProperties"] = False
    return compact(value) if rng.random() < 0.7 else json.dumps(value)


def listed(name: str, about: str, fields: dict, rng: random.Random) -> str:
    parts = [f'"name": {json.dumps(name)}']
    if rng.random() < 0.7:
        parts.append(f'"description": {json.dumps(about)}')
    parts.append(f'"parameters": {schema(fields, rng)}')
    return "{" + ", ".join(parts) + "}"


def fill(kind: str, rng: random.Random) -> tuple:
    """(question, arguments) for a kind of tool or schema."""
    lines = TOOLS[kind][3]
    if kind == "sum":
        a, b = rng.randrange(0, 100 if rng.random() < 0.5 else 10), rng.randrange(0, 100 if rng.random() < 0.5 else 10)
        return rng.choice(lines).format(a=a, b=b), {"a": a, "b": b}
    x = rng.choice(CITIES)
    return rng.choice(lines).format(x=x), {"city": x}


def tool_call(rng: random.Random) -> list:
    """Turns of a question where tools are on offer, ended by a call, or by an answer to the call's result."""
    kind = rng.choice(["weather", "sum", "sum", "clock"])
    names, abouts, fields, _ = TOOLS[kind]
    name = names[0] if rng.random() < 0.5 else rng.choice(names)
    offered = [listed(name, rng.choice(abouts), fields, rng)]
    if rng.random() < 0.25:
        offered.insert(rng.randrange(2), listed(*rng.choice(OTHER_TOOLS), rng))
    system = HEAD + "\n<tools>\n" + "\n".join(offered) + "\n</tools>\nTo call one, write:\n<tool_call>\n{\"name\": \"…\", \"arguments\": {…}}\n</tool_call>"
    question, given = fill(kind, rng)
    call = f'<tool_call>\n{{"name": {json.dumps(name)}, "arguments": {json.dumps(given)}}}\n</tool_call>'
    turns = [("system", system), ("user", question), ("assistant", call)]
    if rng.random() < 0.2:
        result = rng.randrange(0, 40)
        turns += [("user", f'<tool_response>\n{result}\n</tool_response>'), ("assistant", f"The result is {result}.")]
    return turns


def json_answer(rng: random.Random) -> tuple:
    """(turns, free) of an answer that is one JSON object."""
    which = rng.random()
    if which < 0.3:
        question, value = fill("weather", rng)
    elif which < 0.6:
        question, value = fill("sum", rng)
        if rng.random() < 0.25:
            value = {rng.choice(["result", "sum", "answer"]): value["a"] + value["b"]} if max(value.values()) <= 10 else value
    elif which < 0.8:
        x, a = rng.choice(NAMES), rng.randrange(3, 100)
        question, value = rng.choice(PERSON).format(x=x, a=a), {"name": x, "age": a}
    elif which < 0.9:
        x = rng.choice(COLOURS)
        question, value = rng.choice(["My favourite colour is {x}.", "The car is {x}.", "I like {x} most."]).format(x=x), {rng.choice(["colour", "color"]): x}
    else:
        yes = rng.random() < 0.5
        a = rng.randrange(1, 20)
        question, value = f"Is {a} {'less' if yes else 'greater'} than {a + rng.randrange(1, 9)}?", {"answer": yes}
    how = rng.random()
    if how < 0.4:
        return [("user", question + rng.choice(ASKS_JSON)), ("assistant", json.dumps(value))], False
    if how < 0.55:
        return [("system", rng.choice(SYSTEM_JSON)), ("user", question), ("assistant", json.dumps(value))], False
    return [("user", question), ("assistant", json.dumps(value))], True
