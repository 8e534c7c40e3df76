"""Asks every endpoint of /openapi.json with made-up requests, valid and invalid ones, and judges the answers.

    fuzz_api.py --cases 5000 --seed 1        (BASE_URL names the server)

Each operation gets its share of the cases. A case fails when
- the status is 5xx, except documented refusals: 501 (the server cannot do it), 503 and 529 (try again later);
- the status, the content type or the JSON body is not what the document says;
- a 429, 503 or 529 comes without Retry-After in whole seconds;
- no complete answer comes within the time limit.
Prints one line of JSON for each kind of failure and a last one with the counts.
"""

import argparse
import collections
import json
import os
import sys
import time

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.checks import CHECKS, load_all_checks

LIMIT_S = 30
BASE_URL = os.environ["BASE_URL"]
LOG = "FUZZ_LOG" in os.environ
REFUSALS = {501, 503, 529}
BUSY = {429, 503, 529}


class Tally:
    def __init__(self) -> None:
        self.cases = 0
        self.statuses = {mode: collections.Counter() for mode in GenerationMode}
        self.failures = {}
        self.slowest = (0.0, "")

    def fail(self, kind, case, message):
        key = (case.operation.label, kind, message[:120])
        entry = self.failures.setdefault(
            key, {"operation": key[0], "kind": kind, "count": 0, "message": message[:600], "example": example(case)}
        )
        entry["count"] += 1


TURN = {"role": "user", "content": "Hi"}
READABLE = {"text", "input_text", "output_text"}
MANAGE = ("/api/show", "/api/copy", "/api/create", "/api/delete", "/api/pull", "/api/push")


def steer(case) -> None:
    """Mends what keeps a made-up request from getting far: every second valid case is asked this way."""
    path = case.operation.path
    if case.path_parameters and "digest" in case.path_parameters:
        case.path_parameters["digest"] = "sha256:" + "0" * 64
    elif case.path_parameters and "id" in case.path_parameters:
        case.path_parameters["id"] = "0" if path.startswith("/slots") else "demo"
        if path.startswith("/slots"):
            case.query["action"] = ("save", "restore", "erase")[len(json.dumps(case.body)) % 3]
            case.body = {"filename": "a"}
    if not isinstance(case.body, dict):
        return
    body = case.body
    if path in MANAGE:
        body.update(model="demo" if path == "/api/show" else "copy", source="demo", destination="copy")
        body["from"] = "demo"
    else:
        body.pop("model", None)
    if "messages" in body and isinstance(body["messages"], list):
        body["messages"] = [mended(message) for message in body["messages"]] or [dict(TURN)]
    for name in ("prompt", "input", "content", "tokens", "context", "query"):
        if name in body:
            body[name] = small(body[name]) or "Hi"
    for name in ("images", "lora", "previous_response_id", "conversation", "background", "multimodal_data"):
        body.pop(name, None)
    if isinstance(body.get("response_format"), dict):
        body["response_format"]["type"] = "json_object"


LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "n_predict", "num_predict")
ANSWERS = ("n", "n_cmpl", "best_of")


def bound(body) -> None:
    """Keeps answers short and few: what a number may be at most is judged by the schemas' tests."""
    if not isinstance(body, dict):
        return
    for name, most in (*((name, 16) for name in LIMITS), *((name, 4) for name in ANSWERS)):
        value = body.get(name)
        if isinstance(value, (int, float)) and not isinstance(value, bool) and (value > most or value < 0):
            body[name] = most
    bound(body.get("options"))


def mended(message):
    if not isinstance(message, dict):
        return message
    content = message.get("content")
    if isinstance(content, list):
        content = [part for part in content if isinstance(part, dict) and part.get("type") in READABLE]
    message.pop("images", None)
    return {**message, "content": content or "Hi"}


def small(value):
    """Token ids within any vocabulary; no empty lists inside."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value % 3000
    if isinstance(value, list):
        return [item for item in map(small, value) if item not in ("", [])]
    return value


def example(case) -> str:
    return case.as_curl_command()[:1500]


def judge(case, tally, session, checks) -> None:
    tally.cases += 1
    if case.meta.generation.mode == GenerationMode.POSITIVE and tally.cases % 2 == 0:
        steer(case)
    if case.operation.path == "/v1/messages" and isinstance(case.body, dict):
        case.body.setdefault("max_tokens", 16)
    bound(case.body)
    started = time.monotonic()
    try:
        response = case.call(session=session, timeout=LIMIT_S)
    except requests.exceptions.Timeout:
        tally.fail("hang", case, f"no answer within {LIMIT_S} s")
        return
    except requests.exceptions.RequestException as error:
        tally.fail("connection", case, type(error).__name__)
        return
    seconds = time.monotonic() - started
    tally.slowest = max(tally.slowest, (seconds, example(case)))
    status = response.status_code
    if LOG and status >= 400:
        print(case.operation.label, status, response.text[:160], file=sys.stderr)
    tally.statuses[case.meta.generation.mode][status] += 1
    if status >= 500 and status not in REFUSALS:
        tally.fail("5xx", case, f"{status} {response.content[:500].decode(errors='replace')}")
    if status in BUSY and not "".join(response.headers.get("retry-after", [])).isdigit():
        tally.fail("retry_after", case, f"{status} without Retry-After")
    for check in checks:
        try:
            case.validate_response(response, checks=[check])
        except AssertionError as failure:
            tally.fail(check.__name__, case, describe(failure))
        except BaseExceptionGroup as failures:
            for failure in failures.exceptions:
                tally.fail(check.__name__, case, describe(failure))


def describe(failure) -> str:
    return f"{getattr(failure, 'title', '')}: {getattr(failure, 'message', '') or failure}"


def fuzz(operation, cases, mode, number, tally, session, checks) -> None:
    @seed(number)
    @settings(
        max_examples=cases,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def run(case):
        judge(case, tally, session, checks)

    run()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=5000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", help="operations whose label holds this text")
    options = parser.parse_args()
    load_all_checks()
    names = ["status_code_conformance", "content_type_conformance", "response_schema_conformance"]
    checks = CHECKS.get_by_names(names)
    schema = schemathesis.openapi.from_url(f"{BASE_URL}/openapi.json")
    operations = [result.ok() for result in schema.get_all_operations()]
    operations = [operation for operation in operations if options.only in operation.label]
    # An operation without input has one case.
    plain = [one for one in operations if not one.body and not one.path_parameters and not one.query]
    others = [one for one in operations if one not in plain]
    tally, session = Tally(), requests.Session()
    for operation in plain:
        fuzz(operation, 1, GenerationMode.POSITIVE, options.seed, tally, session, checks)
    number = options.seed
    while tally.cases < options.cases and others:
        share = max(1, (options.cases - tally.cases) // len(others))
        before = tally.cases
        for operation in others:
            for mode, count in ((GenerationMode.POSITIVE, share - share // 2), (GenerationMode.NEGATIVE, share // 2)):
                if count == 0 or tally.cases >= options.cases:
                    continue
                try:
                    fuzz(operation, count, mode, number, tally, session, checks)
                except Exception as error:  # A mode that the operation has no cases for.
                    if type(error).__name__ not in ("Unsatisfiable", "SkipTest"):
                        raise
        number += 1
        if tally.cases == before:
            break
    for failure in tally.failures.values():
        print(json.dumps(failure))
    statuses = {mode.value: dict(sorted(counts.items())) for mode, counts in tally.statuses.items()}
    slowest = {"seconds": round(tally.slowest[0], 2), "example": tally.slowest[1]}
    print(json.dumps({"cases": tally.cases, "operations": len(operations), "statuses": statuses, "slowest": slowest}))


main()
