"""The chat template of the demonstration model, rendered in Python."""

import json
from pathlib import Path

import jinja2

PATH = Path(__file__).with_name("chat_template.jinja")


def source() -> str:
    """Returns the template text that goes into the GGUF file."""
    return PATH.read_text(encoding="utf-8").rstrip("\n")


def _compile() -> jinja2.Template:
    environment = jinja2.Environment()
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    return environment.from_string(source())


_TEMPLATE = _compile()


def render(messages: list, tools: list | None = None, **variables) -> str:
    """Renders a chat exactly as the server will do it."""
    return _TEMPLATE.render(messages=messages, tools=tools, **variables)
