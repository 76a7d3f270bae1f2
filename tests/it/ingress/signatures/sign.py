"""Signs as JustCall does, with Python's standard library only.

Each line of the input is a JSON list: the escaping (`js` or `py`), secret, URL, type, time.
Each line of the output is the signature. With the argument `table` the input is the list below, and
the output is the table of crates/justcall-events/src/signature/tests/vectors.rs.
"""

import hashlib
import hmac
import json
import sys
from urllib.parse import quote

# encodeURIComponent keeps these, quote(url, safe="") does not.
ESCAPED = {"js": "!*'()", "py": ""}


def sign(escaping, secret, url, event_type, timestamp):
    text = "|".join([secret, quote(url, safe=ESCAPED[escaping]), event_type, timestamp])
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


PLAIN = "https://hooks.example.com/webhooks/justcall"
TABLE = [
    ["js", "ea39089c40790e9dc7a080ec95e849b8fa0fa5fb",
     "https://webhook.site/3bcea770-370a-4b09-8b66-426f687e08a4", "call.completed", "2024-03-21 17:08:22"],
    ["js", "k", PLAIN, "sms.received", "2026-01-01 00:00:00"],
    ["js", "k", PLAIN, "sms.received", "1767225600"],
    ["js", "k", "https://h.example/a!b*c'd(e)f", "call.completed", "2026-01-01 00:00:00"],
    ["py", "k", "https://h.example/a!b*c'd(e)f", "call.completed", "2026-01-01 00:00:00"],
    ["js", "k", "!*'()", "x", "0000000000"],
    ["py", "k", "!*'()", "x", "0000000000"],
    ["js", "k", "https://h.example/büro/呼叫?q=📞&r=\u00a0", "call.missed", "2026-01-01 00:00:00"],
    ["js", "k", "https://h.example/100%25?x=%2F%zz", "call.missed", "2026-01-01 00:00:00"],
    ["js", "k", "https://h.example/a b\tc+d", "call.missed", "2026-01-01 00:00:00"],
    ["js", "k", "-_.~ABCxyz019", "call.missed", "2026-01-01 00:00:00"],
    ["js", "k", "\"#$%&+,/:;<=>?@[\\]^`{|}\u0000\u001f\u007f", "call.missed", "2026-01-01 00:00:00"],
    ["js", "k", "", "call.missed", "2026-01-01 00:00:00"],
    ["js", "k", PLAIN, "a|b", "2026-01-01 00:00:00"],
    ["js", "k", PLAIN, "|", "9999999999"],
    ["js", "k", PLAIN, "jc.call_ai_generated", "9999-12-31 23:59:59"],
    ["js", "k", PLAIN, "näher", "0000-01-01 00:00:00"],
    ["js", "a|b", PLAIN, "call.completed", "2026-01-01 00:00:00"],
    ["js", "schlüssel 鍵", PLAIN, "call.completed", "2026-01-01 00:00:00"],
    # A block of SHA-256, and more than one: HMAC hashes such a key first.
    ["js", "s" * 64, PLAIN, "call.completed", "2026-01-01 00:00:00"],
    ["js", "s" * 65, PLAIN, "call.completed", "2026-01-01 00:00:00"],
    ["py", "s" * 200, PLAIN + "/(1)", "call.completed", "2026-01-01 00:00:00"],
]


def rust(text):
    special = {'"': '\\"', "\\": "\\\\"}
    return '"' + "".join(special.get(c) or (c if " " <= c < "\u007f" else f"\\u{{{ord(c):x}}}") for c in text) + '"'


if sys.argv[1:] == ["table"]:
    for row in TABLE:
        fields = ", ".join(rust(field) for field in row)
        print(f'    ({fields}, "{sign(*row)}"),')
else:
    for line in sys.stdin:
        print(sign(*json.loads(line)))
