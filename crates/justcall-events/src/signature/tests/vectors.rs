use super::*;

/// Made by `python3 tests/it/ingress/signatures/sign.py table`.
#[rustfmt::skip]
const VECTORS: &[(&str, &str, &str, &str, &str, &str)] = &[
    ("js", "ea39089c40790e9dc7a080ec95e849b8fa0fa5fb", "https://webhook.site/3bcea770-370a-4b09-8b66-426f687e08a4", "call.completed", "2024-03-21 17:08:22", "56761bae5b27a784a3ddd2af828bc5def7176bc0a8650199b04c737bd39bbecf"),
    ("js", "k", "https://hooks.example.com/webhooks/justcall", "sms.received", "2026-01-01 00:00:00", "cb88990faa589da02df3535f340aae9c1d2c643a3b92205c7f2e18e819c71bf8"),
    ("js", "k", "https://hooks.example.com/webhooks/justcall", "sms.received", "1767225600", "558ddac73e92701c0845b898d27c2a11afe1465baf26af10ca2d005c8aa47cbd"),
    ("js", "k", "https://h.example/a!b*c'd(e)f", "call.completed", "2026-01-01 00:00:00", "61f23616704aca9d82c834201632c1e830a03dc8f4c352f62436df0c23e591f1"),
    ("py", "k", "https://h.example/a!b*c'd(e)f", "call.completed", "2026-01-01 00:00:00", "73123a348b4be2a01135bc2c42d114061ea82dee7f8a002404610332829547b3"),
    ("js", "k", "!*'()", "x", "0000000000", "2b5c45644736f76086c318629400bc67ab459630f51c3afa3b84a30f7f2194ac"),
    ("py", "k", "!*'()", "x", "0000000000", "1612810322312ae20ccc44c886845d63cf2c6758f1fcb270136c261aca5d1d5b"),
    ("js", "k", "https://h.example/b\u{fc}ro/\u{547c}\u{53eb}?q=\u{1f4de}&r=\u{a0}", "call.missed", "2026-01-01 00:00:00", "42bd5a3b8532a32adf38b6fdba3eeb7f84a07c3d1543ed33295ecfd5fe96ef0c"),
    ("js", "k", "https://h.example/100%25?x=%2F%zz", "call.missed", "2026-01-01 00:00:00", "aa695866f3a1dde539251ee82eee6acae5ffa24c01eefbcb7e6439e82502dc20"),
    ("js", "k", "https://h.example/a b\u{9}c+d", "call.missed", "2026-01-01 00:00:00", "3b7817949f47e61ce5b56c2ee4836f846c3dcf251836a1bb1308161b4a7a0c2a"),
    ("js", "k", "-_.~ABCxyz019", "call.missed", "2026-01-01 00:00:00", "9a43a746ec5968d3ac9752121132ec22a31b8d26236f3ac82e5731c3b1289be6"),
    ("js", "k", "\"#$%&+,/:;<=>?@[\\]^`{|}\u{0}\u{1f}\u{7f}", "call.missed", "2026-01-01 00:00:00", "348cac3f2fefad9127a6fc2e6260bfa24eb125330795cfa95f944996ecb90c2c"),
    ("js", "k", "", "call.missed", "2026-01-01 00:00:00", "3694c96c18b5331227d14cf07ac8605713dc798335c138d73c780fa37ab3444f"),
    ("js", "k", "https://hooks.example.com/webhooks/justcall", "a|b", "2026-01-01 00:00:00", "1599e37ae0e0cc8e577b65fd241f62dba6d7c6869d20de9bea50fb09b821e36d"),
    ("js", "k", "https://hooks.example.com/webhooks/justcall", "|", "9999999999", "e50d8af4e86c2e8eaa36daf882f85046b216afc20b685efaf0bd8f2fbc8de4ac"),
    ("js", "k", "https://hooks.example.com/webhooks/justcall", "jc.call_ai_generated", "9999-12-31 23:59:59", "b7e5483fb1ffe259373225246af32a16dd0fc6c4246a7419b52b8e45a7220b00"),
    ("js", "k", "https://hooks.example.com/webhooks/justcall", "n\u{e4}her", "0000-01-01 00:00:00", "ee3f018cb558e97848f9d24542f0d4161fd2f407c7b3a53b1e71a9e2cbbc3aa6"),
    ("js", "a|b", "https://hooks.example.com/webhooks/justcall", "call.completed", "2026-01-01 00:00:00", "250ebd98a0dc3ab4ac7db419580b1aed3d0a04118aec4b4511ee785dd0776b56"),
    ("js", "schl\u{fc}ssel \u{9375}", "https://hooks.example.com/webhooks/justcall", "call.completed", "2026-01-01 00:00:00", "660389e58da929db85d4fa5336b8fbdcaf685e304e77ba5a780617355213c2ca"),
    ("js", "ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss", "https://hooks.example.com/webhooks/justcall", "call.completed", "2026-01-01 00:00:00", "f5076d8c08ea17e72253effc39c62d21c83c7bacaaa58649c41c6bf00e30233a"),
    ("js", "sssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss", "https://hooks.example.com/webhooks/justcall", "call.completed", "2026-01-01 00:00:00", "b5a25c140f598220c57335a0419f2107214697b8077aaa70c510db0ced76e838"),
    ("py", "ssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssssss", "https://hooks.example.com/webhooks/justcall/(1)", "call.completed", "2026-01-01 00:00:00", "7635add9351fb6eb466a5521e5b3c69dfae2b3f9bff456deca5ebdfba9588570"),
];

#[test]
fn signatures_of_python_verify_in_either_escaping() {
    for (escaping, secret, url, event_type, timestamp, signature) in VECTORS.iter().copied() {
        let mut trial = Trial::signed(secret, url, event_type, timestamp);
        trial.headers.signature = Some(signature.to_owned());
        assert_eq!(trial.place(), Ok(0), "{escaping} {url:?} {event_type:?} {timestamp}");
        trial.secrets.insert(0, "another".to_owned());
        assert_eq!(trial.place(), Ok(1), "{escaping} {url:?} {event_type:?} {timestamp}");
    }
}

#[test]
fn sign_escapes_as_javascript_does() {
    for (escaping, secret, url, event_type, timestamp, signature) in VECTORS.iter().copied() {
        let same = sign(secret, url, event_type, timestamp) == signature;
        let differs = escaping == "py" && url.contains(['!', '*', '\'', '(', ')']);
        assert_eq!(same, !differs, "{escaping} {url:?}");
    }
}

#[test]
fn no_vector_verifies_as_another() {
    for (at, (.., signature)) in VECTORS.iter().enumerate() {
        for (other, (_, secret, url, event_type, timestamp, expected)) in VECTORS.iter().enumerate() {
            let mut trial = Trial::signed(secret, url, event_type, timestamp);
            trial.headers.signature = Some((*signature).to_owned());
            // Two rows may be one webhook, escaped differently.
            let row = |at: usize| (VECTORS[at].1, VECTORS[at].2, VECTORS[at].3, VECTORS[at].4);
            assert_eq!(trial.place().is_ok(), row(at) == row(other), "{expected}");
        }
    }
}
