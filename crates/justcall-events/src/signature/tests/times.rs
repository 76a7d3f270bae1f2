use super::*;
use chrono::TimeDelta;
use proptest::prelude::*;

#[test]
fn both_forms_are_read_in_utc() {
    let read = |text: &str| parse_time(text).map(|time| time.timestamp());
    assert_eq!(read("2024-03-21 17:08:22"), Some(1_711_040_902));
    assert_eq!(read("1711040902"), Some(1_711_040_902));
    assert_eq!(read("1970-01-01 00:00:00"), Some(0));
    assert_eq!(read("0000000000"), Some(0));
    assert_eq!(read("9999999999"), Some(9_999_999_999));
    assert_eq!(read("0000-01-01 00:00:00"), Some(-62_167_219_200));
    assert_eq!(read("9999-12-31 23:59:59"), Some(253_402_300_799));
    assert_eq!(read("2024-02-29 00:00:00"), Some(1_709_164_800));
    // Same as the second before.
    assert_eq!(read("2016-12-31 23:59:60"), Some(1_483_228_799));
}

#[test]
fn other_forms_are_not_a_time() {
    let wrong = [
        "",
        " ",
        "now",
        "2024-02-30 00:00:00",
        "2023-02-29 00:00:00",
        "2024-00-10 00:00:00",
        "2024-13-10 00:00:00",
        "2024-03-00 00:00:00",
        "2024-03-32 00:00:00",
        "2024-03-21 24:00:00",
        "2024-03-21 23:60:00",
        "2024-03-21 23:59:61",
        "2024-03-21T17:08:22",
        "2024-03-21 17:08:22Z",
        "2024-03-21T17:08:22Z",
        "2024-03-21 17:08:22+00:00",
        "2024-03-21 17:08:22 UTC",
        "2024-03-21 17:08:22.5",
        "2024-03-21 17:08:22.000",
        "2024-03-21 17:08",
        "2024-03-21",
        "2024-3-21 17:08:22",
        "2024-03-21 7:08:22",
        "2024-03-21 07:8:22",
        "24-03-21 17:08:22",
        "02024-03-21 17:08:22",
        "+2024-03-21 17:08:22",
        "+024-03-21 17:08:22",
        "-024-03-21 17:08:22",
        "2024-+3-21 17:08:22",
        "2024-03-21 +7:08:22",
        "2024-03-21 17: 8:22",
        "2024-03-21 17:08: 2",
        "2024- 3-21 17:08:22",
        "2024/03/21 17:08:22",
        "2024-03-21_17:08:22",
        "2024-03-21  17:08:2",
        "2024-03-21\t17:08:22",
        "21-03-2024 17:08:22",
        " 2024-03-21 17:08:22",
        "2024-03-21 17:08:22 ",
        "2024-03-21 17:08:22\n",
        "2024-03-21 17:08:2\0",
        "2024-03-21 05:08:22 PM",
        // Unicode digits.
        "٢٠٢٤-03-21 17:08:22",
        "２０２４-03-21 17:08:22",
        "2024-03-21 17:٠:22",
        "2024-03-21 17:08:٢",
        "٢٢٢٢٢",
        "171104090",
        "17110409022",
        "1711040902000",
        "+171104090",
        "+1711040902",
        "-171104090",
        "-1711040902",
        " 171104090",
        "171104090 ",
        "1711040902 ",
        " 1711040902",
        "171104090.",
        "1_71104090",
        "0x17110409",
        "1.71104e9",
        "171104090a",
    ];
    for text in wrong {
        assert_eq!(parse_time(text), None, "{text:?}");
    }
}

#[test]
fn the_tolerance_includes_its_last_second_on_either_side() {
    let judged = |apart: TimeDelta| changed(|it| it.now = at(AT) + apart).map(|valid| valid.at);
    for seconds in [0, 1, -1, 899, -899, 900, -900] {
        assert_eq!(judged(TimeDelta::seconds(seconds)), Ok(at(AT)), "{seconds} s");
    }
    for seconds in [901, -901, 3600, -3600, 19_800, 400_000_000, -400_000_000] {
        assert_eq!(judged(TimeDelta::seconds(seconds)), Err(Fault::Stale), "{seconds} s");
    }
    let nanosecond = TimeDelta::nanoseconds(1);
    assert_eq!(judged(TimeDelta::seconds(900) + nanosecond), Err(Fault::Stale));
    assert_eq!(judged(TimeDelta::seconds(-900) - nanosecond), Err(Fault::Stale));
}

#[test]
fn the_seconds_form_has_the_same_edges() {
    let trial = |apart| {
        let mut trial = Trial::signed(SECRET, URL, TYPE, "1711040902");
        trial.now += TimeDelta::seconds(apart);
        trial.place()
    };
    assert_eq!([-901, -900, 900, 901].map(trial), [Err(Fault::Stale), Ok(0), Ok(0), Err(Fault::Stale)]);
}

#[test]
fn zero_tolerance_accepts_only_the_same_second() {
    let judged = |apart| {
        changed(|it| {
            it.tolerance = Duration::ZERO;
            it.now += TimeDelta::milliseconds(apart);
        })
    };
    assert!(judged(0).is_ok());
    assert_eq!([judged(1), judged(-1)], [Err(Fault::Stale), Err(Fault::Stale)]);
}

#[test]
fn extreme_times_and_tolerances_are_handled_like_others() {
    let ends = [DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, DateTime::UNIX_EPOCH];
    let signed = ["0000-01-01 00:00:00", "9999-12-31 23:59:60", "0000000000", "9999999999"];
    for (now, timestamp) in ends.iter().flat_map(|now| signed.map(|timestamp| (*now, timestamp))) {
        let mut trial = Trial::signed(SECRET, URL, TYPE, timestamp);
        trial.now = now;
        let is_now = now == at(timestamp);
        assert_eq!(trial.place(), if is_now { Ok(0) } else { Err(Fault::Stale) }, "{timestamp} at {now}");
        trial.tolerance = Duration::MAX;
        assert_eq!(trial.place(), Ok(0), "{timestamp} at {now}");
    }
}

proptest! {
    #[test]
    fn reading_a_time_never_panics_and_accepts_no_other_spelling(text in "[0-9]{4}[-/][0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}|[0-9+ -]{9,11}|\\PC{0,24}") {
        let Some(time) = parse_time(&text) else { return Ok(()) };
        let spelt = [time.format("%Y-%m-%d %H:%M:%S").to_string(), format!("{:010}", time.timestamp())];
        prop_assert!(spelt.contains(&text), "{text:?} was read as {time}");
    }

    #[test]
    fn times_in_justcalls_form_are_accepted(seconds in -62_167_219_200_i64..=253_402_300_799) {
        let time = DateTime::from_timestamp(seconds, 0).unwrap();
        prop_assert_eq!(parse_time(&time.format("%Y-%m-%d %H:%M:%S").to_string()), Some(time));
        if (0..=9_999_999_999).contains(&seconds) {
            prop_assert_eq!(parse_time(&format!("{seconds:010}")), Some(time));
        }
    }
}
