"""The PyPI package `openai` against a running server."""

import asyncio
import time

import openai
from openai import AsyncOpenAI, OpenAI

from checks import BASE_URL, check, rejection, report

client = OpenAI(base_url=f"{BASE_URL}/v1", api_key="dummy", max_retries=0)
MESSAGES = [{"role": "user", "content": "Count to 5"}]
GREEDY = {"model": "llama", "temperature": 0, "max_tokens": 24}


@check("chat.completions.create() returns a message and usage; the stream gives the same text")
def _():
    whole = client.chat.completions.create(**GREEDY, messages=MESSAGES)
    text = whole.choices[0].message.content
    assert text and whole.choices[0].message.role == "assistant"
    assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
    parts, usages = [], []
    stream = client.chat.completions.create(
        **GREEDY, messages=MESSAGES, stream=True, stream_options={"include_usage": True}
    )
    for chunk in stream:
        parts += [choice.delta.content or "" for choice in chunk.choices]
        usages += [chunk.usage] if chunk.usage else []
    assert "".join(parts) == text, (parts, text)
    assert [usage.completion_tokens for usage in usages] == [whole.usage.completion_tokens]


@check("chat.completions.stream() builds the final completion")
def _():
    with client.chat.completions.stream(**GREEDY, messages=MESSAGES) as stream:
        text = "".join(event.delta for event in stream if event.type == "content.delta")
        # Not get_final_completion(), which refuses an answer that was cut at max_tokens.
        choice = stream.current_completion_snapshot.choices[0]
        assert choice.message.content == text != "" and choice.finish_reason in ("stop", "length"), choice


@check("AsyncOpenAI answers requests sent together")
def _():
    async def ask():
        async with AsyncOpenAI(base_url=f"{BASE_URL}/v1", api_key="dummy", max_retries=0) as other:
            calls = [other.chat.completions.create(**GREEDY, messages=MESSAGES) for _ in range(4)]
            return [answer.choices[0].message.content for answer in await asyncio.gather(*calls)]

    assert len(set(asyncio.run(ask()))) == 1


@check("chat.completions.create(logprobs) explains every token")
def _():
    answer = client.chat.completions.create(**GREEDY, messages=MESSAGES, logprobs=True, top_logprobs=2)
    content = answer.choices[0].logprobs.content
    data = b"".join(bytes(item.bytes) for item in content)
    assert data.decode("utf-8", "replace").startswith(answer.choices[0].message.content)
    assert all(item.logprob <= 0 and len(item.top_logprobs) == 2 for item in content)


@check("completions.create() continues text, whole and streamed, with a seed")
def _():
    body = {"model": "llama", "prompt": "Once upon a time", "max_tokens": 24, "temperature": 1.2, "seed": 5}
    whole = client.completions.create(**body)
    parts = [chunk.choices[0].text for chunk in client.completions.create(**body, stream=True)]
    assert "".join(parts) == whole.choices[0].text != ""


@check("models.list() and models.retrieve() agree")
def _():
    (model,) = client.models.list().data
    assert client.models.retrieve(model.id) == model
    assert client.models.retrieve("llama").id == model.id


@check("error classes: BadRequestError, NotFoundError, UnprocessableEntityError")
def _():
    def ask(**fields):
        return lambda: client.chat.completions.create(**{**GREEDY, "messages": MESSAGES, **fields})

    long = [{"role": "user", "content": "word " * 20_000}]
    error = rejection(openai.BadRequestError, ask(messages=long, extra_body={"overflow": "error"}))
    assert error.code == "context_length_exceeded", error
    error = rejection(openai.NotFoundError, ask(model="gpt-9"))
    assert error.code == "model_not_found", error
    error = rejection(openai.UnprocessableEntityError, ask(temperature=9))
    assert error.param == "temperature" and "9" in error.message, error


@check("a stream closed early leaves the engine free")
def _():
    stream = client.chat.completions.create(
        **{**GREEDY, "max_tokens": 3000}, messages=MESSAGES, stream=True, extra_body={"ignore_eos": True}
    )
    for number, _ in enumerate(stream):
        if number == 5:
            break
    stream.close()
    started = time.monotonic()
    client.chat.completions.create(**{**GREEDY, "max_tokens": 1}, messages=MESSAGES)
    assert time.monotonic() - started < 2, "the engine is free"


@check("APITimeoutError when the answer takes too long")
def _():
    rejection(
        openai.APITimeoutError,
        lambda: client.with_options(timeout=0.05).chat.completions.create(
            **{**GREEDY, "max_tokens": 3000}, messages=MESSAGES, extra_body={"ignore_eos": True}
        ),
    )
    client.chat.completions.create(**{**GREEDY, "max_tokens": 1}, messages=MESSAGES)


report()
