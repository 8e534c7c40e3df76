"""The PyPI package `anthropic` against a running server."""

import asyncio

import anthropic
from anthropic import Anthropic, AsyncAnthropic

from checks import BASE_URL, check, rejection, report

client = Anthropic(base_url=BASE_URL, api_key="dummy", max_retries=0)
MESSAGES = [{"role": "user", "content": "Count to 5"}]
# Warnings about names of models that are no longer served come only for Anthropic's own.
GREEDY = {"model": "llama", "max_tokens": 24}
ZERO = {"extra_body": {"temperature": 0}}
TOOLS = [
    {
        "name": "get_weather",
        "description": "Get the current weather of a city",
        "input_schema": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    }
]
QUESTION = {"role": "user", "content": "What is the weather in Paris? Use the tool."}
CALLING = {**GREEDY, "max_tokens": 128, "tools": TOOLS, "tool_choice": {"type": "any"}, **ZERO}


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


@check("messages.create() returns a message and usage")
def _():
    message = client.messages.create(**GREEDY, **ZERO, messages=MESSAGES)
    assert message.type == "message" and message.role == "assistant" and message.model == "llama"
    assert text_of(message) and message.stop_reason in ("end_turn", "max_tokens"), message
    assert message.usage.input_tokens > 0 and 0 < message.usage.output_tokens <= 24
    assert message.usage.cache_creation_input_tokens == 0
    assert message._request_id.startswith("req_")


@check("messages.stream() gives the text in pieces and the final message")
def _():
    whole = client.messages.create(**GREEDY, **ZERO, messages=MESSAGES)
    with client.messages.stream(**GREEDY, **ZERO, messages=MESSAGES) as stream:
        text = "".join(stream.text_stream)
        message = stream.get_final_message()
    assert text == text_of(whole) == text_of(message) != "", (text, whole)
    assert message.stop_reason == whole.stop_reason
    assert message.usage.output_tokens == whole.usage.output_tokens


@check("messages.create(stream=True) sends every event")
def _():
    events = list(client.messages.create(**GREEDY, **ZERO, messages=MESSAGES, stream=True))
    assert events[0].type == "message_start" and events[0].message.content == []
    assert events[-1].type == "message_stop" and events[-2].type == "message_delta"
    assert {event.index for event in events if hasattr(event, "index")} == {0}


@check("AsyncAnthropic answers requests sent together")
def _():
    async def ask():
        async with AsyncAnthropic(base_url=BASE_URL, api_key="dummy", max_retries=0) as other:
            calls = [other.messages.create(**GREEDY, **ZERO, messages=MESSAGES) for _ in range(4)]
            return [text_of(message) for message in await asyncio.gather(*calls)]

    assert len(set(asyncio.run(ask()))) == 1


@check("messages.count_tokens() counts what create() reads")
def _():
    body = {"model": "llama", "system": "You are terse.", "messages": MESSAGES, "tools": TOOLS}
    count = client.messages.count_tokens(**body).input_tokens
    usage = client.messages.create(**body, max_tokens=1).usage
    assert count == usage.input_tokens + usage.cache_read_input_tokens, (count, usage)


@check("a tool round trip, whole and streamed")
def _():
    call = client.messages.create(**CALLING, messages=[QUESTION])
    assert call.stop_reason == "tool_use", call
    use = next(block for block in call.content if block.type == "tool_use")
    assert use.name == "get_weather" and isinstance(use.input["city"], str), use
    with client.messages.stream(**CALLING, messages=[QUESTION]) as stream:
        deltas = "".join(event.partial_json for event in stream if event.type == "input_json")
        streamed = next(block for block in stream.get_final_message().content if block.type == "tool_use")
    assert streamed.input == use.input and deltas, (streamed, use)
    result = {"type": "tool_result", "tool_use_id": use.id, "content": "18 degrees, sunny"}
    answer = client.messages.create(
        **GREEDY,
        tools=TOOLS,
        messages=[QUESTION, call.to_param(), {"role": "user", "content": [result]}],
    )
    assert answer.content


@check("thinking comes in blocks of its own")
def _():
    body = {**GREEDY, **ZERO, "max_tokens": 200, "thinking": {"type": "enabled", "budget_tokens": 1024}}
    whole = client.messages.create(**body, messages=MESSAGES)
    with client.messages.stream(**body, messages=MESSAGES) as stream:
        message = stream.get_final_message()
    assert [block.type for block in message.content] == [block.type for block in whole.content]
    assert "think>" not in text_of(whole)
    assert whole.content[0].type == "thinking" and whole.content[0].thinking and whole.content[0].signature


@check("messages.parse() answers by a model of pydantic")
def _():
    from pydantic import BaseModel

    # The SDK sends no bounds of numbers, so nothing would keep a number from being cut at max_tokens.
    class Answer(BaseModel):
        done: bool

    body = {**GREEDY, **ZERO, "max_tokens": 64, "messages": MESSAGES}
    assert isinstance(client.messages.parse(**body, output_format=Answer).parsed_output, Answer)
    with client.messages.stream(**body, output_format=Answer) as stream:
        message = stream.get_final_message()
    assert isinstance(message.parsed_output, Answer), message


@check("models.list() and models.retrieve() agree")
def _():
    (model,) = list(client.models.list())
    assert model.type == "model" and model.display_name and model.created_at.year >= 2000
    assert client.models.retrieve(model.id) == model


@check("error classes: BadRequestError, NotFoundError")
def _():
    def ask(**fields):
        return lambda: client.messages.create(**{**GREEDY, "messages": MESSAGES, **fields})

    error = rejection(anthropic.NotFoundError, ask(model="gpt-9"))
    assert error.body["error"]["type"] == "not_found_error", error
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}
    error = rejection(anthropic.BadRequestError, ask(messages=[{"role": "user", "content": [image]}]))
    assert "messages.0.content.0.type" in str(error), error


report()
