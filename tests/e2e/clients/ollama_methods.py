"""Prints the public methods of PyPI `ollama`'s clients as JSON."""

import inspect
import json

import ollama

methods = {
    client.__name__: sorted(
        name for name, _ in inspect.getmembers(client, inspect.isfunction) if not name.startswith("_")
    )
    for client in (ollama.Client, ollama.AsyncClient)
}
print(json.dumps(methods))
