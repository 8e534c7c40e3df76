"""The PyPI package `ollama` against a running server."""

import asyncio
import time

import ollama

from checks import BASE_URL, check, rejection, report

client = ollama.Client(host=BASE_URL)
MESSAGES = [{"role": "user", "content": "Count to 5"}]
OPTIONS = {"temperature": 0, "num_predict": 24}


def assert_done(answer):
    assert answer.done and answer.done_reason in ("stop", "length"), answer
    assert answer.prompt_eval_count > 0 and 0 < answer.eval_count <= 24
    assert answer.total_duration >= answer.prompt_eval_duration + answer.eval_duration > 0


@check("chat() answers, and the stream gives the same text")
def _():
    whole = client.chat("llama", messages=MESSAGES, options=OPTIONS)
    assert_done(whole)
    parts = list(client.chat("llama", messages=MESSAGES, options=OPTIONS, stream=True))
    assert_done(parts[-1])
    assert "".join(part.message.content for part in parts) == whole.message.content != ""


@check("generate() answers, and the stream gives the same text")
def _():
    whole = client.generate("llama", "Why is the sky blue?", options=OPTIONS)
    assert_done(whole)
    parts = list(client.generate("llama", "Why is the sky blue?", options=OPTIONS, stream=True))
    assert "".join(part.response for part in parts) == whole.response != ""
    assert list(whole.context) == list(parts[-1].context)


@check("AsyncClient answers requests sent together")
def _():
    async def ask():
        other = ollama.AsyncClient(host=BASE_URL)
        calls = [other.chat("llama", messages=MESSAGES, options=OPTIONS) for _ in range(4)]
        return [answer.message.content for answer in await asyncio.gather(*calls)]

    assert len(set(asyncio.run(ask()))) == 1


@check("list(), ps() and show() describe the same model")
def _():
    (listed,) = client.list().models
    (running,) = client.ps().models
    assert running.name == listed.model and running.digest == listed.digest
    shown = client.show(listed.model)
    assert shown.details == listed.details
    assert "completion" in shown.capabilities
    assert shown.modelinfo["general.parameter_count"] > 0


@check("options as an object and keep_alive as a duration are accepted")
def _():
    options = ollama.Options(temperature=0, num_predict=3, num_ctx=2048, seed=1, stop=["zzz"])
    answer = client.chat("llama", messages=MESSAGES, options=options, keep_alive="5m")
    assert 0 < answer.eval_count <= 3


@check("an empty prompt loads the model, keep_alive=0 unloads it")
def _():
    assert client.generate("llama", "").done_reason == "load"
    assert client.generate("llama", "", keep_alive=0).done_reason == "unload"


@check("ResponseError has the status and Ollama's words")
def _():
    error = rejection(ollama.ResponseError, lambda: client.chat("nothing", messages=MESSAGES))
    assert error.status_code == 404 and error.error == "model 'nothing' not found", error
    error = rejection(ollama.ResponseError, lambda: list(client.chat("nothing", messages=MESSAGES, stream=True)))
    assert error.status_code == 404, error
    error = rejection(
        ollama.ResponseError, lambda: client.chat("llama", messages=MESSAGES, options={"temperature": "hot"})
    )
    assert error.status_code == 422 and "temperature" in error.error, error


@check("a stream closed early leaves the engine free")
def _():
    options = {"temperature": 0, "num_predict": 3000, "ignore_eos": True}
    stream = client.chat("llama", messages=MESSAGES, options=options, stream=True)
    for number, _ in enumerate(stream):
        if number == 5:
            break
    stream.close()
    started = time.monotonic()
    client.chat("llama", messages=MESSAGES, options={"num_predict": 1})
    assert time.monotonic() - started < 2, "the engine is free"


@check("every method of AsyncClient gives what Client's gives")
def _():
    async def ask():
        other = ollama.AsyncClient(host=BASE_URL)
        async with other:
            parts = [part async for part in await other.chat("llama", messages=MESSAGES, options=OPTIONS, stream=True)]
            text = (await other.generate("llama", "Why is the sky blue?", options=OPTIONS)).response
            (listed,), (running,) = (await other.list()).models, (await other.ps()).models
            shown = await other.show(listed.model)
            (vector,) = (await other.embed("llama", input="Hello")).embeddings
            other_vector = (await other.embeddings("llama", "Hello")).embedding
            missing = None
            try:
                await other.systemone("llama", "x", {})
            except ollama.ResponseError as error:
                missing = error.status_code
            await other.close()
        return parts, text, listed.model, running.model, shown.details, len(vector), len(other_vector), missing

    parts, text, listed, running, details, length, other_length, missing = asyncio.run(ask())
    assert "".join(part.message.content for part in parts) == client.chat(
        "llama", messages=MESSAGES, options=OPTIONS
    ).message.content
    assert text == client.generate("llama", "Why is the sky blue?", options=OPTIONS).response
    assert listed == running and details == client.show(listed).details
    assert length == other_length > 0 and missing == 404


@check("systemone() is told that there is no such endpoint; close() ends the connections")
def _():
    assert rejection(ollama.ResponseError, lambda: client.systemone("llama", "x", {})).status_code == 404
    client.close()
    rejection(RuntimeError, client.list)


report()
