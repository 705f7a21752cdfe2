"""Does a text hold the JSON that was asked for?"""

from __future__ import annotations

import json
from typing import Any

from contoso_lab.engine.runtime import need


def shape_problem(text: str, schema: dict[str, Any] | None) -> str | None:
    """Say what is wrong with a text as JSON of a given shape; None when nothing is.

    Raises:
        MissingExtra: the package that knows JSON Schema is not installed.

    >>> shape_problem('{"call": 6}', {"properties": {"call": {"maximum": 5}}})
    'call: 6 is greater than the maximum of 5'
    >>> shape_problem('{"call": 5}', {"properties": {"call": {"maximum": 5}}})
    """
    try:
        value = json.loads(text)
    except ValueError:
        return "it is not JSON"
    if schema is None:
        return None
    jsonschema = need("jsonschema", package="jsonschema", what="Checking a reply against its schema")
    validator = jsonschema.validators.validator_for(schema)
    try:
        validator.check_schema(schema)
    except jsonschema.SchemaError as error:
        return f"the schema itself is wrong: {error.message}"
    problem = next(iter(sorted(validator(schema).iter_errors(value), key=str)), None)
    if problem is None:
        return None
    place = ".".join(str(step) for step in problem.absolute_path)
    return f"{place}: {problem.message}" if place else str(problem.message)
