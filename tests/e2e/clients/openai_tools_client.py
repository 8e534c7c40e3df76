"""Tools and structured answers through the PyPI package `openai`."""

import json

import openai
from openai import OpenAI
from pydantic import BaseModel

from checks import BASE_URL, check, rejection, report
from weather import QUESTION, REPORT, WEATHER, assert_quotes

client = OpenAI(base_url=f"{BASE_URL}/v1", api_key="dummy", max_retries=0)
REQUEST = {"model": "llama", "temperature": 0, "max_tokens": 200, "tools": [WEATHER]}


def assert_call(call):
    assert call.function.name == "get_weather" and call.id, call
    assert json.loads(call.function.arguments) == {"city": "Paris"}, call


def with_result(message):
    """The conversation after the tool has answered."""
    return [QUESTION, message, {"role": "tool", "tool_call_id": message["tool_calls"][0]["id"], "content": REPORT}]


@check("get_weather: call, result and answer")
def _():
    first = client.chat.completions.create(**REQUEST, messages=[QUESTION]).choices[0]
    assert first.finish_reason == "tool_calls" and first.message.content is None, first
    assert_call(first.message.tool_calls[0])
    messages = with_result(first.message.model_dump(exclude_none=True))
    second = client.chat.completions.create(**REQUEST, messages=messages).choices[0]
    assert second.finish_reason == "stop" and not second.message.tool_calls, second
    assert_quotes(second.message.content)


@check("get_weather: the same in plain streams")
def _():
    call = {"type": "function", "function": {"arguments": ""}}
    reasons = []
    for chunk in client.chat.completions.create(**REQUEST, messages=[QUESTION], stream=True):
        choice = chunk.choices[0]
        reasons += [choice.finish_reason] if choice.finish_reason else []
        for part in choice.delta.tool_calls or []:
            assert part.index == 0
            if part.id:
                call["id"], call["function"]["name"] = part.id, part.function.name
            call["function"]["arguments"] += part.function.arguments
    assert reasons == ["tool_calls"], reasons
    assert json.loads(call["function"]["arguments"]) == {"city": "Paris"}, call
    messages = with_result({"role": "assistant", "content": None, "tool_calls": [call]})
    stream = client.chat.completions.create(**REQUEST, messages=messages, stream=True)
    assert_quotes("".join(chunk.choices[0].delta.content or "" for chunk in stream))


@check("get_weather: the stream() helper builds the call")
def _():
    with client.chat.completions.stream(**REQUEST, messages=[QUESTION]) as stream:
        done = [event for event in stream if event.type == "tool_calls.function.arguments.done"]
        message = stream.get_final_completion().choices[0].message
    assert [json.loads(event.arguments) for event in done] == [{"city": "Paris"}], done
    assert_call(message.tool_calls[0])


class City(BaseModel):
    """What a structured answer holds."""

    city: str
    capital: bool


@check("parse() gives an object of the schema; a bad schema is named")
def _():
    ask = {"model": "llama", "temperature": 0, "messages": [{"role": "user", "content": "Tell me of Paris"}]}
    try:
        parsed = client.chat.completions.parse(**ask, max_tokens=400, response_format=City).choices[0].message.parsed
        assert isinstance(parsed, City), parsed
    except openai.LengthFinishReasonError:
        pass  # The string has no bound, and this model may fill it up.
    bad = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"$ref": "#/nowhere"}}}
    error = rejection(
        openai.UnprocessableEntityError, lambda: client.chat.completions.create(**ask, response_format=bad)
    )
    assert error.param == "response_format.json_schema.schema", error


report()
