"""Validates documents with public libraries. Reads and writes JSON, one document on a line."""

import json
import sys

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import validate as validate_openapi
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012


def accepts(case):
    """Returns for each instance, in raw JSON, if the schema accepts it."""
    validator = Draft202012Validator(case["schema"])
    return [validator.is_valid(json.loads(raw)) for raw in case["instances"]]


def accepts_with_formats(case):
    """Returns for each instance if the schema accepts it, with `format` asserted."""
    checker = FormatChecker()
    assert "date-time" in checker.checkers, "rfc3339-validator is missing"
    validator = Draft202012Validator(case["schema"], format_checker=checker)
    return [validator.is_valid(json.loads(raw)) for raw in case["instances"]]


def schema(document):
    """Validates a JSON Schema and its own examples."""
    Draft202012Validator.check_schema(document)
    for each in [document, *document.get("$defs", {}).values()]:
        for example in each.get("examples", []):
            Draft202012Validator(document).validate(example)
            Draft202012Validator(each).validate(example)


def openapi(document):
    """Validates OpenAPI, and every example of a body by its schema."""
    validate_openapi(document)
    resource = Resource.from_contents(document, default_specification=DRAFT202012)
    registry = Registry().with_resource("urn:document", resource)

    def whole(part):
        """Returns the part with absolute references."""
        if isinstance(part, dict):
            return {k: "urn:document" + v if k == "$ref" else whole(v) for k, v in part.items()}
        return [whole(each) for each in part] if isinstance(part, list) else part

    examples = 0
    todo = [document]
    while todo:
        part = todo.pop()
        for value in part.values() if isinstance(part, dict) else part:
            if isinstance(value, (dict, list)):
                todo.append(value)
        if isinstance(part, dict) and "schema" in part and "examples" in part:
            validator = Draft202012Validator(whole(part["schema"]), registry=registry)
            for example in part["examples"].values():
                validator.validate(example["value"])
                examples += 1
    return examples


def same_yaml(case):
    """Returns if the text parses to the document."""
    return yaml.safe_load(case["text"]) == case["document"]


JUDGES = {
    "accepts": accepts,
    "accepts_with_formats": accepts_with_formats,
    "schema": schema,
    "openapi": openapi,
    "same_yaml": same_yaml,
}

for line in sys.stdin:
    print(json.dumps(JUDGES[sys.argv[1]](json.loads(line))), flush=True)
