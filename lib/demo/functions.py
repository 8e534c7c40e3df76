"""Tools for the corpus: schemas, questions that need them, their results and the answers."""

import json
from dataclasses import dataclass
from random import Random
from typing import Callable

import names

UNITS = ["celsius", "fahrenheit"]

# English and Russian names of the weather.
CONDITIONS = [
    ("sunny", "солнечно"), ("rain", "дождь"), ("cloudy", "облачно"), ("snow", "снег"), ("fog", "туман"), ("windy", "ветрено"),
    ("clear", "ясно"), ("storm", "гроза"), ("overcast", "пасмурно"), ("light rain", "небольшой дождь"),
    ("heavy snow", "сильный снег"), ("partly cloudy", "переменная облачность"), ("hot", "жарко"), ("cold", "холодно"),
]


@dataclass
class Topic:
    """What a tool is about."""

    tools: list
    texts: list
    parameter: list
    questions: list
    follow_ups: list
    thought: tuple
    value: Callable
    respond: Callable


def _weather(rng: Random, ru: bool, city: str) -> tuple[str, str]:
    """A weather report as the tool returns it, and the answer that quotes it."""
    degrees = rng.randint(-30, 40)
    english, russian = rng.choice(CONDITIONS)
    source = russian if rng.random() < (0.4 if ru else 0.03) else english
    quoted = (russian if ru else english) if source == english else source
    if rng.random() < 0.15:
        source = quoted = names.word(rng, ru, 1, 3)
    start = f"Погода в городе {city}: " if ru else f"The weather in {city}: "
    kind = rng.random()
    if kind < 0.16:
        # Plain text is quoted word for word.
        text = rng.choice([
            f"{degrees} degrees, {source}", f"{source}, {degrees}°C", f"{degrees} °C, {source}", f"{source}",
            f"{degrees}°C", f"{source} and {degrees} degrees", f"{degrees} градусов, {source}", f"+{abs(degrees)}, {source}",
        ])
        return text, start + text + "."
    record, told = {}, []
    if rng.random() < 0.3:
        record[rng.choice(["city", "location", "name", "place"])] = city
    fields = [["t", "c"], ["c", "t"], ["t"], ["c"]][rng.choices(range(4), [5, 3, 2, 2])[0]]
    for field in fields:
        if field == "t":
            key = rng.choice(["temperature", "temperature", "temp", "temp_c", "temperature_c", "degrees", "temperature_f", "temp_f"])
            if key.endswith("_f"):
                record[key] = degrees
                told.append(f"{degrees} °F")
                continue
            if rng.random() < 0.1:
                record[key] = f"{degrees}°C" if rng.random() < 0.5 else f"{degrees} °C"
                told.append(record[key])
                continue
            if rng.random() < 0.08:
                degrees = degrees + rng.randint(1, 9) / 10
            record[key] = degrees
            sign = "°C"
            if key in ("temperature", "temp") and rng.random() < 0.3:
                unit = rng.choice(["celsius", "fahrenheit", "C", "F"])
                record["unit"] = unit
                sign = "°F" if unit in ("fahrenheit", "F") else "°C"
            told.append(f"{degrees} {sign}")
        else:
            key = rng.choice(["condition", "condition", "conditions", "weather", "description", "sky", "summary", "forecast"])
            record[key] = source
            told.append(quoted)
    if rng.random() < 0.12:
        humidity = rng.randint(10, 99)
        record["humidity"] = humidity
        told.append(f"влажность {humidity} %" if ru else f"humidity {humidity} %")
    if rng.random() < 0.10:
        wind = rng.randint(1, 25)
        record[rng.choice(["wind", "wind_speed"])] = wind
        told.append(f"ветер {wind}" if ru else f"wind {wind}")
    dump = json.dumps(record, ensure_ascii=False)
    if rng.random() < 0.2:
        dump = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    return dump, start + ", ".join(told) + "."


def _time(rng: Random, ru: bool, city: str) -> tuple[str, str]:
    clock = f"{rng.randint(0, 23):02d}:{rng.randint(0, 59):02d}"
    text = clock if rng.random() < 0.3 else json.dumps({rng.choice(["time", "local_time", "clock"]): clock})
    return text, (f"Время в городе {city}: {clock}." if ru else f"The time in {city}: {clock}.")


def _population(rng: Random, ru: bool, city: str) -> tuple[str, str]:
    number = rng.randint(1000, 9999999)
    text = str(number) if rng.random() < 0.3 else json.dumps({rng.choice(["population", "people", "count"]): number})
    return text, (f"Население города {city}: {number}." if ru else f"The population of {city}: {number}.")


def _result(rng: Random, ru: bool, _: str) -> tuple[str, str]:
    value: object = rng.choice([
        rng.randint(0, 9999), names.word(rng, ru, 1, 3), names.word(rng, False, 1, 3), names.invented(rng, False, 1, 3),
        " ".join(names.word(rng, ru, 1, 2) for _ in range(rng.randint(2, 4))), rng.randint(1, 999) / 10,
    ])
    chance = rng.random()
    if chance < 0.3:
        text = str(value)
    else:
        key = rng.choice(["result", "value", "answer", "status", "output", "price", "id", names.word(rng, False, 1, 2)])
        text = json.dumps({key: value}, ensure_ascii=False)
    return text, (f"Результат: {value}." if ru else f"The result: {value}.")


def _city(rng: Random, ru: bool) -> str:
    return names.city(rng, ru if rng.random() < 0.88 else not ru)


def _thing(rng: Random, ru: bool) -> str:
    return rng.choice([
        names.invented(rng, ru, 1, 3), names.word(rng, ru, 1, 3), names.person(rng, ru), str(rng.randint(1, 99999)),
        names.word(rng, False, 1, 2).upper() + "-" + str(rng.randint(1, 99)),
    ])


WEATHER = Topic(
    tools=["get_weather"] * 9 + ["get_current_weather", "weather", "getWeather", "fetch_weather", "weather_lookup",
                                 "current_weather", "get_weather_forecast", "check_weather"],
    texts=["Get the weather of a city", "Get the current weather", "Get the current weather in a given location",
           "Returns the weather in a city", "Current weather for a city", "Get weather by city name", "Weather of a city",
           "Tells the weather", "Погода в городе", "Узнать погоду в городе", "Возвращает погоду", "Get the weather for a city."],
    parameter=["city"] * 7 + ["location", "location", "place", "city_name", "town"],
    questions=[
        ["What is the weather in {x}?", "What is the weather in {x}?", "What's the weather in {x}?",
         "What is the weather like in {x}?", "How is the weather in {x}?", "Weather in {x}", "Tell me the weather in {x}.",
         "What's the weather like in {x} today?", "What is the weather in {x} today?", "What is the weather in {x} now?",
         "What is the current weather in {x}?", "Is it raining in {x}?", "Is it cold in {x}?", "How warm is it in {x}?",
         "What is the temperature in {x}?", "Get the weather of {x}.", "Get the weather for {x}.", "Check the weather in {x}.",
         "Show the weather for {x}.", "Do I need an umbrella in {x}?", "I am in {x}. What is the weather?",
         "I am going to {x}. How is the weather there?", "Is it sunny in {x} today?", "{x} weather", "What about the weather in {x}?",
         "Give me the forecast for {x}.", "Use the tool to get the weather in {x}.", "Please look up the weather in {x}.",
         "Find out the weather in {x} for me.", "How hot is it in {x} right now?", "Will it rain in {x}?",
         "In {x}, what is the weather like?", "Weather for {x}?", "Can you check the weather in {x}?", "How many degrees is it in {x}?"],
        ["Какая погода в городе {x}?", "Какая погода в городе {x}?", "Какая сейчас погода в городе {x}?", "Погода в городе {x}",
         "Какая сегодня погода в городе {x}?", "Скажи погоду в городе {x}.", "Узнай погоду в городе {x}.",
         "Покажи погоду: {x}.", "Погода {x}", "{x}: какая погода?", "Какая температура в городе {x}?", "Холодно ли в городе {x}?",
         "Идёт ли дождь в городе {x}?", "Сколько градусов в городе {x}?", "Нужен ли зонт в городе {x}?",
         "Я в городе {x}. Какая погода?", "Я еду в город {x}. Какая там погода?", "Прогноз для города {x}.",
         "Тепло ли сейчас в городе {x}?", "Что с погодой в городе {x}?", "Расскажи о погоде в городе {x}.",
         "Вызови функцию и узнай погоду в городе {x}.", "Посмотри погоду для города {x}.", "Погода, город {x}",
         "Город {x}, какая погода?", "Какая погода в {x}?", "Будет ли дождь в городе {x}?"],
    ],
    follow_ups=[
        ["And in {x}?", "What about {x}?", "And {x}?", "And what about {x}?", "How about {x}?", "Now {x}.", "The same for {x}."],
        ["А в городе {x}?", "А что в городе {x}?", "А {x}?", "Теперь {x}.", "То же самое для города {x}.", "А как в городе {x}?"],
    ],
    thought=("The user wants the weather in {x}. I call {tool}.", "Нужна погода в городе {x}. Вызываю {tool}."),
    value=_city,
    respond=_weather,
)
INFLECTED = [
    "Какая погода в {x}?", "Какая сейчас погода в {x}?", "Погода в {x}", "Какая сегодня погода в {x}?", "Скажи погоду в {x}.",
    "Какая температура в {x}?", "Холодно ли в {x}?", "Идёт ли дождь в {x}?", "Сколько градусов в {x}?", "Что с погодой в {x}?",
    "Узнай погоду в {x}.", "Нужен ли зонт в {x}?", "Я в {x}. Какая погода?", "Тепло ли сейчас в {x}?", "Как погода в {x}?",
]
TIME = Topic(
    tools=["get_time", "get_current_time", "current_time", "getTime", "local_time"],
    texts=["Get the current time in a city", "Returns the local time", "Current time of a city", "Время в городе", "Get the time"],
    parameter=["city", "city", "city", "location", "timezone", "place"],
    questions=[
        ["What time is it in {x}?", "What is the time in {x}?", "Tell me the time in {x}.", "Current time in {x}?",
         "What is the local time in {x}?", "Time in {x}"],
        ["Который час в городе {x}?", "Сколько времени в городе {x}?", "Какое время в городе {x}?", "Время в городе {x}",
         "Скажи время в городе {x}."],
    ],
    follow_ups=WEATHER.follow_ups,
    thought=("The user wants the time in {x}. I call {tool}.", "Нужно время в городе {x}. Вызываю {tool}."),
    value=_city,
    respond=_time,
)
POPULATION = Topic(
    tools=["get_population", "population", "city_population", "getPopulation"],
    texts=["Get the population of a city", "Number of people in a city", "Население города", "Returns the population"],
    parameter=["city", "city", "place", "location"],
    questions=[
        ["What is the population of {x}?", "How many people live in {x}?", "Population of {x}", "Tell me the population of {x}."],
        ["Какое население у города {x}?", "Сколько людей живёт в городе {x}?", "Население города {x}",
         "Скажи население города {x}."],
    ],
    follow_ups=WEATHER.follow_ups,
    thought=("The user wants the population of {x}. I call {tool}.", "Нужно население города {x}. Вызываю {tool}."),
    value=_city,
    respond=_population,
)
TOPICS = [WEATHER, TIME, POPULATION]
VERBS = "get find lookup search fetch read load check query show run".split()
OBJECTS = "user order price book product file account ticket song page rate record document status item note".split()
CALLS = [
    ["Call {tool} with {x}.", "Use {tool} for {x}.", "Run {tool} on {x}.", "Call {tool} for {x}.", "Please use {tool} with {x}.",
     "Call the function {tool} with {x}.", "Use the tool {tool}: {x}", "Execute {tool} with {x}."],
    ["Вызови {tool} для {x}.", "Используй {tool}: {x}.", "Запусти {tool} с {x}.", "Вызови функцию {tool}: {x}",
     "Вызови {tool} с {x}.", "Примени {tool} к {x}."],
]


def _schema(rng: Random, name: str, text: str, parameter: str, extra: bool) -> dict:
    """The description of a tool as clients send it."""
    field: dict = {"type": "string"}
    if rng.random() < 0.65:
        field["description"] = rng.choice([
            "City name", "The city", "Name of the city", "The city name", "The name of the city", "city", "Название города",
            "The city and state, e.g. San Francisco, CA", "The city to look up", "Город",
        ]) if parameter in ("city", "location", "place", "town", "city_name") else rng.choice(["The value", "Name", "Text", "Key"])
    properties = {parameter: field}
    if extra:
        unit: dict = {"type": "string", "enum": UNITS}
        if rng.random() < 0.3:
            unit["description"] = "Temperature unit"
        properties["unit"] = unit
    parameters: dict = {"type": "object", "properties": properties}
    if rng.random() < 0.85:
        parameters["required"] = [parameter]
    if rng.random() < 0.12:
        parameters["additionalProperties"] = False
    function: dict = {"name": name}
    if rng.random() < 0.92:
        function["description"] = text
    function["parameters"] = parameters
    if rng.random() < 0.15:
        function = dict(reversed(function.items()))
        if rng.random() < 0.5:
            function = {"name": name, **function}
    if rng.random() < 0.05:
        function["strict"] = True
    return {"type": "function", "function": function}


class Offer(list):
    """The tools of a chat as rendered, with what each is about."""

    def __init__(self, schemas: list, abouts: list):
        super().__init__(schemas)
        self.abouts = abouts


def offer(rng: Random, ru: bool) -> Offer:
    """Chooses the tools of a chat."""
    kinds = rng.choices(
        [[WEATHER], [TIME], [POPULATION], [None], [WEATHER, TIME], [WEATHER, None], [None, None], [WEATHER, TIME, POPULATION],
         [None, TIME], [None, None, None]],
        [38, 4, 4, 15, 20, 8, 4, 5, 3, 2],
    )[0]
    rng.shuffle(kinds := list(kinds))
    schemas, abouts = [], []
    for topic in kinds:
        if topic:
            name, text = rng.choice(topic.tools), rng.choice(topic.texts)
            parameter = rng.choice(topic.parameter)
            extra = topic is WEATHER and rng.random() < 0.2
        else:
            noun = rng.choice([rng.choice(OBJECTS), names.word(rng, False, 1, 3)])
            name = rng.choice([f"{rng.choice(VERBS)}_{noun}"] * 3 + [noun, f"{noun}_{rng.choice(VERBS)}", f"{rng.choice(VERBS)}{noun.capitalize()}"])
            text = rng.choice([f"Get the {noun}", f"Find the {noun} by name", f"Returns {noun}", f"The {noun} tool", "A tool", "Look up a record"])
            parameter = rng.choice(["name", "id", "query", "key", "text", "value", noun, names.word(rng, False, 1, 2)])
            extra = False
        schemas.append(_schema(rng, name, text, parameter, extra))
        abouts.append((topic, name, parameter, extra))
    return Offer(schemas, abouts)


def _call(name: str, arguments: dict) -> dict:
    return {"type": "function", "function": {"name": name, "arguments": arguments}}


def _question(rng: Random, ru: bool, topic: Topic | None, tool: str) -> tuple[str, str]:
    """A question and the value to look up."""
    if topic is None:
        value = _thing(rng, ru)
        return rng.choice(CALLS[ru]).format(tool=tool, x=value), value
    if ru and topic is WEATHER and rng.random() < 0.3:
        value, form = rng.choice(names.CITIES_RU)
        return rng.choice(INFLECTED).format(x=form), value
    value = topic.value(rng, ru)
    return rng.choice(topic.questions[ru]).format(x=value), value


def _vary(rng: Random, text: str) -> str:
    chance = rng.random()
    if chance < 0.12:
        return text.rstrip(".?!")
    if chance < 0.17:
        return text.rstrip(".?!") + rng.choice(["!", ".", "??", " ?"])
    return text


PREFIXES = [
    ["Please, ", "Hello! ", "Hi, ", "Tell me, ", "OK, ", "Hey! ", "Thanks. "],
    ["Пожалуйста, ", "Привет! ", "Здравствуйте, ", "Скажи, ", "Хорошо, ", "Спасибо. ", "Подскажи, "],
]


def exchange(rng: Random, ru: bool, tools: Offer) -> list:
    """A question, the call, the result and the answer; now and then two cities or a follow-up."""
    topic, tool, parameter, extra = rng.choice(tools.abouts)
    question, value = _question(rng, ru, topic, tool)
    values = [value]
    if topic is WEATHER and rng.random() < 0.10:
        second = topic.value(rng, ru)
        values = [topic.value(rng, ru), second]
        question = rng.choice([
            ["What is the weather in {a} and {b}?", "Weather in {a} and in {b}?", "Compare the weather in {a} and {b}.",
             "How is the weather in {a} and {b}?"],
            ["Какая погода в городах {a} и {b}?", "Погода в городах {a} и {b}", "Сравни погоду в городах {a} и {b}."],
        ][ru]).format(a=values[0], b=second)
    messages = _round(rng, ru, topic, tool, parameter, extra, question, values)
    if topic and rng.random() < 0.22:
        value = topic.value(rng, ru)
        question = rng.choice(topic.follow_ups[ru]).format(x=value)
        messages += _round(rng, ru, topic, tool, parameter, False, question, [value])
    return messages


def _round(rng: Random, ru: bool, topic: Topic | None, tool: str, parameter: str, extra: bool, question: str, values: list) -> list:
    question = _vary(rng, question)
    if rng.random() < 0.2:
        prefix = rng.choice(PREFIXES[ru])
        keep = question.startswith(values[0]) or question[:2].isupper() or prefix.endswith(("! ", ". "))
        question = prefix + (question if keep else question[0].lower() + question[1:])
    unit = None
    if extra and rng.random() < 0.5:
        unit = rng.choice(UNITS)
        words = [{"celsius": [" in Celsius", " in celsius", " in degrees Celsius"], "fahrenheit": [" in Fahrenheit", " in fahrenheit"]},
                 {"celsius": [" в градусах Цельсия", " в цельсиях"], "fahrenheit": [" в градусах Фаренгейта", " по Фаренгейту"]}][ru]
        bare = question.rstrip(".?! ")
        question = bare + rng.choice(words[unit]) + question[len(bare):]
    messages = [{"role": "user", "content": question}]
    calls, results, answers = [], [], []
    for value in values:
        arguments = {parameter: value}
        if unit:
            arguments["unit"] = unit
        calls.append(_call(tool, arguments))
        text, answer = (topic.respond if topic else _result)(rng, ru, value)
        if rng.random() < 0.04:
            problem = rng.choice(["city not found", "not found", "timeout", "unknown " + names.word(rng, False), "access denied"])
            text = json.dumps({"error": problem}) if rng.random() < 0.7 else "Error: " + problem
            answer = f"Функция сообщила об ошибке: {problem}." if ru else f"The tool reported an error: {problem}."
        results.append({"role": "tool", "content": text})
        answers.append(answer)
    pattern = topic.thought[ru] if topic else ("Нужно вызвать {tool}: {x}." if ru else "I have to call {tool} with {x}.")
    thought = pattern.format(x=" и ".join(values) if ru else " and ".join(values), tool=tool)
    after = "Функция ответила. Передам результат." if ru else "The tool has answered. I tell the result."
    messages.append({"role": "assistant", "content": "", "reasoning_content": thought, "tool_calls": calls})
    messages += results
    messages.append({"role": "assistant", "content": "\n".join(answers), "reasoning_content": after})
    return messages


def missing(rng: Random, ru: bool, tools: list) -> tuple[str, str, str]:
    """A question that needs a function which is not on offer."""
    topics = [topic for topic in TOPICS if topic not in [about[0] for about in getattr(tools, "abouts", [])]]
    topic = WEATHER if WEATHER in topics and rng.random() < 0.8 else rng.choice(topics) if topics else None
    if topic is None:
        return (("Расскажи анекдот.", "Функции для этого нет.", "У меня нет функции для этого.") if ru else
                ("Tell me a joke.", "There is no tool for that.", "I have no tool for that."))
    question, _ = _question(rng, ru, topic, "")
    if ru:
        return question, "Функции для этого нет.", "У меня нет функции, чтобы это узнать."
    return question, "There is no tool for this.", "I have no tool to find that out."
