"""Tools, structured answers and thinking through the PyPI package `ollama`."""

import json

import ollama

from checks import BASE_URL, check, rejection, report
from weather import QUESTION, REPORT, WEATHER, assert_quotes

client = ollama.Client(host=BASE_URL)
REQUEST = {"model": "llama", "tools": [WEATHER], "options": {"temperature": 0, "num_predict": 200}}


def assert_call(call):
    assert call.function.name == "get_weather" and dict(call.function.arguments) == {"city": "Paris"}, call


def with_result(message):
    return [QUESTION, message, {"role": "tool", "tool_name": "get_weather", "content": REPORT}]


@check("get_weather: call, result and answer")
def _():
    first = client.chat(**REQUEST, messages=[QUESTION])
    assert first.done_reason == "stop" and len(first.message.tool_calls) == 1, first
    assert_call(first.message.tool_calls[0])
    assert_quotes(client.chat(**REQUEST, messages=with_result(first.message)).message.content)


@check("get_weather: the same in streams")
def _():
    calls = []
    for part in client.chat(**REQUEST, messages=[QUESTION], stream=True):
        assert part.message.content == "", part
        calls += part.message.tool_calls or []
    assert len(calls) == 1, calls
    assert_call(calls[0])
    message = ollama.Message(role="assistant", content="", tool_calls=calls)
    stream = client.chat(**REQUEST, messages=with_result(message), stream=True)
    assert_quotes("".join(part.message.content for part in stream))


SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "maxLength": 12}, "capital": {"type": "boolean"}},
    "required": ["city", "capital"],
}


@check("format: a schema is kept; a bad one is named")
def _():
    messages = [{"role": "user", "content": "Tell me of Paris"}]
    answer = client.chat(model="llama", messages=messages, format=SCHEMA, options={"temperature": 0})
    value = json.loads(answer.message.content)
    assert isinstance(value["city"], str) and isinstance(value["capital"], bool), value
    bad = {"type": "object", "properties": {"a": {"$ref": "#/nowhere"}}}
    error = rejection(ollama.ResponseError, lambda: client.chat(model="llama", messages=messages, format=bad))
    assert error.status_code == 400 and error.error.startswith("format: "), error


@check("think: apart from the content")
def _():
    answer = client.chat(
        model="llama", messages=[{"role": "user", "content": "Count to 5"}], think=True, options={"temperature": 0}
    )
    assert answer.message.thinking and "think>" not in answer.message.content, answer


report()
