"""The PyPI package `ollama` managing models of a running server. Arguments: a registry's host, a model's file."""

import asyncio
import sys

import ollama

from checks import BASE_URL, check, rejection, report

client = ollama.Client(host=BASE_URL)
registry, path = sys.argv[1:]
name = f"{registry}/library/py:v1"


def names():
    return [model.model for model in client.list().models]


@check("create_blob() and create() make a model, in one answer and in a stream")
def _():
    digest = client.create_blob(path)
    whole = client.create("py", files={"m.gguf": digest}, system="S", parameters={"stop": ["END"]})
    assert whole.status == "success", whole
    steps = list(client.create(name, from_="py", license="MIT", stream=True))
    assert steps[-1].status == "success", steps
    shown = client.show(name)
    assert shown.license == "MIT" and 'stop' in shown.parameters
    assert client.create_blob(path) == digest


@check("copy() and delete() change the list")
def _():
    assert client.copy("py", "py-copy:2").status == "success"
    assert "py-copy:2" in names()
    assert client.delete("py-copy:2").status == "success"
    assert "py-copy:2" not in names()


@check("push() and pull() go to the registry and back")
def _():
    before = [model.digest for model in client.list().models if model.model == name]
    assert client.push(name, insecure=True).status == "success"
    client.delete(name)
    client.delete("py")
    steps = list(client.pull(name, insecure=True, stream=True))
    assert steps[-1].status == "success", steps
    assert any(step.total and step.completed == step.total for step in steps)
    assert [model.digest for model in client.list().models if model.model == name] == before
    client.delete(name)


@check("what is not there is said so")
def _():
    for call in (lambda: client.show("none"), lambda: client.push("none")):
        assert rejection(ollama.ResponseError, call).status_code == 404
    error = rejection(ollama.ResponseError, lambda: client.pull(f"{registry}/a/none", insecure=True))
    assert "file does not exist" in str(error)


@check("AsyncClient manages models as Client does")
def _():
    async def manage():
        async with ollama.AsyncClient(host=BASE_URL) as other:
            digest = await other.create_blob(path)
            assert (await other.create("pya", files={"m.gguf": digest})).status == "success"
            remote = f"{registry}/library/pya:v1"
            assert (await other.copy("pya", remote)).status == "success"
            assert (await other.push(remote, insecure=True)).status == "success"
            assert (await other.delete(remote)).status == "success"
            steps = [step async for step in await other.pull(remote, insecure=True, stream=True)]
            assert steps[-1].status == "success", steps
            assert remote in [model.model for model in (await other.list()).models]
            for name in ("pya", remote):
                await other.delete(name)

    asyncio.run(manage())


report()
