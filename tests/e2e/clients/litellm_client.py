"""PyPI litellm against the server as OpenAI's, Ollama's (both of its forms) and Anthropic's."""

import json
import os

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"  # Else it looks for prices on the network.

import litellm

from checks import BASE_URL, check, report
from weather import QUESTION, REPORT, WEATHER, assert_quotes

litellm.telemetry = False
litellm.drop_params = True
litellm.suppress_debug_info = True

PROVIDERS = {
    "openai/demo": {"api_base": f"{BASE_URL}/v1", "api_key": "dummy"},
    "ollama/demo": {"api_base": BASE_URL},
    "ollama_chat/demo": {"api_base": BASE_URL},
    "anthropic/demo": {"api_base": BASE_URL, "api_key": "dummy"},
}
HELLO = [{"role": "user", "content": "Hello, who are you?"}]


def ask(model, messages, **more):
    return litellm.completion(
        model=model, messages=messages, temperature=0, max_tokens=200, num_retries=0, **PROVIDERS[model], **more
    )


def assert_call(calls):
    assert [call.function.name for call in calls] == ["get_weather"], calls
    assert json.loads(calls[0].function.arguments) == {"city": "Paris"}, calls


def add_checks(model):
    @check(f"{model}: completion() answers with text and usage")
    def _():
        answer = ask(model, HELLO)
        assert answer.choices[0].message.content
        assert answer.choices[0].finish_reason in ("stop", "length")
        assert answer.usage.prompt_tokens > 0 and answer.usage.completion_tokens > 0

    @check(f"{model}: a stream gives the same text")
    def _():
        whole = ask(model, HELLO).choices[0].message.content
        pieces = [chunk.choices[0].delta.content or "" for chunk in ask(model, HELLO, stream=True)]
        assert "".join(pieces) == whole, ("".join(pieces), whole)
        assert sum(piece != "" for piece in pieces) > 1

    # LiteLLM asks /api/generate for JSON in place of calling tools.
    if model.startswith("ollama/"):
        return

    @check(f"{model}: a tool is called and its result used")
    def _():
        message = ask(model, [QUESTION], tools=[WEATHER]).choices[0].message
        assert_call(message.tool_calls)
        result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "name": "get_weather", "content": REPORT}
        answer = ask(model, [QUESTION, message.model_dump(exclude_none=True), result], tools=[WEATHER])
        assert_quotes(answer.choices[0].message.content)

    @check(f"{model}: a tool call in a stream")
    def _():
        chunks = list(ask(model, [QUESTION], tools=[WEATHER], stream=True))
        whole = litellm.stream_chunk_builder(chunks, messages=[QUESTION])
        assert_call(whole.choices[0].message.tool_calls)


for name in PROVIDERS:
    add_checks(name)


@check("openai/demo: an error keeps its status")
def _():
    try:
        litellm.completion(model="openai/nobody", messages=HELLO, num_retries=0, **PROVIDERS["openai/demo"])
    except litellm.NotFoundError as error:
        assert error.status_code == 404
    else:
        raise AssertionError("the call succeeded")


@check("openai/demo: embedding() gives a vector for each text")
def _():
    answer = litellm.embedding(model="openai/demo", input=["one", "two"], **PROVIDERS["openai/demo"])
    first, second = (item["embedding"] for item in answer.data)
    assert len(first) == len(second) > 0 and first != second


report()
