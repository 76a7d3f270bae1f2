"""Judges documents by what the wider world knows of their formats. A line of JSON in, a line out."""

import json
import sys

import yaml
from jsonschema import Draft202012Validator, FormatChecker
from openapi_spec_validator import validate as validate_openapi
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012


def accepts(case):
    """Whether the schema accepts each of the instances, which are raw JSON."""
    validator = Draft202012Validator(case["schema"])
    return [validator.is_valid(json.loads(raw)) for raw in case["instances"]]


def accepts_with_formats(case):
    """Whether the schema accepts each of the instances, where `format` is asserted."""
    checker = FormatChecker()
    assert "date-time" in checker.checkers, "rfc3339-validator is missing"
    validator = Draft202012Validator(case["schema"], format_checker=checker)
    return [validator.is_valid(json.loads(raw)) for raw in case["instances"]]


def schema(document):
    """Whether it is a JSON Schema, and its own examples are valid."""
    Draft202012Validator.check_schema(document)
    for each in [document, *document.get("$defs", {}).values()]:
        for example in each.get("examples", []):
            Draft202012Validator(document).validate(example)
            Draft202012Validator(each).validate(example)


def openapi(document):
    """Whether it is OpenAPI, and every example of a body is what its schema says."""
    validate_openapi(document)
    resource = Resource.from_contents(document, default_specification=DRAFT202012)
    registry = Registry().with_resource("urn:document", resource)

    def whole(part):
        """The part with its references made absolute."""
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
    """Whether the text reads as the document."""
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
