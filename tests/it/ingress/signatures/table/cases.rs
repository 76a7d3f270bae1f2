use super::*;

pub(super) fn headers(table: &mut Table) {
    for name in [SIGNATURE, VERSION, TIMESTAMP] {
        table.case("a header is missing", MISSING, |it| it.without(name));
        table.case("only one header is there", MISSING, |it| {
            let value = it.header(name);
            Request::unsigned(&it.body).with(name, value)
        });
    }
    table.case("no header is there", MISSING, |it| Request::unsigned(&it.body));
    let repeated = |name| {
        move |it: Request| {
            let value = it.header(name);
            it.with(name, value)
        }
    };
    table.case("signature twice", MALFORMED, repeated(SIGNATURE));
    table.case("version twice", BAD_VERSION, repeated(VERSION));
    table.case("timestamp twice", MALFORMED, repeated(TIMESTAMP));
    table.case("a second, wrong signature", MALFORMED, |it| it.with(SIGNATURE, "0".repeat(64)));
    table.case("a second, empty signature", MALFORMED, |it| it.with(SIGNATURE, ""));
    table.case("an empty signature before it", MALFORMED, |it| {
        let signature = it.header(SIGNATURE);
        it.replace(SIGNATURE, "").with(SIGNATURE, signature)
    });
    table.case("signature is empty", MALFORMED, |it| it.replace(SIGNATURE, ""));
    table.case("version is empty", BAD_VERSION, |it| it.replace(VERSION, ""));
    table.case("timestamp is empty", MALFORMED, |it| it.replace(TIMESTAMP, ""));
    table.case("timestamp is blank", MALFORMED, |it| it.replace(TIMESTAMP, "   \t "));
    // Space around a header's value is not a part of it (RFC 9110, 5.5).
    table.case("space around the values", ACKED, |it| {
        let padded = |name| format!(" \t{}  ", it.header(name));
        let values = [SIGNATURE, VERSION, TIMESTAMP].map(|name| (name, padded(name)));
        values.into_iter().fold(it, |it, (name, value)| it.replace(name, value))
    });
    table.case("names in upper case", ACKED, |it| {
        let values = [SIGNATURE, VERSION, TIMESTAMP].map(|name| (name, it.header(name)));
        values.into_iter().fold(it, |it, (name, value)| it.without(name).with(&name.to_uppercase(), value))
    });
    table.case("names with underscores", MISSING, |it| {
        let values = [SIGNATURE, VERSION, TIMESTAMP].map(|name| (name, it.header(name)));
        values.into_iter().fold(it, |it, (name, value)| it.without(name).with(&name.replace('-', "_"), value))
    });
    table.case("a space within the signature", MALFORMED, |it| {
        let signature = it.header(SIGNATURE);
        it.replace(SIGNATURE, format!("{} {}", &signature[..32], &signature[33..]))
    });
    table.case("signature of 64 bytes, not all ASCII", MALFORMED, |it| it.replace(SIGNATURE, "é".repeat(32)));
    table.case("signature is no UTF-8", MALFORMED, |it| it.replace(SIGNATURE, [0xff; 64]));
    table.case("version with a byte behind", BAD_VERSION, |it| it.replace(VERSION, b"v1\xff"));
    table.case("version in full-width letters", BAD_VERSION, |it| it.replace(VERSION, "ｖ１"));
    table.case("timestamp with a byte behind", MALFORMED, |it| {
        let timestamp = it.header(TIMESTAMP);
        it.replace(TIMESTAMP, [timestamp.as_bytes(), b"\xe9"].concat())
    });
    for version in ["v2", "V1", "v1.0", "1", "v01", "v1,v1"] {
        table.case("another version", BAD_VERSION, |it| it.replace(VERSION, version));
    }
}

pub(super) fn signatures(table: &mut Table) {
    let made = |at: &str| sign(SECRET, URL, "call.completed", at);
    let text = |at: &str| format!("{SECRET}|{}|call.completed|{at}", encode_uri_component(URL));
    table.signature("as it should be", ACKED, made);
    table.signature("upper case", ACKED, |at| made(at).to_uppercase());
    table.signature("cut by a digit", MALFORMED, |at| made(at)[..63].to_owned());
    table.signature("cut in half", MALFORMED, |at| made(at)[..32].to_owned());
    table.signature("a digit more", MALFORMED, |at| made(at) + "0");
    table.signature("with 0x", MALFORMED, |at| format!("0x{}", &made(at)[2..]));
    table.signature("with its algorithm", MALFORMED, |at| format!("sha256={}", made(at)));
    table.signature("with its version", MALFORMED, |at| format!("v1={}", made(at)));
    table.signature("in quotes", MALFORMED, |at| format!("\"{}\"", made(at)));
    table.signature("not hex", MALFORMED, |at| format!("{}g", &made(at)[..63]));
    table.signature("null", MALFORMED, |_| "null".to_owned());
    table.signature("all zeros", MISMATCH, |_| "0".repeat(64));
    table.signature("all ones", MISMATCH, |_| "f".repeat(64));
    let flipped = |text: String, at: usize| {
        let digit = if &text[at..=at] == "0" { "1" } else { "0" };
        format!("{}{digit}{}", &text[..at], &text[at + 1..])
    };
    table.signature("first digit changed", MISMATCH, |at| flipped(made(at), 0));
    table.signature("last digit changed", MISMATCH, |at| flipped(made(at), 63));
    table.signature("right in its first half", MISMATCH, |at| made(at)[..32].to_owned() + &"0".repeat(32));
    table.signature("of the second secret", ACKED, |at| sign(SECOND, URL, "call.completed", at));
    table.signature("of another secret", MISMATCH, |at| sign(FOREIGN, URL, "call.completed", at));
    table.signature("of no secret", MISMATCH, |at| sign("", URL, "call.completed", at));
    table.signature("of another type", MISMATCH, |at| sign(SECRET, URL, "call.missed", at));
    table.signature("of another URL", MISMATCH, |at| sign(SECRET, ESCAPED_URL, "call.completed", at));
    table.signature("of another time", MISMATCH, |_| made(&ahead(-2)));
    table.signature("of the URL unescaped", MISMATCH, |at| {
        hex_hmac(SECRET, &format!("{SECRET}|{URL}|call.completed|{at}"))
    });
    table.signature("of escapes in lower case", MISMATCH, |at| {
        hex_hmac(SECRET, &text(at).replace("%2F", "%2f").replace("%3A", "%3a"))
    });
    table.signature("of the text without the secret", MISMATCH, |at| {
        hex_hmac(SECRET, &text(at)[SECRET.len() + 1..])
    });
    table.signature("with an empty key", MISMATCH, |at| hex_hmac("", &text(at)));
    table.case("of the body, as others sign", MISMATCH, |it| {
        let body = String::from_utf8(it.body.clone()).expect("text");
        it.replace(SIGNATURE, hex_hmac(SECRET, &body))
    });
    for key in [FOREIGN, ""] {
        table.signature("one secret as key, another in the text", MISMATCH, |at| hex_hmac(key, &text(at)));
    }
}

pub(super) fn times(table: &mut Table) {
    let date = |seconds| ahead(seconds);
    let epoch = |seconds: i64| (chrono::Utc::now().timestamp() + seconds).to_string();
    table.timestamp("14 minutes ago", ACKED, &date(-840));
    table.timestamp("14 minutes ahead", ACKED, &date(840));
    table.timestamp("15 minutes and a moment ago", STALE, &date(-905));
    table.timestamp("16 minutes ahead", STALE, &date(960));
    table.timestamp("a year ago", STALE, &date(-31_536_000));
    table.timestamp("the documentation's example", STALE, "2024-03-21 17:08:22");
    table.timestamp("the first year", STALE, "0000-01-01 00:00:00");
    table.timestamp("the last year", STALE, "9999-12-31 23:59:59");
    table.timestamp("local time east of here", STALE, &date(19_800));
    table.timestamp("local time west of here", STALE, &date(-5 * 3600));
    table.timestamp("seconds since 1970", ACKED, &epoch(0));
    table.timestamp("seconds since 1970, stale", STALE, &epoch(-905));
    table.timestamp("seconds since 1970, ahead", STALE, &epoch(960));
    table.timestamp("1970 itself", STALE, "0000000000");
    table.timestamp("milliseconds since 1970", MALFORMED, &(epoch(0) + "000"));
    table.timestamp("seconds with a fraction", MALFORMED, &(epoch(0) + ".5"));
    table.timestamp("ISO 8601", MALFORMED, &(date(0).replace(' ', "T") + "Z"));
    table.timestamp("with a zone", MALFORMED, &(date(19_800) + "+05:30"));
    table.timestamp("with Z", MALFORMED, &(date(0) + "Z"));
    table.timestamp("with UTC", MALFORMED, &(date(0) + " UTC"));
    table.timestamp("day only", MALFORMED, &date(0)[..10]);
    table.timestamp("no such day", MALFORMED, "2026-02-30 00:00:00");
    table.timestamp("hour 24", MALFORMED, "2026-02-28 24:00:00");
    table.timestamp("HTTP's own form", MALFORMED, "Sat, 21 Nov 2026 13:00:00 GMT");
    table.case("a second later than signed", MISMATCH, |it| it.replace(TIMESTAMP, ahead(3)));
    table.case("made fresh again", MISMATCH, |it| {
        it.replace(SIGNATURE, sign(SECRET, URL, "call.completed", &ahead(-3600)))
    });
    table.case("the same time in the other form", MISMATCH, |it| {
        let at = chrono::NaiveDateTime::parse_from_str(&it.header(TIMESTAMP), "%Y-%m-%d %H:%M:%S");
        it.replace(TIMESTAMP, at.expect("a time").and_utc().timestamp().to_string())
    });
    // A signature that matches no secret has no trustworthy time.
    table.case("stale, and of another secret", MISMATCH, |it| {
        Request::signed(FOREIGN, &it.body, "2024-03-21 17:08:22")
    });
}

pub(super) fn urls(table: &mut Table) {
    let quoted = serde_json::json!(URL).to_string();
    let tail = "webhooks/justcall\"";
    table.case("a character changed", BAD_URL, |it| it.edit(tail, "webhooks/justcali\""));
    table.case("another case", BAD_URL, |it| it.edit(tail, "webhooks/JustCall\""));
    table.case("trailing slash", BAD_URL, |it| it.edit(tail, "webhooks/justcall/\""));
    table.case("trailing space", BAD_URL, |it| it.edit(tail, "webhooks/justcall \""));
    table.case("a query behind", BAD_URL, |it| it.edit(tail, "webhooks/justcall?x\""));
    table.case("the other scheme", BAD_URL, |it| it.edit("https:", "http:"));
    table.case("the port spelt out", BAD_URL, |it| it.edit("example.com/", "example.com:443/"));
    table.case("empty", BAD_URL, |it| it.edit(&quoted, "\"\""));
    let field = format!("\"webhook_url\":{quoted}");
    table.case("missing", NO_URL, |it| it.edit(&format!("{field},"), ""));
    for value in ["null", "7", "true", "[]", "{}"] {
        let list = format!("\"webhook_url\":{value}");
        table.case("no string", NO_URL, |it| it.edit(&field, &list));
    }
    table.case("in a list", NO_URL, |it| it.edit(&quoted, &format!("[{quoted}]")));
    table.case("half a surrogate pair", NO_URL, |it| it.edit(&quoted, "\"\\ud800\""));
    table.case("within data only", NO_URL, |it| {
        it.edit(&format!("{field},"), "").edit("\"data\":{", &format!("\"data\":{{{field},"))
    });
    table.case("under a name in another case", UNVERIFIABLE, |it| it.edit("webhook_url", "Webhook_URL"));
    table.case("\\u002f is a slash", ACKED, |it| it.edit(tail, "webhooks\\u002fjustcall\""));
    table.case("\\/ is a slash", ACKED, |it| it.edit(tail, "webhooks\\/justcall\""));
    table.case("its name escaped", ACKED, |it| it.edit("webhook_url", "webhook\\u005furl"));
    table.case("%2F is no slash", BAD_URL, |it| it.edit(tail, "webhooks%2Fjustcall\""));
    table.case("twice", UNVERIFIABLE, |it| it.edit("{", &format!("{{{field},")));
    table.case("twice, the first of them wrong", UNVERIFIABLE, |it| {
        it.edit("{", "{\"webhook_url\":\"https://elsewhere.example/\",")
    });
    table.case("twice, one name escaped", UNVERIFIABLE, |it| {
        it.edit("{", "{\"\\u0077ebhook_url\":\"https://elsewhere.example/\",")
    });
    let elsewhere = |table: &Table| event("https://elsewhere.example/", "call.completed", table.0.len());
    let (body, at) = (elsewhere(table), now());
    table.case("signed, but not listed", BAD_URL, |_| Request::signed(SECRET, body, &at));
    let body = elsewhere(table);
    table.case("not listed where nothing is", ACKED, |_| Request::signed(SECRET, body, &at).to(OPEN));
    table.case("changed where nothing is listed", MISMATCH, |it| it.edit(tail, "webhooks/\"").to(OPEN));
    table.case("another case where nothing is listed", MISMATCH, |it| it.edit("example", "Example").to(OPEN));
    table.case("empty where nothing is listed", MISMATCH, |it| it.edit(&quoted, "\"\"").to(OPEN));
    let body = event(ESCAPED_URL, "call.completed", table.0.len());
    table.case("every odd character, by JavaScript", ACKED, |_| Request::signed(SECRET, body, &at));
    let body = event(ESCAPED_URL, "call.completed", table.0.len());
    table.case("every odd character, by Python", ACKED, |_| {
        let escaped =
            encode_uri_component(ESCAPED_URL).replace('!', "%21").replace('*', "%2A").replace('\'', "%27");
        let escaped = escaped.replace('(', "%28").replace(')', "%29");
        let signature = hex_hmac(SECRET, &format!("{SECRET}|{escaped}|call.completed|{at}"));
        Request::signed(SECRET, body, &at).replace(SIGNATURE, signature)
    });
}

pub(super) fn bodies(table: &mut Table) {
    let kind = "\"type\":\"call.completed\"";
    table.case("another type", MISMATCH, |it| it.edit(kind, "\"type\":\"call.missed\""));
    table.case("the type in another case", MISMATCH, |it| it.edit(kind, "\"type\":\"Call.Completed\""));
    table.case("a space behind the type", MISMATCH, |it| it.edit(kind, "\"type\":\"call.completed \""));
    table.case("the type escaped", ACKED, |it| it.edit(kind, "\"type\":\"call\\u002ecompleted\""));
    table.case("the type twice", UNVERIFIABLE, |it| it.edit("{", "{\"type\":\"call.missed\","));
    table.case("the type twice, one name escaped", UNVERIFIABLE, |it| {
        it.edit("{", "{\"typ\\u0065\":\"call.missed\",")
    });
    table.case("the type is a number", UNVERIFIABLE, |it| it.edit(kind, "\"type\":7"));
    table.case("no type", UNVERIFIABLE, |it| it.edit(kind, "\"kind\":0"));
    table.case("both dialects", UNVERIFIABLE, |it| it.edit("{", "{\"event\":\"call.completed\","));
    table.case("data twice", UNVERIFIABLE, |it| it.edit("\"data\":", "\"data\":{},\"data\":"));
    table.case("data is a list", UNVERIFIABLE, |it| it.edit("\"data\":{", "\"data\":[],\"rest\":{"));
    table.case("data is null", UNVERIFIABLE, |it| it.edit("\"data\":{", "\"data\":null,\"rest\":{"));
    table.case("cut off", UNVERIFIABLE, |mut it| {
        it.body.pop();
        it
    });
    table.case("a byte that is no UTF-8", UNVERIFIABLE, |mut it| {
        it.body.insert(40, 0xff);
        it
    });
    for body in ["no json", "{}", "[]", "null", "7", "{\"a\":1}", "<event/>", "type=call.completed"] {
        table.case("no envelope", UNVERIFIABLE, |mut it| {
            it.body = body.into();
            it
        });
    }
    table.case("no envelope and no header", UNVERIFIABLE, |_| Request::unsigned("no json"));
    table.case("the documented dialect", MISSING, |_| Request::unsigned(documented("unsigned")));
    table.case("the documented dialect under a caught signature", NO_URL, |mut it| {
        it.body = documented("caught").into();
        it
    });
    table.case("the documented dialect with a URL", NO_URL, |it| {
        it.edit("\"type\":", "\"event\":").edit("{", "{\"timestamp\":\"2026-03-12T14:32:00Z\",")
    });
    // A type may contain the separator; no other request may have the same signed text.
    let (body, at) = (event(URL, "call.completed|x", table.0.len()), now());
    table.case("a bar within the type", ACKED, |_| Request::signed(SECRET, body, &at));
    table.case("a bar moved from the type to the time", MALFORMED, |it| {
        let body = String::from_utf8(it.body.clone()).expect("text").replace(".completed", ".completed|x");
        let signed = Request::signed(SECRET, body, &at).edit(".completed|x", ".completed");
        signed.replace(TIMESTAMP, format!("x|{at}"))
    });
    table.case("data changed", ACKED, |it| it.edit("\"Incoming\"", "\"Outgoing\""));
    table.case("data replaced", ACKED, |it| it.edit("\"call_sid\"", "\"call_sid\":\"CAforged\",\"sid\""));
    table.case("request_id changed", ACKED, |it| it.edit("01KG5S8Z", "01KG5S9Z"));
    table.case("fields added", ACKED, |it| it.edit("{", "{\"metadata\":{\"type\":\"x\"},\"version\":2,"));
}

pub(super) fn sources(table: &mut Table) {
    let (body, at) = (table.body(), now());
    table.case("another source's event", MISMATCH, |_| Request::signed(FOREIGN, body, &at));
    let body = table.body();
    table.case("where it belongs", ACKED, |_| Request::signed(FOREIGN, body, &at).to(OTHER));
    table.case("sent to another source", MISMATCH, |it| it.to(OTHER));
    table.case("sent to another source with a slash", MISMATCH, |it| it.to("/other/"));
    let body = table.body();
    table.case("main's second secret elsewhere", MISMATCH, |_| Request::signed(SECOND, body, &at).to(OPEN));
}
