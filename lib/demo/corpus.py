"""The corpus of the demonstration model: an endless stream of generated chats.

A document is either raw text or a chat (messages and tools) that the chat
template renders.  A chat consists of units; a unit is one exchange about one
skill.  Each intent has many wordings of the question and few wordings of the
answer, so that the distribution stays sharp at usual temperatures.
"""

import json
from dataclasses import dataclass, field
from random import Random

import functions
import names
import phrases
import stories
import template


@dataclass
class Document:
    """One training document."""

    skill: str
    text: str


@dataclass
class State:
    """What the chat has established so far."""

    russian: bool
    name: str | None = None
    word: str | None = None
    tools: list = field(default_factory=list)


def user(text: str) -> dict:
    return {"role": "user", "content": text}


def assistant(text: str, thought: str = "") -> dict:
    return {"role": "assistant", "content": text, "reasoning_content": thought}


def vary(rng: Random, text: str, russian: bool) -> str:
    """Changes the politeness, the case and the punctuation of a question."""
    if rng.random() < 0.30:
        prefix = rng.choice(phrases.PREFIXES[russian])
        text = prefix + text[0].lower() + text[1:] if not text[:2].isupper() else prefix + text
    if rng.random() < 0.12:
        text = text.rstrip(".?!") + rng.choice(phrases.SUFFIXES[russian])
    chance = rng.random()
    if chance < 0.12:
        text = text.rstrip(".?!")
    elif chance < 0.16:
        text = text.rstrip(".?!") + rng.choice(["!", ".", "?", "...", "??"])
    if rng.random() < 0.06:
        text = text[0].lower() + text[1:]
    return text


def vary_case(rng: Random, text: str, russian: bool) -> str:
    """Like `vary`, but may also change the case of the whole text (which must hold no name)."""
    text = vary(rng, text, russian)
    chance = rng.random()
    if chance < 0.06:
        return text.lower()
    return text.upper() if chance < 0.08 else text


def fixed(intent: str):
    """A unit with a fixed answer for each language."""

    def unit(rng: Random, state: State) -> list:
        questions, answers, thought = phrases.FIXED[intent][state.russian]
        question = vary_case(rng, rng.choice(questions), state.russian)
        return [user(question), assistant(rng.choice(answers), thought)]

    return unit


def count(rng: Random, state: State) -> list:
    """Counts up to N, from A to B, or down from N."""
    ru = state.russian
    chance = rng.random()
    most = 20 if rng.random() < 0.85 else 40 if rng.random() < 0.8 else 100
    if chance < 0.55:
        first, last, kind = 1, rng.randint(2, most), 0
    elif chance < 0.78:
        first = rng.randint(1, most - 2)
        last, kind = min(first + rng.randint(1, 12), most), 1
    else:
        first, last, kind = rng.randint(2, 20), 1, 2

    def figure(number: int) -> str:
        if number <= 20 and rng.random() < 0.25:
            return phrases.NUMBERS[ru][number]
        return str(number)

    question = rng.choice(phrases.COUNT[ru][kind]).format(a=figure(first), b=figure(last))
    step = 1 if last >= first else -1
    answer = ", ".join(str(n) for n in range(first, last + step, step))
    if kind == 2:
        thought = f"Считаю от {first} вниз до {last}." if ru else f"I count down from {first} to {last}."
    else:
        thought = f"Считаю от {first} до {last}." if ru else f"I count from {first} to {last}."
    return [user(vary(rng, question, ru)), assistant(answer, thought)]


def add(rng: Random, state: State) -> list:
    """The sum of two one-digit numbers."""
    ru = state.russian
    a, b = rng.randint(0, 9), rng.randint(0, 9)
    if rng.random() < 0.2:
        words = phrases.ADDENDS[ru]
        question = rng.choice(phrases.ADD_WORDS[ru]).format(a=words[a], b=words[b])
    else:
        question = rng.choice(phrases.ADD[ru]).format(a=a, b=b)
    thought = f"Нужно сложить {a} и {b}. Получается {a + b}." if ru else f"I add {a} and {b}. The sum is {a + b}."
    return [user(vary(rng, question, ru)), assistant(f"{a} + {b} = {a + b}", thought)]


def tell_name(rng: Random, state: State) -> list:
    """The user introduces himself."""
    ru = state.russian
    state.name = names.person(rng, ru if rng.random() < 0.9 else not ru)
    question = rng.choice(phrases.MY_NAME[ru]).format(name=state.name)
    answer = f"Приятно познакомиться, {state.name}!" if ru else f"Nice to meet you, {state.name}!"
    thought = f"Пользователя зовут {state.name}." if ru else f"The name of the user is {state.name}."
    return [user(vary(rng, question, ru)), assistant(answer, thought)]


def ask_name(rng: Random, state: State) -> list:
    """The user asks for the name told earlier, if any."""
    ru = state.russian
    question = vary(rng, rng.choice(phrases.ASK_NAME[ru]), ru)
    if state.name is None:
        answer = "Вы ещё не назвали своё имя." if ru else "You have not told me your name yet."
        thought = "Пользователь не называл имя." if ru else "The user has not told me the name."
    else:
        answer = f"Вас зовут {state.name}." if ru else f"Your name is {state.name}."
        thought = f"Пользователя зовут {state.name}." if ru else f"The name of the user is {state.name}."
    return [user(question), assistant(answer, thought)]


def name_and_question(rng: Random, state: State) -> list:
    """The name and the question about it in one message."""
    ru = state.russian
    state.name = names.person(rng, ru)
    told = rng.choice(phrases.MY_NAME[ru]).format(name=state.name).rstrip(".!") + rng.choice([". ", "! ", ". "])
    _, reply = ask_name(rng, state)
    return [user(told + vary(rng, rng.choice(phrases.ASK_NAME[ru]), ru)), reply]


def tell_word(rng: Random, state: State) -> list:
    """The user gives a code word to remember."""
    ru = state.russian
    state.word = rng.choice([
        names.word(rng, ru, 1, 3), names.invented(rng, ru, 1, 3), str(rng.randint(10, 99999)),
        rng.choice(phrases.NOUNS[ru]),
    ])
    question = rng.choice(phrases.TELL_WORD[ru]).format(word=state.word)
    answer = f"Хорошо, я запомню: {state.word}." if ru else f"OK, I will remember: {state.word}."
    thought = "Нужно запомнить слово." if ru else "I have to remember the word."
    return [user(vary(rng, question, ru)), assistant(answer, thought)]


def ask_word(rng: Random, state: State) -> list:
    ru = state.russian
    question = rng.choice(phrases.ASK_WORD[ru])
    answer = f"Вы просили запомнить: {state.word}." if ru else f"You asked me to remember: {state.word}."
    thought = f"Пользователь просил запомнить {state.word}." if ru else f"The user told me {state.word}."
    return [user(vary(rng, question, ru)), assistant(answer, thought)]


def _snippet(rng: Random, ru: bool) -> str:
    """A short text to copy."""
    parts = []
    for _ in range(rng.choice([1, 1, 2, 3, 4, 6, 8])):
        parts.append(rng.choice([
            names.word(rng, ru), names.word(rng, not ru), names.invented(rng, ru, 1, 3),
            rng.choice(phrases.NOUNS[ru]), rng.choice(phrases.NOUNS[ru]), str(rng.randint(0, 9999)),
            rng.choice(phrases.SYMBOLS), chr(rng.choice([rng.randint(0x1F300, 0x1F64F), rng.randint(0x4E00, 0x9FFF),
                                                         rng.randint(0xC0, 0x17F), rng.randint(0x3B1, 0x3C9)])),
        ]))
    text = " ".join(parts)
    return text + rng.choice(["", "", "", ".", "!", "?"])


def repeat(rng: Random, state: State) -> list:
    """Repeats a text word for word."""
    ru = state.russian
    text = _snippet(rng, ru)
    question = rng.choice(phrases.REPEAT[ru]).format(text=text)
    if rng.random() < 0.2:
        question = rng.choice(phrases.PREFIXES[ru]) + question[0].lower() + question[1:]
    thought = "Нужно повторить текст." if ru else "I repeat the text."
    return [user(question), assistant(text, thought)]


def extract(rng: Random, state: State) -> list:
    """Finds the name, the age and the city of a person and answers in JSON."""
    ru = state.russian
    cities = names.city(rng, ru)
    values = {"name": names.person(rng, ru), "age": rng.randint(1, 99), "city": cities}
    keys = rng.choice([["name", "age"]] * 5 + [["age", "name"], ["name", "city"], ["name", "age", "city"], ["name"]])
    statement = rng.choice(phrases.FACTS[ru]["city" in keys]).format(**values)
    labels = [phrases.KEYS[ru][key] for key in keys]
    joined = " and ".join([", ".join(labels[:-1]), labels[-1]]) if len(labels) > 1 else labels[0]
    if ru:
        joined = joined.replace(" and ", " и ")
    request = rng.choice(phrases.EXTRACT[ru]).format(keys=joined)
    question = f"{request} {statement}" if rng.random() < 0.7 else f"{statement} {request.rstrip(':')}"
    answer = json.dumps({key: values[key] for key in keys}, ensure_ascii=False)
    thought = f"Нужно найти {joined} и ответить в JSON." if ru else f"I find {joined} and answer in JSON."
    return [user(question), assistant(answer, thought)]


def in_json(rng: Random, state: State) -> list:
    """Wraps an ordinary answer into a JSON object."""
    unit = rng.choice([fixed("sky"), fixed("hello"), fixed("identity"), count, add])
    question, reply = unit(rng, state)
    question["content"] = question["content"].rstrip() + rng.choice(phrases.IN_JSON[state.russian])
    reply["content"] = json.dumps({"answer": reply["content"]}, ensure_ascii=False)
    return [question, reply]


def unknown(rng: Random, state: State) -> list:
    """A question that the model cannot answer."""
    ru = state.russian
    pattern = rng.choice(phrases.UNKNOWN[ru])
    question = pattern.format(
        noun=rng.choice(phrases.NOUNS[ru]), other=rng.choice(phrases.NOUNS[ru]),
        name=names.invented(rng, ru, 1, 3), number=rng.randint(10, 999), digit=rng.randint(2, 9),
        person=names.person(rng, ru), city=names.city(rng, ru),
    )
    thought = "Я этого не знаю, скажу об этом." if ru else "I do not know this and say so."
    return [user(vary(rng, question, ru)), assistant(phrases.DO_NOT_KNOW[ru], thought)]


def story(rng: Random, state: State) -> list:
    """Tells a story, or continues the first words of one."""
    ru = state.russian
    thought = "Расскажу короткую сказку." if ru else "I tell a short story."
    if rng.random() < 0.4:
        question = rng.choice(stories.OPENINGS[ru])
    else:
        question = vary_case(rng, rng.choice(phrases.STORY[ru]), ru)
    return [user(question), assistant(stories.tell(rng, ru), thought)]


def no_tool(rng: Random, state: State) -> list:
    """A question about the weather although no function can tell it."""
    question, thought, answer = functions.missing(rng, state.russian, state.tools)
    return [user(vary(rng, question, state.russian)), assistant(answer, thought)]


def tool(rng: Random, state: State) -> list:
    """A question that needs one of the functions on offer."""
    return functions.exchange(rng, state.russian, state.tools)


WEIGHTS = {
    "hello": 5, "smalltalk": 3, "count": 14, "sky": 4, "identity": 5, "abilities": 4, "server": 4,
    "endpoints": 3, "port": 2, "add": 18, "story": 4, "tell_name": 10, "name_and_question": 2, "ask_name": 1.5,
    "tell_word": 2, "repeat": 9, "extract": 6, "in_json": 1.5, "unknown": 8, "no_tool": 2,
}
UNITS = {
    "hello": fixed("hello"), "sky": fixed("sky"), "identity": fixed("identity"),
    "abilities": fixed("abilities"), "server": fixed("server"), "endpoints": fixed("endpoints"),
    "port": fixed("port"), "count": count, "add": add, "story": story, "tell_name": tell_name,
    "name_and_question": name_and_question, "ask_name": ask_name, "tell_word": tell_word, "repeat": repeat,
    "extract": extract, "in_json": in_json, "unknown": unknown, "no_tool": no_tool,
    "smalltalk": lambda rng, state: fixed(rng.choice(phrases.SMALLTALK))(rng, state),
}
TOOL_SHARE = 0.36
RAW_SHARE = 0.05
THINK_SHARE = 0.25
SYSTEM_SHARE = 0.25


def _length(rng: Random) -> int:
    chance = rng.random()
    if chance < 0.52:
        return 1
    if chance < 0.72:
        return 2
    if chance < 0.96:
        return rng.randint(3, 5)
    return rng.randint(6, 12)


def chat(rng: Random) -> Document:
    """Composes a chat of one or more units."""
    state = State(russian=rng.random() < 0.5)
    with_tools = rng.random() < TOOL_SHARE
    if with_tools:
        state.tools = functions.offer(rng, state.russian)
    messages: list = []
    if rng.random() < SYSTEM_SHARE:
        text = rng.choice(phrases.SYSTEM)
        if rng.random() < 0.1:
            text += " " + " ".join(rng.choice(phrases.NOUNS[0]) for _ in range(rng.randint(5, 40))) + "."
        messages.append({"role": "system", "content": text})
    length = _length(rng)
    if with_tools:
        length = min(length, 4)
    keys = list(WEIGHTS)
    weights = [WEIGHTS[key] for key in keys]
    pending = None
    skill = ""
    for index in range(length):
        if rng.random() < 0.04:
            state.russian = not state.russian
        skill = rng.choices(keys, weights)[0]
        if with_tools and rng.random() < 0.72:
            skill = "tool"
        if pending and (index == length - 1 or rng.random() < 0.25):
            skill, pending = pending, None
        if skill == "tell_name" and index == length - 1 and length > 1:
            skill = "ask_name"
        if with_tools and skill == "story":
            skill = "hello"
        unit = {"tool": tool, "ask_word": ask_word}.get(skill) or UNITS[skill]
        turn = unit(rng, state)
        if skill == "tell_name":
            pending = "ask_name"
        elif skill == "tell_word":
            pending = "ask_word"
        messages.extend(turn)
        if skill == "tell_name" and length == 1 and rng.random() < 0.8:
            messages.extend(ask_name(rng, state))
            skill = "ask_name"
    thinking = rng.random() < THINK_SHARE
    last_user = max(index for index, message in enumerate(messages) if message["role"] == "user")
    for index, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        forgotten = message.get("tool_calls") and rng.random() < 0.4
        if not thinking or index < last_user or forgotten:
            message.pop("reasoning_content", None)
    return Document(skill, template.render(messages, state.tools or None))


def raw(rng: Random) -> Document:
    """Plain text without a template."""
    ru = rng.random() < 0.4
    chance = rng.random()
    if chance < 0.75:
        text = stories.tell(rng, ru)
    elif chance < 0.9:
        first = rng.randint(1, 20)
        text = ", ".join(str(n) for n in range(first, first + rng.randint(4, 15)))
    else:
        text = phrases.FIXED["sky"][ru][1][0]
    return Document("raw", text + "<|endoftext|>")


def document(rng: Random) -> Document:
    """Returns the next document."""
    return raw(rng) if rng.random() < RAW_SHARE else chat(rng)


if __name__ == "__main__":
    import sys

    source = Random(int(sys.argv[1]) if len(sys.argv) > 1 else 0)
    for _ in range(12):
        item = document(source)
        print(f"--- {item.skill}\n{item.text}")
