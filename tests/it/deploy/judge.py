"""Validates manifests as a cluster's API would. Arguments: mode and files."""

import json
import sys

import kubernetes_validate
import yaml

# API groups that Kubernetes itself does not have.
OTHERS = ("external-secrets.io", "gateway.networking.k8s.io", "monitoring.coreos.com")


def documents(file):
    with open(file) as text:
        return [document for document in yaml.safe_load_all(text) if document]


def as_json(files):
    """Prints the documents of each file, one file on a line."""
    for file in files:
        print(json.dumps(documents(file)))


def validate(files, versions=("1.27", "1.32", "1.37")):
    """Prints every error by each version of Kubernetes, except for custom resources."""
    judged = 0
    for file in files:
        for document in documents(file):
            if document["apiVersion"].partition("/")[0] in OTHERS:
                continue
            for version in versions:
                try:
                    kubernetes_validate.validate(document, version, strict=True)
                    judged += 1
                except Exception as error:
                    print(f"{file} {document['kind']} {version}: {error}", file=sys.stderr)
                    sys.exit(1)
    print(judged)


{"json": as_json, "validate": validate}[sys.argv[1]](sys.argv[2:])
