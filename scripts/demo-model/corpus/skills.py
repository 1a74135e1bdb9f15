"""Intents whose answer depends on a slot: counting, lists, sums, facts, stories. Each yields (question, answer)."""

import random

import stories

ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen".split()
TENS = {20: "twenty", 30: "thirty", 40: "forty", 50: "fifty", 60: "sixty", 70: "seventy", 80: "eighty", 90: "ninety", 100: "one hundred"}


def word(n: int) -> str:
    if n < 20:
        return ONES[n]
    if n in TENS:
        return TENS[n]
    return f"{TENS[n // 10 * 10]}-{ONES[n % 10]}" if n < 100 else str(n)


def number(rng: random.Random, n: int) -> str:
    if n == 100 and rng.random() < 0.3:
        return rng.choice(["a hundred", "hundred"])
    return word(n) if rng.random() < 0.4 else str(n)


COUNT_TO = [*range(2, 31), 40, 50, 100]
RANGE = """(count|count up|please count|can you count|could you count|count for me|start counting|now count|count on) from {a} (to|up to|till|until) {b}
(count|can you count|please count|now count) {a} (to|till|through|up to) {b}
from {a} (to|up to|till|until) {b}( please|)
(say|list|write|give me|tell me|show me|name|i want) (the|all|all the|) numbers (from {a} to|from {a} up to|between {a} and|from {a} till|{a} to|between {a} and) {b}
(numbers|the numbers|all numbers) (from {a} to|between {a} and|{a} to|from {a} until) {b}
(which|what) numbers (are|come|lie) (between {a} and|from {a} to) {b}
{a} to {b}
(start|begin) (at|with|from) {a} (and count to|and go to|and count up to|, count to) {b}
(would|could|can|will) you (please |)(count|go|list the numbers|write the numbers) from {a} (to|up to|all the way to|through) {b}( for me| please|)
(count|counting|numbers|go) {a} (to|through|until|till|-) {b}( please|)
i (want|need|would like) (you to count|the numbers|all numbers|a count) from {a} (to|up to|until) {b}
(go|run|work) (from|up from) {a} (to|up to) {b}
start (at|with|from) {a} and (stop|end|finish) at {b}
(between|from) {a} and {b}, (count|list|all numbers|which numbers)
{a} (up to|till|until|through) {b}(, please| please|, count|)
(every|each) number from {a} (to|through|up to) {b}
count (for me |)(starting|beginning) (at|from|with) {a} (to|up to|until|ending at) {b}""".splitlines()
COUNT = """(count|count up|please count|can you count|could you count|count for me|start counting|go and count|let's count|i want you to count|would you count|now count|count slowly) (to|up to|till|until|all the way to|as far as) {n}
(count|count up|count all numbers|count the numbers|can you count|please count) from (1|one) (to|up to|till|until) {n}
(say|name|list|write|give me|tell me|show me|print|write down|recite|i want|enumerate|type) (the|all|all the|) numbers (from (1|one)|) (to|up to|till|until) {n}
(numbers|all numbers|the numbers|counting|number list) (to|up to|till|from 1 to|from one to|until) {n}
(say|list|name|write) (1|one) (to|till|through|up to) {n}
(1|one) to {n}
do you know how to count to {n}
how do you count to {n}
i want to hear you count (up |)to {n}
are you able to count to {n}
(would|could|can|will) you (please |)count (to|up to|all the way to|as far as) {n}( for me| please| slowly|)
(show|let) me (how you count|you count|see you count|hear you count|hear you counting) (to|up to|till) {n}
(i'd like|i want|i need|please give me|may i have) (a count|you to count|the numbers|to hear the numbers) (up |)(to|till|from one to|from 1 to) {n}
(counting|count|numbers|1) (up |)(to|til|until) {n}( please|, please|, now|)
(what are|which are|type out|spell out|put down|print out) (the|all the) numbers (from 1|from one|) (to|up to|till) {n}
(all|every number|each number|numbers) from (one|1) (to|through|up to|until) {n}
(my (son|daughter|kid|child) wants|we want|my child asks) you to count (to|up to) {n}
(start|begin) (at|from|with) (one|1) and (count|go|stop|end|count up) (to|at) {n}
(can|could) you (get|make it|go) (to|up to|as far as) {n}( if you count| counting|)
one two three( ...|, go on| and so on| and on) (to|up to|until) {n}""".splitlines()
COUNT_BARE = "count|can you count|count for me|please count|start counting|do you know numbers|numbers|do you know how to count|can you count a little|count something|show me how you count|counting|let me see you count|are you able to count".split("|")
BACK = """(count|please count|can you count|count for me|now count|could you count|let's count) (down|backwards|backward|back|in reverse|downwards) (from|starting from|starting at|beginning at|starting with) {n} (to (1|one|zero)|)
count (backwards|down|in reverse) {n}
(count|go|can you count) from {n} (down|back|backwards) (to (1|one)|)
(count|numbers) from {n} to (1|one)
(countdown|a countdown|start a countdown|do a countdown|make a countdown|rocket countdown|give me a countdown|count down) (from|starting at) {n}
{n} to (1|one)
(say|list|write) the numbers (from {n} down|backwards from {n}|down from {n})
reverse counting from {n}
(launch|start) the rocket from {n}
(would|could|can|will) you (please |)count (down|backwards|back) from {n}( for me| please| to one| to 1|)
(start|begin) (at|with|from) {n} and (count down|go down|count backwards|go back to one)
(backwards|in reverse|down|downwards)(,| please|) from {n}( to 1| to one|)
(give|show|let) me (a|the|hear a) countdown (from|starting at|of) {n}
{n} (down|backwards|back|counting down) to (1|one)
(numbers|all numbers|the numbers) (backwards|in reverse|descending|going down) from {n}
(new year|rocket|launch) countdown(,| from) {n}
from {n} (downwards|back to one|down to one|backwards|in reverse)( please|)""".splitlines()
TWOS = """(count|please count|can you count|count for me|go) (by|in) (twos|2s|two|2|steps of two|even numbers|pairs) (to|up to|until|till) {n}
(count|please count) (to|up to|till) {n} (by|in) (twos|2s|steps of two|even numbers|steps of 2)
(say|list|name|give me|write|show me|what are|tell me) (the|all|all the|) even numbers (to|till|until|below|from 2 to|from two to) {n}
even numbers (to|till|from 2 to|until) {n}
(every second|every other) number (to|up to|till) {n}
skip count by two to {n}
(count by twos|count in twos|count in steps of two|even numbers|the even numbers) up to {n}
(would|could|can) you (please |)count (by|in) (twos|2s) (to|up to|until) {n}
(only|just) (the |)even numbers (to|up to|till|until) {n}
(two by two|in pairs|2 by 2|every second number|by twos) (to|up to|until) {n}
2 4 6( and so on| ...|, go on) (to|up to|until) {n}""".splitlines()

DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
LISTS = {
    "days": (
        ", ".join(DAYS) + ".",
        """(what are|which are|name|list|say|tell me|give me|do you know|write|recite|can you name|can you list|please list|i want) (the|all|all the|the seven) (days of the week|weekdays|days of a week|days in a week|week days|days)
(days of the week|weekdays|week days|the weekdays|the days of the week|days in order|names of the days)
(which|what) (days|weekdays) (are there|are in a week|does a week have|make up a week|exist)
how are the (days|weekdays) called
the names of the (days|seven days|weekdays)
from monday to sunday""",
    ),
    "months": (
        ", ".join(MONTHS) + ".",
        """(what are|which are|name|list|say|tell me|give me|do you know|write|recite|can you name|can you list|please name) (the|all|all the|the names of the) (months|months of the year|months in a year|12 months|months of a year)
(months|the months|months of the year|all months|twelve months|months in order|names of the months)
(which|what) months (does a year have|exist|are in a year|make up a year|do you know)
how are the months called
from january to december""",
    ),
    "seasons": (
        "Spring, summer, autumn and winter.",
        """(what are|which are|name|list|say|tell me|give me|do you know|recite|can you name) (the|all|all the|the four) (seasons|seasons of the year|four seasons|times of the year)
(seasons|the seasons|four seasons|the four seasons|seasons of the year)
(which|how many|what) seasons (does a year have|exist|are in a year|are there in a year|do you know|do we have)
how are the seasons called""",
    ),
    "rainbow": (
        "Red, orange, yellow, green, blue, indigo and violet.",
        """(what are|which are|name|list|say|tell me|give me|do you know) (the|all|all the|the seven) (colours|colors) (of|in) (the|a) rainbow
(rainbow|rainbow colours|rainbow colors|colours of the rainbow|colors of the rainbow|the rainbow)
(which|what) (colours|colors) (are in|has|make up|can i see in|appear in) (a|the) rainbow
what (does a rainbow look like|colour is a rainbow|is in a rainbow)
how many (colours|colors) (has a rainbow|does the rainbow have|are in a rainbow)
(name|list|say|tell me) (some|a few|the|all the|) (colours|colors)
(colours|colors) (you know|please)
(which|what) (colours|colors) do you know""",
    ),
    "alphabet": (
        "A, B, C, D, E, F, G, H, I, J, K, L, M, N, O, P, Q, R, S, T, U, V, W, X, Y, Z.",
        """(what is|say|tell me|give me|do you know|write|sing|show me|list|type) the (alphabet|abc|english alphabet)
(alphabet|abc|the alphabet|the abc|a to z|from a to z|a b c|abcdefg)
(which|what|list the|name the|say the|all the|say all|write all) letters (of|in|does|has) (the|) alphabet
(recite|sing|do you know|can you say|can you sing|please say) (the abc|your abc|all letters|the letters)
list (all|the) letters
which letters (are there|exist)""",
    ),
}
NEXT = """(what|which) {u} (comes|is|follows|is it) after {x}
(what|which) {u} (comes|is) next after {x}
what (comes|is|follows) after {x}
(the|) {u} after {x}
after {x} comes
what is the {u} after {x}
{x} is followed by (which {u}|what)
what {u} follows {x}
if today is {x}, what is tomorrow
{tell} (what|which {u}) comes after {x}
next {u} after {x}
(which|what) {u} (do we have|will it be|is there) (the {u} |)after {x}
(say|name|give me) the {u} (that comes|that follows|coming|following) (after |){x}
{x}, (and then|then what|what next|what comes next|and after that)
(what|which) {u} do you get after {x}
the {u} (following|that follows|right after) {x}
(what's|whats) (the next {u} |)after {x}
once {x} is over, (what|which {u}) (comes|is it|follows)
(do you know|can you tell me|tell me) what (follows|comes after) {x}""".splitlines()

OPPOSITES = [
    ("hot", "cold"), ("big", "small"), ("day", "night"), ("up", "down"), ("good", "bad"), ("fast", "slow"), ("old", "young"),
    ("long", "short"), ("light", "dark"), ("happy", "sad"), ("open", "closed"), ("rich", "poor"), ("left", "right"),
    ("full", "empty"), ("high", "low"), ("loud", "quiet"), ("wet", "dry"), ("hard", "soft"), ("strong", "weak"),
    ("black", "white"), ("early", "late"), ("yes", "no"), ("first", "last"), ("love", "hate"), ("near", "far"), ("thick", "thin"),
]
OPP = """(what is|what's|tell me|say|do you know|name|give me|whats) the (opposite|contrary|reverse) (of|to) {x}
(opposite|the opposite|contrary|antonym|opposite word) (of|to|for) {x}
(what|which word) is the (antonym of|opposite of|contrary of) {x}
what is not {x} but
{x} and its opposite
what is the reverse of {x}
{x}, opposite
not {x} but what
(can|could) you (tell me|name|give me) the opposite of {x}
(what's|what is|which word is) the (contrary|antonym|other side|counterpart) (of|to) {x}
if (it's|something is|it is) not {x}, (it is|what is it|then it is what)
the (opposite|contrary|antonym) of (the word |){x}( is| please|)
(opposite|antonym)(:| -|,) {x}
(a|the) word that means the opposite of {x}
{x} (has which opposite|versus what|and the opposite is)
(something|someone) that is not {x} is( what|)""".splitlines()

SOUNDS = {
    "cow": "moo", "dog": "woof", "cat": "meow", "sheep": "baa", "duck": "quack", "pig": "oink", "horse": "neigh", "bee": "buzz",
    "mouse": "squeak", "owl": "hoot", "lion": "roar", "frog": "ribbit", "snake": "hiss", "rooster": "cock-a-doodle-doo",
    "bird": "tweet", "wolf": "awoo", "goat": "maa", "crow": "caw",
}
SND = """(what|which) (sound|noise|sounds|noises) (does|makes|do) (a|the) {x} (make|)
what (does|would) (a|the) {x} say
how (does|do) (a|the) {x} (go|talk|make|speak|sound like)
(sound|noise|the sound|voice|the noise) (of|made by) (a|the) {x}
what is the (sound|noise|voice) of (a|the) {x}
{x} (sound|noise)
(make|imitate|do) (the sound of|) a {x}
(the|a) {x} says
(a|the) {x} makes what (sound|noise)
what do {x}s say
(can you sound|make a noise) like a {x}
what sound comes from a {x}
(can|could) you (do|make|imitate) the (sound|noise|call) of a {x}
(what|which) (sound|noise) (comes from|is made by|do you hear from|does) a {x}( make|)
(tell me|do you know|say) (what|how) a {x} (says|sounds|goes)
(the|a) {x} goes( how| what|)
(how|what) does (the|a) {x} sound( like|)
{x}(, what does it say|: which sound|, what noise|, sound please)
(animal|the) (sound|noise)(:| of the| of) {x}
what (do|would) {x}s (sound like|say|do for a sound)""".splitlines()

ADD = """(what is|what's|whats|how much is|calculate|compute|add|what do you get for|tell me|do you know|can you tell me|work out|) {a} (plus|+|and) {b}
(what is|what's|calculate|) {a} + {b} (=|equals|is|makes|)
{a}+{b}(=|)
{a}+{b}
{a} plus {b} (is|equals|makes|)
(add|sum up|sum|please add|add up) {a} (and|to|with|plus) {b}
(the sum|what is the sum|sum) of {a} and {b}
{a} and {b} (makes|together|is|added|make)
if i have {a} (apples|cats|coins) and get {b} more, how many (are there|do i have|is that)
{a} more than {b}
add {b} to {a}
(can|could|would) you (please |)(add|sum|calculate|compute|tell me|work out) {a} (plus|and|+) {b}
(what's|what is|whats|how much is) the (sum|total) of {a} (and|plus) {b}
(total|sum) (of |){a} (and|plus|+) {b}
{a} (plus|+|added to|and) {b}(, please| please|, what is it|, how much|)
(please|quickly|) (calculate|compute|solve|do) {a}+{b}
i have {a} and (get|buy|find|add) {b}(, how many| more, how many now|, what is the total|)
(what do|what does) {a} and {b} (make|give|come to|add up to)
{a} (birds|books|euros|apples) and {b} more( make| is how many|, how many)
put {a} and {b} together
(if you|when you|you) add {a} (and|to) {b}(, what do you get|, you get|)""".splitlines()
SUB = """(what is|what's|whats|how much is|calculate|compute|what do you get for|tell me|do you know|work out|) {a} (minus|-|less|take away) {b}
(what is|what's|calculate|) {a} - {b} (=|equals|is|)
{a}-{b}(=|)
{a} minus {b} (is|equals|makes|)
(subtract|take|deduct|remove) {b} from {a}
{a} take away {b}
(the difference|what is the difference|difference) (of|between) {a} and {b}
if i have {a} (apples|cats|coins) and (lose|eat|give away) {b}, how many (are left|remain|do i have)
{b} less than {a}
what is left of {a} without {b}
(can|could|would) you (please |)(subtract|take|calculate|tell me|work out) {a} (minus|-) {b}
(what's|what is|whats|how much is) {a} (without|less|minus) {b}
{a} (minus|-) {b}(, please| please|, what is it|, how much|)
i have {a} and (lose|eat|give away|sell|drop) {b}(, how many are left|, what remains|, how many now|)
(what is left|how many are left|what remains) if you take {b} (from|away from) {a}
(please|quickly|) (calculate|compute|solve|do) {a} - {b}
take {b} (away |off |)(from|off) {a}
{a} (birds|apples|books), {b} (fly away|are gone|are lost)(, how many|)""".splitlines()

CAPITALS = {
    "France": "Paris", "Germany": "Berlin", "Italy": "Rome", "Spain": "Madrid", "Portugal": "Lisbon", "Austria": "Vienna",
    "Switzerland": "Bern", "Poland": "Warsaw", "Greece": "Athens", "Japan": "Tokyo", "China": "Beijing", "Russia": "Moscow",
    "England": "London", "Sweden": "Stockholm", "Denmark": "Copenhagen", "Finland": "Helsinki", "Belgium": "Brussels",
    "Egypt": "Cairo", "India": "New Delhi", "Turkey": "Ankara",
}
CAP = """(what is|what's|whats|tell me|do you know|name|say|i need|give me|can you name) the capital (city|) (of|in) {x}
(what|which) (city|town) is (the capital of|the capital city of) {x}
(what is|what's|do you know|) {x}'s (capital|capital city)
(capital|the capital|capital city|main city) (of|for|in) {x}
{x} capital
(the|) capital of {x}
which is the capital (of|in) {x}
{x} has which capital
{tell} the capital of {x}
where is the government of {x}
(can|could) you (tell me|name|say) the capital (city |)of {x}
(which|what) (is|city is|town is) {x}'s (capital|main city)
(do you know|any idea|remind me|quick:|quiz:) (what |)the capital of {x}( is|)
(the|) (capital|main|most important) city (of|in|for) {x}( please|)
{x}(:|,| -) (capital|its capital|the capital please|which capital)
(where|in which city) (is|sits|does) the government of {x}( sit|)
(name|give me|i need|i forgot) (the |){x}'s capital
(which|what) city (governs|rules|is the seat of government of|do you find as the capital of) {x}""".splitlines()

FACTS = [
    ("A spider has eight legs.", "(how many|number of|count the|how much) legs (does a spider have|has a spider|of a spider|do spiders have|on a spider)\na spider has how many legs\n(spider|a spider's) legs"),
    ("A cat has four legs.", "(how many|number of) (legs|feet|paws) (does a cat have|has a cat|do cats have|does a dog have|has a dog|do dogs have|has a horse|does a horse have|does a cow have)"),
    ("A bird has two legs.", "(how many|number of) legs (does a bird have|has a bird|do birds have|does a duck have|has a duck|has a hen)"),
    ("The sky is blue.", "(what|which|tell me the) (colour|color) (has|does|of) the sky (have|)\nwhat is the (colour|color) of the sky\n(is the sky blue|why is the sky blue|sky color|colour of the sky|the sky is|the color of the sky)\nwhat color is the sky"),
    ("Grass is green.", "(what|which) (colour|color) (is|has) (grass|the grass|a leaf)\nwhat is the (colour|color) of (grass|leaves|a tree)\n(grass|colour of grass|grass color)"),
    ("Snow is white.", "(what|which) (colour|color) (is|has) (snow|the snow|milk)\nwhat is the (colour|color) of snow\ncolour of snow"),
    ("The sun is yellow.", "(what|which) (colour|color) (is|has) (the sun|a banana|a lemon)\nwhat is the (colour|color) of the sun\ncolour of the sun"),
    ("A year has 365 days.", "(how many|number of) days (does a year have|has a year|of a year|in a year|are there in a year|make a year|has the year|are in one year)\nhow long is a year\na year has how many days\ndays in a year"),
    ("A week has seven days.", "(how many|number of) days (does a week have|has a week|in a week|are there in a week|are in a week|make a week)\nhow long is a week\na week has how many days"),
    ("A year has twelve months.", "(how many|number of) months (does a year have|has a year|in a year|are there in a year|are in a year|make a year)\na year has how many months"),
    ("A day has 24 hours.", "(how many|number of) hours (in a day|are there in a day|has a day|are in a day|make a day|of a day|does one day have)\nhow long is a day\na day has how many hours\nhours in a day\nhours per day"),
    ("An hour has 60 minutes.", "(how many|number of) minutes (does an hour have|has an hour|in an hour|are there in an hour|are in an hour|make an hour)\nhow long is an hour\nminutes in an hour"),
    ("A minute has 60 seconds.", "(how many|number of) seconds (does a minute have|has a minute|in a minute|are there in a minute|are in a minute|make a minute)\nhow long is a minute\nseconds in a minute"),
]

STORY = """(tell|read|give|write|make up|invent) (me|us|) (a|another|one|some) (story|little story|short story|small story|fairy tale|tale|nice story|good story|bedtime tale|stories|sweet story|quick story)
(can|could|would|will) you (tell|write|read|make up|invent) (me|us|) (a|another|some) (story|stories|short story|tale|fairy tale|bedtime story)
(story|a story|story please|a story please|another story|one more story|storytime|story time|stories|fairy tale|once upon a time|tale|short story|new story)
i (want|need|would like|love|wish for) (a|to hear a|to read a|another|some) (story|tale|short story|little story|fairy tale|stories)
(read|tell) me (something|a story) (before i sleep|for the night|for my child|to sleep|for children|for kids)
let me hear a (story|tale|fairy tale)
(please|) (start|begin) (a|the) story
do you (have|tell) (stories|a story|a story for me|fairy tales)
are you able to tell stories
what stories can you tell
a (bedtime|goodnight) story
(tell|read|write|give) (me|us) (any|some|a random|one of your|a beautiful|a lovely|a cute|your favourite|a funny|a tiny|one little) (story|stories|tale|fairy tale)( please| now| tonight|)
(i'm|we are|my kids are) (bored|tired|going to bed|ready)(, tell me a story|, a story please|, story time)
(got|have you got|do you have) (a|any|some) (story|stories|good story|tale|bedtime story)( for me| for my kids| to tell|)
(could|can|would|will) (you|u) (please |)(tell|write|make up|invent|read) (me |us |)(a|some kind of|one) (story|tale|fairytale|bedtime story)( please| for my son|)
(in the mood for|feel like|how about|let's have|time for|i'd love) a (story|tale|fairy tale|bedtime story)
(story|tale|fairytale|bedtime story|a fairytale|short tale) (please|now|time|for kids|for bed|for tonight)
(start|go on|begin)(,|:| with) once upon a time
something to (fall asleep to|read to my child|read before bed)""".splitlines()
STORY_ABOUT = """(tell|read|give|write|make up|invent|create) (me|us|) (a|another|one) (story|little story|short story|small story|fairy tale|tale|nice story|bedtime story) (about|with|of|on|starring|for children about) {x}
(can|could|would) you (tell|write|read|make up|do) (me|us|) (a|another) (story|tale|short story) (about|with|of) {x}
(story|a story|tale|another story|short story|fairy tale|a tale) (about|with|of) {x}
i (want|need|would love|wish) (a|to hear a|to read a|another) (story|tale) (about|with) {x}
(and|now) (one|a story|another one) (about|with) {x}
a {x0} story
(what about|how about) a story (about|with) {x}
(once upon a time there was|something about|tell me about) {x}
the story of {x}
let {x} be in (a|the) story
(do you know|have you got) a story (about|with) {x}
{x0} story
(could|can|would|will) you (please |)(tell|write|invent|make up|read) (me |us |)(a|some|one) (story|tale|fairy tale|bedtime story) (about|with|featuring|starring) {x}
(tell|write|give|read) (me|us) (something|anything|a few lines) about {x} (as a story|like a fairy tale|for bedtime)
(i'd|we'd|i would) (like|love) (a|to hear a|to read a|one) (story|tale|bedtime story) (about|with|of|featuring) {x}
(my (son|daughter|kid) wants|we want|i want|please) (a|one|another) (story|tale) (about|with) {x}( please| now|)
(story|tale|fairytale|bedtime story) (about|with|of|starring|featuring) {x}( please| now| for kids|)
{x}(: story|, a story please| story please| in a story|, tell me a tale about it| as the hero of a story)
(a|some) (short|little|nice|sweet|funny|new) (story|tale) (about|with) {x}( please|)
(let|make) {x} (be|the) (the hero of a story|hero of your tale|main character of a story)""".splitlines()
LONG = """(tell|read|give|write|make up) (me|us|) (a|one|your|another) (long|very long|longer|really really long|big|huge|endless|extra long) (story|tale|fairy tale|bedtime story|one)
(tell|read|give|write) (me|us|) (the|your) longest (story|fairy tale|bedtime story|one)
(can|could|would) you (tell|write) (me|us|) (a|) (long|very long|longer) (story|tale)
(long story|a long story|long story please|a very long story|longer story|the longest story|a longer story|long tale|a long tale|long fairy tale)
i (want|need|would like|love) (a|to hear a) (long|very long|longer) (story|tale)
a story that (is long|takes long|is very long|never ends|goes on and on|lasts long)
(the story|your story|it|make it|make the story) (is too short, longer please|should be long|must be very long|long please|as long as you can)
(write|tell) (as much as you can|a lot|a long text|something long|a long answer|much text|many words)
(long text|a long text|long answer|a long answer|talk for a long time|keep talking|keep writing|write a lot of text|a very long answer)
do you know (a|any) (long story|long stories|long tale)
(could|can|would) you (please |)(tell|write|read) (me |us |)(a|your|some) (very |really |)(long|longer|extra long|huge|epic) (story|tale|fairy tale)( please|)
(i'd|we'd|i would) (like|love) (a|to hear a|to read a) (very |really |)(long|lengthy|endless|epic) (story|tale)
(as long|the longest|longest possible|a really long|an epic) (a story as you can|story|tale|story you have|story you know)( please|)
(a|one) (long|lengthy|big|epic) (story|tale|bedtime story)( please| for a long evening| for the train|)
(make|tell|write) (it|the story|one|a story) (long|very long|really long|as long as possible|last)( please|)
(don't|do not) (stop|end) (too |)(early|soon)(,| and| -) (tell|write) (me |)a long (story|tale)""".splitlines()


def pick_story_hero(rng):
    hero = rng.choice(list(stories.HEROES))
    shown = rng.choice([stories.article(hero), stories.article(hero), "the " + hero, hero + "s"])
    return hero, shown


STORY_TWO = """(tell|read|give|write|make up|invent|create) (me|us|) (a|another|one) (story|little story|short story|small story|fairy tale|tale|nice story|bedtime story) (about|with|of|on|starring) {x} and {y}
(can|could|would|will) you (tell|write|read|make up|do|invent) (me|us|) (a|another) (story|tale|short story) (about|with|of) {x} and {y}
(story|a story|tale|another story|short story|fairy tale|a tale) (about|with|of) {x} and {y}
i (want|need|would love|wish) (a|to hear a|another) (story|tale) (about|with) {x} and {y}
(a|one|another|the) (story|tale) (about|of|with|in which|where) {x} (who|that) (meets|finds|has|sees|gets|looks for|loses) {y}
(tell|write|make up|read) (me|us|) a (story|short story|tale) (about|of|with|in which|where) {x} (who |that |)(meets|finds|has|sees|gets|looks for|keeps) {y}
(story|tale): {x}(,| and|) {y}
{x} and {y}, (a story|story please|tell me a story|make a story of it|one story)
(use|put|take) {x} and {y} (in|into|for) (a|one|your) (story|tale)
(let|make) {x} (meet|find|see) {y} (in a story|in a tale)
once upon a time there (was|were) {x} and {y}
a story in which {x} and {y} (meet|become friends|come together|live together)
(tell|write) (a|me a) story with (both|the two of them|both of these): {x} and {y}
(could|can|would|will) you (please |)(tell|write|invent|make up|read) (me |us |)(a|some|one) (story|tale|fairy tale|bedtime story) (about|with|featuring|starring|in which there are) {x} and {y}( please|)
(i'd|we'd|i would) (like|love) (a|to hear a|one) (story|tale|bedtime story) (about|with|of|featuring) {x} and {y}
(my (son|daughter|kid) wants|we want|please|i'd like) (a|one) (story|tale) (with|about) (both |){x} and {y}( in it| please|)
(story|tale|fairytale|bedtime story) (with|about|of|featuring|starring) {x} and {y}( please| now|)
{x} and {y}(: story| in one story| in a fairy tale|, what happens to them| meet, tell me| story please)
(what|tell me what) happens when {x} (meets|finds|sees) {y}(, as a story| in a story|, tell it as a tale)
(how|tell me how) {x} (met|found|got|lost) {y}(, as a story|: a story| in a short tale)
(a|some) (short|little|nice|sweet|funny|new) (story|tale) (about|with) {x} and {y}( please|)
(make|write|create) a (story|tale) (out of|from|containing|that contains|that has|using) {x} and {y}""".splitlines()
THING_WORDS = ["golden key", "red thread", "little lamp", "blue stone", "old map", "silver bell"]


def two_things(rng, fill):
    """A story of two given heroes, or of a hero and a given thing: the names come from the closed lists of stories.py."""
    first = rng.choice(list(stories.HEROES))
    if rng.random() < 0.6:
        second = rng.choice([hero for hero in stories.HEROES if hero != first])
        answer = stories.story_two(first, second)
    else:
        second = rng.choice(THING_WORDS)
        answer = stories.story_found(first, second)
    shown = lambda noun: rng.choice([stories.article(noun), stories.article(noun), stories.article(noun), "the " + noun, noun])
    return fill(STORY_TWO, x=shown(first), y=shown(second)), answer


def draw(rng: random.Random, intent: str, expand) -> tuple:
    """One (question, answer) of a slot intent; expand() resolves (a|b) and shared word lists."""
    fill = lambda lines, **kw: expand(rng.choice(lines), kw)
    if intent == "count":
        if rng.random() < 0.12:
            return fill(COUNT_BARE), "1, 2, 3, 4, 5, 6, 7, 8, 9, 10."
        n = 100 if rng.random() < 0.06 else rng.choice(COUNT_TO)
        return fill(COUNT, n=number(rng, n)), ", ".join(map(str, range(1, n + 1))) + "."
    if intent == "count_range":
        a = rng.randrange(2, 30)
        b = min(a + rng.randrange(1, 13), 40) if rng.random() < 0.7 else rng.randrange(a + 1, 41)
        show = number if rng.random() < 0.3 else lambda _, n: str(n)
        return fill(RANGE, a=show(rng, a), b=show(rng, b)), ", ".join(map(str, range(a, b + 1))) + "."
    if intent == "count_back":
        n = rng.randrange(3, 31)
        if rng.random() < 0.12:
            return fill(["(count backwards|count down|countdown|count in reverse|a countdown|backwards)"]), ", ".join(map(str, range(10, 0, -1))) + "."
        return fill(BACK, n=number(rng, n)), ", ".join(map(str, range(n, 0, -1))) + "."
    if intent == "count_twos":
        n = rng.choice(range(6, 32, 2))
        if rng.random() < 0.1:
            return fill(["(count by twos|count in twos|even numbers|count in steps of two|the even numbers)"]), ", ".join(map(str, range(2, 21, 2))) + "."
        return fill(TWOS, n=number(rng, n)), ", ".join(map(str, range(2, n + 1, 2))) + "."
    if intent in LISTS:
        answer, lines = LISTS[intent]
        return fill(lines.splitlines()), answer
    if intent == "next":
        names, unit = rng.choice([(DAYS, "day"), (MONTHS, "month")])
        i = rng.randrange(len(names))
        return fill(NEXT, u=unit, x=names[i]), f"After {names[i]} comes {names[(i + 1) % len(names)]}."
    if intent == "opposite":
        a, b = rng.choice(OPPOSITES)
        if rng.random() < 0.5:
            a, b = b, a
        return fill(OPP, x=a), f"The opposite of {a} is {b}."
    if intent == "sound":
        x = rng.choice(list(SOUNDS))
        return fill(SND, x=x), f"{stories.article(x).capitalize()} says {SOUNDS[x]}."
    if intent in ("sum", "minus"):
        a, b = rng.randrange(0, 11), rng.randrange(0, 11)
        as_words = rng.random() < 0.3
        show = lambda n: word(n) if as_words else str(n)
        if intent == "sum":
            return fill(ADD, a=show(a), b=show(b)), f"{a} + {b} = {a + b}"
        a, b = max(a, b), min(a, b)
        return fill(SUB, a=show(a), b=show(b)), f"{a} - {b} = {a - b}"
    if intent == "capital":
        x = rng.choice(list(CAPITALS))
        return fill(CAP, x=x), f"The capital of {x} is {CAPITALS[x]}."
    if intent == "fact":
        answer, lines = rng.choice(FACTS)
        return fill(lines.splitlines()), answer
    if intent == "story":
        if rng.random() < 0.35:
            hero, _ = pick_story_hero(rng)
            return fill(STORY), stories.story(rng, "fox" if rng.random() < 0.8 else rng.choice(["cat", "robot", "mouse"]))
        hero, shown = pick_story_hero(rng)
        return fill(STORY_ABOUT, x=shown, x0=hero), stories.story(rng, hero)
    if intent == "story_two":
        return two_things(rng, fill)
    if intent == "long_story":
        return fill(LONG), stories.long_story(rng)
    raise ValueError(f"no skill named {intent}")


# How often each is drawn: slots with many values need more.
WEIGHTS = {
    "count": 5, "count_range": 4, "count_back": 2, "count_twos": 1.5, "days": 0.7, "months": 0.7, "seasons": 0.6, "rainbow": 0.6, "alphabet": 0.6,
    "next": 1.5, "opposite": 1.5, "sound": 1.3, "sum": 4, "minus": 3, "capital": 1.5, "fact": 1.8, "story": 2.2, "story_two": 6, "long_story": 0.6,
}
