"""The conversation that the checks of tool calls have with the demonstration model, and what it has to give."""

import json

QUESTION = {"role": "user", "content": "What is the weather in Paris?"}
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Get the weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "description": "Name of the city"}},
            "required": ["city"],
        },
    },
}
REPORT = json.dumps({"temperature": 21, "condition": "sunny"})


def assert_quotes(text):
    """The final answer quotes the report."""
    assert "21" in text and "sunny" in text, text
