"""Rules of the API that a schema can't say, for schemathesis.

Only requests that are meant to be accepted are changed; the ones that are
meant to be refused go out as they were made.
"""

import itertools

import schemathesis

# Where a list goes on after a row that is older than any: the whole list.
CURSOR = "MCAwMDAwMDAwMC0wMDAwLTQwMDAtODAwMC0wMDAwMDAwMDAwMDA"
numbers = itertools.count()


@schemathesis.hook
def before_call(context, case, kwargs):
    if case.meta and case.meta.generation.mode.is_negative:
        return
    if case.query and case.query.get("cursor"):
        case.query["cursor"] = CURSOR  # only one that a Link header gave is accepted
    if case.headers and "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = f"request {next(numbers)}"  # one key, one request
    for name in ("If-Match", "If-None-Match"):
        if case.headers and case.headers.get(name, "x").strip() == "":
            case.headers[name] = '"xyzzy"'  # sent empty, which its pattern and length forbid
    if isinstance(case.body, dict) and isinstance(case.body.get("expires_at"), str):
        case.body["expires_at"] = "2999-01-01T00:00:00Z"  # in the future
