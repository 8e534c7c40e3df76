"""Runs named checks one after another and reports each as a line of JSON; see tests/support/client_tools.ts."""

import json
import os
import traceback

BASE_URL = os.environ["BASE_URL"]

_checks = []


def check(name):
    """Adds the decorated function as a check; it fails by raising."""

    def add(function):
        _checks.append((name, function))
        return function

    return add


def rejection(kind, call):
    """The exception of that kind that a call raises."""
    try:
        call()
    except kind as error:
        return error
    raise AssertionError("the call succeeded")


def report():
    """Runs all checks and reports them."""
    for name, function in _checks:
        result = {"name": name}
        try:
            function()
        except Exception:
            result["error"] = traceback.format_exc()
        print(json.dumps(result), flush=True)
    print(json.dumps({"done": len(_checks)}))
