use super::*;

#[test]
fn exit_code_distinguishes_bad_settings_failures_and_strict_warnings() {
    let tally = |warnings, failures| Tally { ok: 1, warnings, failures, skipped: 1 };
    for (tally, are_settings_bad, is_strict, code) in [
        (tally(0, 0), false, false, 0),
        (tally(0, 0), false, true, 0),
        (tally(2, 0), false, false, 0),
        (tally(2, 0), false, true, 1),
        (tally(0, 1), false, false, 1),
        (tally(0, 1), true, true, 78),
    ] {
        assert_eq!(exit_code(tally, are_settings_bad, is_strict), code, "{tally:?}");
    }
}
