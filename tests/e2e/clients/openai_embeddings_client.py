"""Embeddings through the PyPI package `openai`, which asks for base64 unless told otherwise."""

import math

import openai
from openai import OpenAI

from checks import BASE_URL, check, rejection, report

client = OpenAI(base_url=f"{BASE_URL}/v1", api_key="dummy", max_retries=0)


def create(**fields):
    return client.embeddings.create(model="llama", **fields)


@check("embeddings.create() gives numbers of length 1, the same as encoding_format float")
def _():
    answer = create(input="Hello world")
    (item,) = answer.data
    assert item.index == 0 and answer.object == "list" and len(item.embedding) > 16
    assert all(isinstance(x, float) for x in item.embedding)
    assert abs(math.hypot(*item.embedding) - 1) < 1e-4
    assert answer.usage.prompt_tokens == answer.usage.total_tokens > 0
    plain = create(input="Hello world", encoding_format="float").data[0].embedding
    assert max(abs(a - b) for a, b in zip(plain, item.embedding, strict=True)) < 1e-6


@check("embeddings.create() embeds many texts and token ids, with dimensions")
def _():
    assert [item.index for item in create(input=["king", "queen", "sky"]).data] == [0, 1, 2]
    for item in create(input=[[5, 6, 7], [8, 9]], dimensions=8).data:
        assert len(item.embedding) == 8 and abs(math.hypot(*item.embedding) - 1) < 1e-4


@check("embeddings.create() explains what it refuses")
def _():
    error = rejection(openai.BadRequestError, lambda: create(input=""))
    assert error.param == "input", error
    error = rejection(openai.BadRequestError, lambda: create(input="word " * 5000))
    assert error.code == "context_length_exceeded", error
    rejection(openai.NotFoundError, lambda: client.embeddings.create(model="gpt-9", input="a"))


report()
