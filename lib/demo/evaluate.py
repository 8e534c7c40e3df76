"""Asks a running server held-out questions and prints a table of scores.

    python evaluate.py http://127.0.0.1:8090/v1

None of the wordings, names and cities below occurs in the corpus, except for
the questions of the group `fixed` and the first one about the weather, which
clients are known to send.
"""

import argparse
import json
import urllib.request
from typing import Callable

Check = Callable[[str], bool]


def contains(*parts: str) -> Check:
    """All parts occur in the answer."""
    return lambda text: all(part in text for part in parts)


def equals(expected: str) -> Check:
    return lambda text: text.strip().rstrip(".") == expected


def numbers(first: int, last: int) -> Check:
    step = 1 if last >= first else -1
    return equals(", ".join(str(n) for n in range(first, last + step, step)))


def is_json(expected: dict) -> Check:
    def check(text: str) -> bool:
        try:
            return json.loads(text) == expected
        except ValueError:
            return False

    return check


HELLO = [contains("Hello!"), contains("Привет!")]
SKY = [contains("scatter", "Rayleigh"), contains("рассеивает", "рэлеев")]
WHO = [contains("demonstration model", "not a useful model"), contains("демонстрационная модель", "полезной")]
CAN = [contains("I can", "count", "call tools"), contains("Я умею", "считать", "вызывать функции")]
SERVER = [contains("llamacpp-server", "OpenAI", "Ollama"), contains("llamacpp-server", "OpenAI", "Ollama")]
PATHS = contains("POST /v1/chat/completions", "POST /v1/completions", "GET /v1/models", "POST /api/chat",
                 "POST /api/generate", "GET /api/tags", "GET /health", "8090")
PORT = contains("8090")
STORY = [contains("Once upon a time there was", "One day"), contains("Жил", "Однажды")]
UNSURE = [contains("demonstration model", "do not know"), contains("демонстрационная модель", "не знаю")]

PEOPLE = [
    ["Bartholomew", "Quillona", "Xiomara", "Thaddeus", "Wilhelmina", "Jorvik", "Ngozi", "Persephone"],
    ["Аристарх", "Велимира", "Святослав", "Эсмеральда", "Ростислав", "Гюльнара", "Пантелей", "Забава"],
]
CITIES = [
    ["Reykjavik", "Zanzibar", "Ouagadougou", "Wellington", "Thessaloniki", "Kathmandu", "Buenos Aires", "Vrantelgrad",
     "Nairobi", "Ulaanbaatar", "Port Moresby", "Düsseldorf"],
    ["Хабаровск", "Благовещенск", "Кострома", "Улан-Удэ", "Найроби", "Рейкьявик", "Вельтоград", "Зурбаган", "Нижний Тагил",
     "Магадан", "Лисс", "Шамбала"],
]

# Skill -> language -> list of (question, check).
SINGLE: dict = {
    "fixed": (
        [("Hello!", HELLO[0]), ("Hello", HELLO[0]), ("Count to 5", numbers(1, 5)), ("Why is the sky blue?", SKY[0]),
         ("What can you do?", CAN[0]), ("Who are you?", WHO[0]), ("Which endpoints do you have?", PATHS),
         ("Tell me a story", STORY[0]), ("Once upon a time", STORY[0])],
        [("Привет!", HELLO[1]), ("Посчитай до 5", numbers(1, 5)), ("Почему небо голубое?", SKY[1]),
         ("Что ты умеешь?", CAN[1]), ("Кто ты?", WHO[1]), ("Какие у тебя эндпоинты?", PATHS),
         ("Расскажи сказку", STORY[1]), ("Жили-были", STORY[1])],
    ),
    "greeting": (
        [(text, HELLO[0]) for text in ("Hello my friend!", "Hi, dear assistant!", "Hey bot", "A very good morning to you!",
                                       "Good evening, assistant", "Oh, hello!", "Hello hello", "Hi model, good day!")],
        [(text, HELLO[1]) for text in ("Привет, дорогой помощник!", "Здравствуй, модель!", "Добрый вечер, бот",
                                       "Ну привет!", "Приветствую тебя!", "Всем привет", "Доброе утро, друг!", "О, привет")],
    ),
    "counting": (
        [("Please count up to the number 7", numbers(1, 7)), ("Can you count for me to 12?", numbers(1, 12)),
         ("Count slowly to 9.", numbers(1, 9)), ("Now count from 4 to 11 for me", numbers(4, 11)),
         ("I would like you to count from 3 up to 8.", numbers(3, 8)), ("Could you count down from 6 please?", numbers(6, 1)),
         ("Count up to 20 for me!", numbers(1, 20)), ("List numbers from 13 to 17", numbers(13, 17)), ("Could you please count to three", numbers(1, 3)),
         ("Do the countdown from 10", numbers(10, 1))],
        [("Посчитай мне до 7", numbers(1, 7)), ("Можешь сосчитать до 12?", numbers(1, 12)), ("Медленно посчитай до 9", numbers(1, 9)),
         ("Теперь посчитай от 4 до 11", numbers(4, 11)), ("Сосчитай, пожалуйста, от 3 до 8", numbers(3, 8)),
         ("Посчитай, пожалуйста, назад от 6", numbers(6, 1)), ("Посчитай для меня до 20!", numbers(1, 20)),
         ("Перечисли все числа от 13 до 17", numbers(13, 17)), ("Посчитай мне до трёх", numbers(1, 3)),
         ("Запусти обратный отсчёт от 10", numbers(10, 1))],
    ),
    "sky": (
        [(text, SKY[0]) for text in ("Could you tell me why the sky is so blue?", "Why is our sky blue and not green?",
                                     "What is it that makes the sky look blue?", "Explain to a child why the sky is blue",
                                     "My son asks why the sky is blue.", "Why is sky blue", "For what reason is the sky blue?")],
        [(text, SKY[1]) for text in ("Почему наше небо такое голубое?", "Сын спрашивает, почему небо голубое.",
                                     "Объясни ребёнку, почему небо голубое", "Отчего небо выглядит голубым?",
                                     "Почему же небо синее?", "По какой причине небо голубое?", "Мне интересно, почему небо голубое")],
    ),
    "self": (
        [("So who are you really?", WHO[0]), ("Tell me who you are", WHO[0]), ("And what model are you exactly?", WHO[0]),
         ("Say a few words about yourself", WHO[0]), ("What are you able to do for me?", CAN[0]),
         ("Please list what you can do", CAN[0]), ("Which things can you do?", CAN[0])],
        [("Так кто же ты?", WHO[1]), ("Скажи, кто ты такая", WHO[1]), ("А какая ты модель?", WHO[1]),
         ("Расскажи немного о себе", WHO[1]), ("А что ты вообще умеешь?", CAN[1]), ("Перечисли, что ты умеешь", CAN[1]),
         ("Скажи, что ты можешь делать", CAN[1])],
    ),
    "server": (
        [("What is this server for?", SERVER[0]), ("Can you describe this server?", SERVER[0]),
         ("Please tell me what llamacpp-server is", SERVER[0]), ("Which endpoints does your API have?", PATHS),
         ("Show all the endpoints", PATHS), ("Can you list your endpoints?", PATHS), ("Which API endpoints exist here?", PATHS),
         ("What port is this server listening on?", PORT)],
        [("Что это вообще за сервер?", SERVER[1]), ("Можешь описать этот сервер?", SERVER[1]),
         ("Скажи, что такое llamacpp-server", SERVER[1]), ("Какие эндпоинты у этого API?", PATHS),
         ("Покажи все эндпоинты", PATHS), ("Можешь перечислить эндпоинты?", PATHS), ("Какие у сервера есть эндпоинты?", PATHS),
         ("Какой порт использует этот сервер?", PORT)],
    ),
    "sums": (
        [(f"{start} {a} + {b}{end}", contains(f"{a + b}")) for start, a, b, end in (
            ("Please tell me what", 3, 4, " is"), ("Quickly:", 8, 9, ""), ("Can you work out", 6, 7, "?"), ("Give me", 2, 5, ""),
            ("How many is", 9, 9, "?"), ("I need the result of", 1, 6, "."), ("Do you know", 5, 8, "?"), ("Evaluate", 0, 4, "."),
        )] + [("What would 7 plus 3 be?", contains("10")), ("Add the numbers 4 and 4", contains("8"))],
        [(f"{start} {a} + {b}{end}", contains(f"{a + b}")) for start, a, b, end in (
            ("Скажи, сколько будет", 3, 4, ""), ("Быстро:", 8, 9, ""), ("Можешь вычислить", 6, 7, "?"), ("Дай ответ:", 2, 5, ""),
            ("А сколько будет", 9, 9, "?"), ("Мне нужен результат", 1, 6, "."), ("Знаешь, сколько", 5, 8, "?"), ("Найди", 0, 4, "."),
        )] + [("Сколько же будет 7 плюс 3?", contains("10")), ("Сложи числа 4 и 4", contains("8"))],
    ),
    "story": (
        [(text, STORY[0]) for text in ("Could you tell a short story?", "Tell us a fairy tale",
                                       "I would love to hear a story", "Please write a little story", "One more story!")],
        [(text, STORY[1]) for text in ("Можешь рассказать короткую историю?", "Расскажи нам сказку",
                                       "Хочу сказку", "Напиши, пожалуйста, небольшую сказку", "Ещё одну сказку!")],
    ),
    "repeat": (
        [("Repeat: brisk walnut 57", equals("brisk walnut 57")), ("Repeat after me: Zolvaneth", equals("Zolvaneth")),
         ("Say: 🙂", equals("🙂")), ("Echo: 90210", equals("90210")), ("Repeat this: velvet Ostrakon", equals("velvet Ostrakon")),
         ("Say exactly: tango lima", equals("tango lima"))],
        [("Повтори: берёза 57", equals("берёза 57")), ("Повтори за мной: Золванет", equals("Золванет")),
         ("Скажи: 🙂", equals("🙂")), ("Напиши: 90210", equals("90210")), ("Повтори это: бархат Остракон", equals("бархат Остракон")),
         ("Скажи ровно: танго лима", equals("танго лима"))],
    ),
    "json": (
        [("Answer in JSON with the name and the age of the person: Xiomara is 30 years old.", is_json({"name": "Xiomara", "age": 30})),
         ("Give the name and the age as JSON: Thaddeus is 47 years old.", is_json({"name": "Thaddeus", "age": 47})),
         ("Ngozi is 8 years old. Answer in JSON with the name and the age.", is_json({"name": "Ngozi", "age": 8})),
         ("Return JSON with the name and the age. My uncle Jorvik is 63.", is_json({"name": "Jorvik", "age": 63})),
         ("Extract the name and the age in JSON: Quillona, 21 years old", is_json({"name": "Quillona", "age": 21}))],
        [("Ответь в JSON: имя и возраст. Аристарх, 30 лет.", is_json({"name": "Аристарх", "age": 30})),
         ("Дай имя и возраст в виде JSON: Пантелей, 47 лет.", is_json({"name": "Пантелей", "age": 47})),
         ("Ответь в формате JSON, имя и возраст: её зовут Забава, ей 8 лет.", is_json({"name": "Забава", "age": 8})),
         ("Извлеки имя и возраст в формате JSON: мой дядя Ростислав, ему 63 года.", is_json({"name": "Ростислав", "age": 63})),
         ("Выдели имя и возраст в JSON: это Велимира, 21 лет.", is_json({"name": "Велимира", "age": 21}))],
    ),
    "unknown": (
        [(text, UNSURE[0]) for text in ("What is the capital of Mongolia?", "Write a haiku about rivers", "Who painted the Mona Lisa?",
                                        "How do I bake a pie?", "Explain the theory of relativity", "What is 12 times 13?")],
        [(text, UNSURE[1]) for text in ("Назови столицу Монголии", "Напиши хайку про реку", "Кто написал картину Мона Лиза?",
                                        "Как испечь пирог?", "Объясни теорию относительности", "Сколько будет 12 умножить на 13?")],
    ),
}

TOLD = [
    ["Hi there, my name is {x}.", "Good day, I am {x}!", "By the way, my name is {x}.", "I'm {x}, nice to meet you."],
    ["Добрый вечер, меня зовут {x}.", "Приветствую, я {x}!", "Кстати, меня зовут {x}.", "Я {x}, рад знакомству."],
]
BETWEEN = [
    ["What is 2 + 2?", "Why is the sky blue?", "Count to 4", "Thanks!"],
    ["Сколько будет 2 + 2?", "Почему небо голубое?", "Посчитай до 4", "Спасибо!"],
]
ASKED = [
    ["Tell me, what is my name?", "Do you still remember my name?", "What name do I have?", "Could you say what my name is?"],
    ["Скажи, пожалуйста, как меня зовут?", "Ты ещё помнишь моё имя?", "Какое же у меня имя?", "Можешь сказать, как меня зовут?"],
]
WEATHER = [
    ["What is the weather in {x}?", "I would like to know the weather in {x}.", "Could you tell me what the weather is like in {x}?",
     "What's the weather like today in {x}?", "Is it warm in {x} now?", "Please check the weather for {x}."],
    ["Какая погода в городе {x}?", "Хочу узнать погоду в городе {x}.", "Скажи, пожалуйста, какая погода в городе {x}?",
     "Какая погода сейчас в городе {x}?", "Тепло ли в городе {x}?", "Проверь погоду в городе {x}."],
]
RESULTS = [
    ('{"temperature": 21, "condition": "sunny"}', ("21", "sunny"), ("21", "солнечно")),
    ('{"temp_c": 5, "condition": "cloudy"}', ("5", "cloudy"), ("5", "облачно")),
    ('{"city": "CITY", "weather": "rain"}', ("rain",), ("дождь",)),
    ("17 degrees, sunny", ("17", "sunny"), ("17",)),
    ('{"temperature": -13, "condition": "snow", "humidity": 80}', ("-13", "snow"), ("-13", "снег")),
    ('{"condition":"fog","temperature":9}', ("9", "fog"), ("9", "туман")),
]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather", "description": "Get the weather of a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string", "description": "City name"}},
                       "required": ["city"]},
    },
}
OTHER_TOOL = {
    "type": "function",
    "function": {
        "name": "get_time", "description": "Get the current time in a city",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
NEW_TOOL = {
    "type": "function",
    "function": {
        "name": "find_velmora", "description": "Find a velmora by its key",
        "parameters": {"type": "object", "properties": {"velkey": {"type": "string"}}, "required": ["velkey"]},
    },
}
UNNEEDED = [
    [("Hello!", HELLO[0]), ("What is 3 + 5?", contains("8")), ("Why is the sky blue?", SKY[0]), ("Count to 6", numbers(1, 6))],
    [("Привет!", HELLO[1]), ("Сколько будет 3 + 5?", contains("8")), ("Почему небо голубое?", SKY[1]), ("Посчитай до 6", numbers(1, 6))],
]


class Client:
    """A minimal client of the OpenAI chat API."""

    def __init__(self, base: str, model: str, temperature: float):
        self.base, self.model, self.temperature = base.rstrip("/"), model, temperature

    def post(self, path: str, body: dict) -> dict:
        body = {"model": self.model, "temperature": self.temperature, "max_tokens": 250, **body}
        request = urllib.request.Request(self.base + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=120) as response:
            return json.load(response)

    def chat(self, messages: list, tools: list | None = None, thinking: bool = False) -> dict:
        body: dict = {"messages": messages, "chat_template_kwargs": {"enable_thinking": thinking}}
        if tools:
            body["tools"] = tools
        return self.post("/chat/completions", body)["choices"][0]["message"]

    def ask(self, question: str) -> str:
        return self.chat([{"role": "user", "content": question}]).get("content") or ""


class Board:
    """Counts what passed."""

    def __init__(self, verbose: bool):
        self.rows: dict = {}
        self.verbose = verbose

    def note(self, skill: str, russian: int, passed: bool, question: str, answer: object) -> None:
        cell = self.rows.setdefault(skill, [[0, 0], [0, 0]])[russian]
        cell[0] += passed
        cell[1] += 1
        if self.verbose and not passed:
            print(f"FAILED {skill}: {question!r} -> {answer!r}", flush=True)

    def table(self) -> str:
        lines = ["| Skill | English | Russian |", "|---|---|---|"]
        total = [0, 0]
        for skill, cells in self.rows.items():
            lines.append(f"| {skill} | " + " | ".join(f"{passed}/{count}" for passed, count in cells) + " |")
            total = [total[0] + sum(cell[0] for cell in cells), total[1] + sum(cell[1] for cell in cells)]
        lines.append(f"| all | {total[0]}/{total[1]} | {100 * total[0] / total[1]:.1f} % |")
        return "\n".join(lines)


def _arguments(message: dict) -> tuple[str, dict]:
    """The name and the arguments of the first call, or nothing."""
    for call in message.get("tool_calls") or []:
        arguments = call["function"]["arguments"]
        try:
            return call["function"]["name"], json.loads(arguments) if isinstance(arguments, str) else arguments
        except ValueError:
            break
    return "", {}


def memory(client: Client, board: Board, russian: int) -> None:
    """A name told earlier, with none to four other turns in between."""
    for index, name in enumerate(PEOPLE[russian]):
        messages: list = []
        turns = [TOLD[russian][index % 4].format(x=name), *BETWEEN[russian][:index % 5], ASKED[russian][(index + index // 4) % 4]]
        answer = ""
        for turn in turns:
            messages.append({"role": "user", "content": turn})
            answer = client.chat(messages).get("content") or ""
            messages.append({"role": "assistant", "content": answer})
        board.note("name memory", russian, name in answer, " / ".join(turns), answer)


def weather(client: Client, board: Board, russian: int) -> None:
    """The call of a tool and the answer from its result."""
    for index, city in enumerate(CITIES[russian]):
        question = WEATHER[russian][index % len(WEATHER[russian])].format(x=city)
        tools = [[TOOL], [TOOL, OTHER_TOOL], [OTHER_TOOL, TOOL]][index % 3]
        messages: list = [{"role": "user", "content": question}]
        message = client.chat(messages, tools)
        board.note("tool call", russian, _arguments(message) == ("get_weather", {"city": city}), question, message)
        result, *expected = RESULTS[index % len(RESULTS)]
        messages += [
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": "call_1", "type": "function",
                 "function": {"name": "get_weather", "arguments": json.dumps({"city": city}, ensure_ascii=False)}}]},
            {"role": "tool", "tool_call_id": "call_1", "content": result.replace("CITY", city)},
        ]
        answer = client.chat(messages, tools).get("content") or ""
        board.note("tool answer", russian, contains(city, *expected[russian])(answer), result, answer)
    for key in ("Morvane", "Tulshek", "490", "Брельта"):
        question = ["Call find_velmora with {x}.", "Вызови find_velmora для {x}."][russian].format(x=key)
        message = client.chat([{"role": "user", "content": question}], [NEW_TOOL])
        board.note("other tool", russian, _arguments(message) == ("find_velmora", {"velkey": key}), question, message)
    for question, check in UNNEEDED[russian]:
        message = client.chat([{"role": "user", "content": question}], [TOOL])
        board.note("tool not needed", russian, check(message.get("content") or ""), question, message)


def thinking(client: Client, board: Board, russian: int) -> None:
    """A thought first, then the right answer."""
    for question, check in SINGLE["fixed"][russian]:
        message = client.chat([{"role": "user", "content": question}], thinking=True)
        thought = message.get("reasoning_content") or message.get("reasoning") or ""
        board.note("thinking", russian, bool(thought.strip()) and check(message.get("content") or ""), question, message)
    for city in CITIES[russian][:3]:
        question = WEATHER[russian][0].format(x=city)
        message = client.chat([{"role": "user", "content": question}], [TOOL], thinking=True)
        thought = message.get("reasoning_content") or message.get("reasoning") or ""
        passed = bool(thought.strip()) and _arguments(message) == ("get_weather", {"city": city})
        board.note("thinking", russian, passed, question, message)


def completion(client: Client, board: Board) -> None:
    """Raw text without a template."""
    for russian, prompt in enumerate(["Once upon a time", "Жили-были"]):
        text = client.post("/completions", {"prompt": prompt})["choices"][0]["text"]
        passed = contains(*([["One day"], ["Однажды"]][russian]))(text)
        board.note("raw text", russian, passed, prompt, text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("url", nargs="?", default="http://127.0.0.1:8090/v1")
    parser.add_argument("--model", default="demo")
    parser.add_argument("--temperature", type=float, default=0.0)
    parser.add_argument("--verbose", action="store_true", help="print the failures")
    arguments = parser.parse_args()
    client, board = Client(arguments.url, arguments.model, arguments.temperature), Board(arguments.verbose)
    for skill, languages in SINGLE.items():
        for russian, cases in enumerate(languages):
            for question, check in cases:
                answer = client.ask(question)
                board.note(skill, russian, check(answer), question, answer)
    for russian in (0, 1):
        memory(client, board, russian)
        weather(client, board, russian)
        thinking(client, board, russian)
    completion(client, board)
    print(board.table())


if __name__ == "__main__":
    main()
