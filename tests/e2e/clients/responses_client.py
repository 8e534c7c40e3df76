"""The Responses endpoints through the PyPI package `openai` against a running server."""

import asyncio

import openai
from openai import AsyncOpenAI, OpenAI

from checks import BASE_URL, check, rejection, report

client = OpenAI(base_url=f"{BASE_URL}/v1", api_key="dummy", max_retries=0)
INPUT = "Count to 5"
GREEDY = {"model": "llama", "temperature": 0, "max_output_tokens": 24}
TOOLS = [
    {
        "type": "function",
        "name": "get_weather",
        "description": "Get the current weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    }
]
QUESTION = {"role": "user", "content": "What is the weather in Paris? Use the tool."}
CALLING = {**GREEDY, "max_output_tokens": 128, "tools": TOOLS, "tool_choice": "required"}


@check("responses.create() returns a response and usage")
def _():
    response = client.responses.create(**GREEDY, input=INPUT)
    assert response.object == "response" and response.output_text, response
    assert response.status in ("completed", "incomplete")
    usage = response.usage
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens
    assert usage.input_tokens_details.cached_tokens >= 0


@check("responses.create(stream=True) numbers every event and gives the same text")
def _():
    whole = client.responses.create(**GREEDY, input=INPUT)
    events = list(client.responses.create(**GREEDY, input=INPUT, stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == whole.output_text
    assert events[-1].type == f"response.{whole.status}"


@check("responses.stream() builds the final response")
def _():
    body = {**GREEDY, "max_output_tokens": 512, "input": "Say hello."}
    whole = client.responses.create(**body)
    with client.responses.stream(**body) as stream:
        snapshots = [event.snapshot for event in stream if event.type == "response.output_text.delta"]
        # The helper knows a final response only of answers that were not cut.
        response = stream.get_final_response() if whole.status == "completed" else None
    assert snapshots[-1] == whole.output_text
    assert response is None or response.output_text == whole.output_text


@check("AsyncOpenAI answers requests sent together")
def _():
    async def ask():
        async with AsyncOpenAI(base_url=f"{BASE_URL}/v1", api_key="dummy", max_retries=0) as other:
            calls = [other.responses.create(**GREEDY, input=INPUT) for _ in range(4)]
            return [response.output_text for response in await asyncio.gather(*calls)]

    assert len(set(asyncio.run(ask()))) == 1


@check("a tool round trip, whole and streamed")
def _():
    call = client.responses.create(**CALLING, input=[QUESTION])
    item = next(item for item in call.output if item.type == "function_call")
    assert item.name == "get_weather" and '"city"' in item.arguments, item
    with client.responses.stream(**CALLING, input=[QUESTION]) as stream:
        snapshots = [e.snapshot for e in stream if e.type == "response.function_call_arguments.delta"]
        streamed = next(i for i in stream.get_final_response().output if i.type == "function_call")
    assert snapshots[-1] == streamed.arguments == item.arguments
    output = {"type": "function_call_output", "call_id": item.call_id, "output": "18 degrees, sunny"}
    answer = client.responses.create(**GREEDY, tools=TOOLS, input=[QUESTION, *call.output, output])
    assert answer.output


@check("reasoning comes in items of its own")
def _():
    body = {**GREEDY, "max_output_tokens": 200, "input": INPUT, "reasoning": {"effort": "high"}}
    whole = client.responses.create(**body)
    assert "think>" not in whole.output_text
    with client.responses.stream(**body) as stream:
        kinds = [event.item.type for event in stream if event.type == "response.output_item.done"]
    assert kinds == [item.type for item in whole.output] and kinds[0] == "reasoning", kinds


@check("responses.parse() answers by a model of pydantic")
def _():
    from pydantic import BaseModel, Field

    class Count(BaseModel):
        count: int = Field(ge=0, le=99)

    response = client.responses.parse(**{**GREEDY, "max_output_tokens": 64}, input=INPUT, text_format=Count)
    assert isinstance(response.output_parsed, Count), response


@check("responses.input_tokens.count() counts what create() reads")
def _():
    body = {"model": "llama", "instructions": "You are terse.", "input": INPUT, "tools": TOOLS}
    count = client.responses.input_tokens.count(**body).input_tokens
    assert count == client.responses.create(**body, max_output_tokens=1).usage.input_tokens


@check("error classes: BadRequestError, NotFoundError")
def _():
    def ask(**fields):
        return lambda: client.responses.create(**{**GREEDY, "input": INPUT, **fields})

    error = rejection(openai.BadRequestError, ask(previous_response_id="resp_1"))
    assert error.param == "previous_response_id", error
    error = rejection(openai.NotFoundError, ask(model="gpt-9"))
    assert error.code == "model_not_found", error


report()
