"""Embeddings through the PyPI package `ollama`."""

import math

import ollama

from checks import BASE_URL, check, rejection, report

client = ollama.Client(host=BASE_URL)


@check("embed() gives a vector of length 1 for each text")
def _():
    answer = client.embed("llama", input=["Hello world", "the sky"], keep_alive="5m")
    assert answer.model == "llama" and len(answer.embeddings) == 2
    assert all(abs(math.hypot(*vector) - 1) < 1e-4 for vector in answer.embeddings)
    assert answer.prompt_eval_count > 0 and answer.total_duration > 0


@check("embed() takes one text, dimensions, and cuts a text that is too long")
def _():
    (short,) = client.embed("llama", input="Hello", dimensions=8).embeddings
    assert len(short) == 8 and abs(math.hypot(*short) - 1) < 1e-4
    long = "word " * 5000
    assert len(client.embed("llama", input=long).embeddings) == 1
    error = rejection(ollama.ResponseError, lambda: client.embed("llama", input=long, truncate=False))
    assert error.status_code == 400, error


@check("embeddings() gives one vector")
def _():
    assert len(client.embeddings("llama", prompt="Hello").embedding) > 16


report()
