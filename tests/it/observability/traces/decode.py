"""Decodes OTLP requests, one on a line in Base64, with OpenTelemetry's own definitions. Prints one span on a line."""

import base64
import json
import sys

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


def plain(attributes):
    read = {}
    for attribute in attributes:
        kind = attribute.value.WhichOneof("value")
        read[attribute.key] = getattr(attribute.value, kind)
    return read


for line in sys.stdin:
    request = ExportTraceServiceRequest()
    request.ParseFromString(base64.b64decode(line))
    for of_resource in request.resource_spans:
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                print(json.dumps({
                    "name": span.name,
                    "trace": span.trace_id.hex(),
                    "id": span.span_id.hex(),
                    "parent": span.parent_span_id.hex(),
                    "kind": span.kind,
                    "from": span.start_time_unix_nano,
                    "to": span.end_time_unix_nano,
                    "state": span.trace_state,
                    "is_error": span.status.code == 2,
                    "attributes": plain(span.attributes),
                    "resource": plain(of_resource.resource.attributes),
                    "scope": of_scope.scope.name,
                }))
