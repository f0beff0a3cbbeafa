//! Ids, times, hashes and durations: what is read, what is refused, what is written.

use proptest::prelude::*;
use uuid::Uuid;

use crate::contracts::*;

const HEX: &str = "0190a0b1c2d37e4f8a9b0c1d2e3f4a5b";

#[test]
fn ids_have_their_own_prefix_and_32_lower_case_digits() {
    let id: RunId = format!("run_{HEX}").parse().unwrap();
    assert_eq!(id.to_string(), format!("run_{HEX}"));
    for bad in [
        format!("task_{HEX}"),
        format!("run_{}", HEX.to_uppercase()),
        format!("run-{HEX}"),
        format!("RUN_{HEX}"),
        format!("run_{HEX}0"),
        format!("run_{}", &HEX[1..]),
        format!("run_{}", Uuid::parse_str(HEX).unwrap()),
        format!(" run_{HEX}"),
        format!("run_{}g", &HEX[1..]),
        format!("run_{}é", &HEX[2..]),
        RunId::SYSTEM_TEXT.to_owned(),
        String::new(),
    ] {
        let error = bad.parse::<RunId>().unwrap_err().to_string();
        assert!(error.contains("`run_`") && error.contains(&format!("`{bad}`")), "{error}");
    }
}

#[test]
fn times_are_rfc_3339_and_are_written_in_utc_with_milliseconds() {
    for (text, written) in [
        ("2026-05-01T07:00:00.000Z", "2026-05-01T07:00:00.000Z"),
        ("2026-05-01T07:00:00Z", "2026-05-01T07:00:00.000Z"),
        ("2026-05-01T09:00:00.5+02:00", "2026-05-01T07:00:00.500Z"),
        ("1970-01-01T00:00:00.001-00:00", "1970-01-01T00:00:00.001Z"),
        ("9999-12-30T22:00:00.000Z", "9999-12-30T22:00:00.000Z"),
    ] {
        assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), written);
    }
    for bad in [
        "",
        "2026-05-01",
        "2026-05-01T07:00:00",
        "2026-05-01 07:00:00Z",
        "2026-05-01T07:00Z",
        "2026-05-01T07Z",
        "20260501T070000Z",
        "2026-05-01T07:00:00.Z",
        "2026-05-01T07:00:00,5Z",
        "2026-05-01T07:00:00Z[UTC]",
        "2026-05-01T07:00:00+02:00[Europe/Rome]",
        "2026-05-01T07:00:00+02",
        "+002026-05-01T07:00:00Z",
        "2026-02-30T07:00:00Z",
        "2026-05-01T24:00:00Z",
        "1969-12-31T23:59:59Z",
        "9999-12-31T23:59:59Z",
        "2026-05-01t07:00:00z",
        "1746082800000",
    ] {
        assert!(bad.parse::<Timestamp>().is_err(), "{bad}");
    }
}

#[test]
fn times_stay_inside_the_years_that_can_be_written() {
    assert_eq!(Timestamp::from_ms(-5).ms(), 0);
    assert_eq!(Timestamp::from_ms(i64::MAX).to_string(), "9999-12-30T22:00:00.000Z");
    assert_eq!(Timestamp::from_ms(5).plus_ms(u64::MAX), Timestamp::from_ms(i64::MAX));
    assert_eq!(Timestamp::from_ms(5).since_ms(Timestamp::from_ms(9)), 0);
}

#[test]
fn hashes_are_64_lower_case_digits() {
    let hash = Hash::of(b"");
    let text = "af1349b9f5f9a1a6a0404dea36dcc9499bcb25c9adc112b7cc9a93cae41f3262";
    assert_eq!(hash.to_string(), text);
    assert_eq!(text.parse::<Hash>().unwrap(), hash);
    for bad in
        [text.to_uppercase(), text[1..].to_owned(), format!("{text}0"), text.replace('a', "g")]
    {
        assert!(bad.parse::<Hash>().is_err(), "{bad}");
    }
}

#[test]
fn durations_need_units_and_fit() {
    for (text, ms) in [
        ("250ms", 250),
        ("90s", 90_000),
        ("2h30m", 9_000_000),
        ("1d", 86_400_000),
        (" 5m ", 300_000),
    ] {
        assert_eq!(parse_duration_ms(text).unwrap(), ms);
    }
    for bad in [
        "",
        " ",
        "5",
        "5x",
        "-5s",
        "1.5s",
        "s",
        "5s 5",
        "99999999999999999999s",
        "9999999999999999d",
        "5S",
        "٥s",
    ] {
        assert!(parse_duration_ms(bad).is_err(), "{bad}");
    }
}

#[test]
fn canonical_hash_does_not_depend_on_how_a_value_was_written() {
    let hash = |text: &str| canonical_hash(&serde_json::from_str(text).unwrap()).unwrap();
    assert_eq!(hash("{\"a\":1.0,\"b\":\"\\u00e9\"}"), hash("{ \"b\": \"é\", \"a\": 1 }"));
    assert_ne!(hash("{\"a\":1}"), hash("{\"a\":\"1\"}"));
    // RFC 8785, by hand: keys sorted, no spaces.
    assert_eq!(hash("{\"b\":[true,null],\"a\":1e1}"), Hash::of(b"{\"a\":10,\"b\":[true,null]}"));
}

#[test]
fn stricter_verdicts_are_greater() {
    assert!(Effect::Allow < Effect::Depends);
    assert!(Effect::Depends < Effect::Ask);
    assert!(Effect::Ask < Effect::Deny);
}

#[test]
fn words_in_json_are_the_words_in_tables() {
    let json = |value: serde_json::Value| value.as_str().unwrap().to_owned();
    for kind in EventKind::ALL {
        assert_eq!(json(serde_json::to_value(kind).unwrap()), kind.as_str());
        assert_eq!(EventKind::parse(kind.as_str()), Some(*kind));
    }
    assert_eq!(EventKind::parse("run.exploded"), None);
    for effect in [Effect::Allow, Effect::Depends, Effect::Ask, Effect::Deny] {
        assert_eq!(json(serde_json::to_value(effect).unwrap()), effect.as_str());
    }
    for outcome in [Outcome::Succeeded, Outcome::Failed, Outcome::Cancelled, Outcome::Denied] {
        assert_eq!(json(serde_json::to_value(outcome).unwrap()), outcome.as_str());
        assert!(outcome.status().is_end());
    }
}

proptest! {
    #[test]
    fn every_id_reads_back(number in any::<u128>()) {
        let uuid = Uuid::from_u128(number);
        prop_assert_eq!(CallId::from_uuid(uuid).to_string().parse(), Ok(CallId::from_uuid(uuid)));
        prop_assert_eq!(MemoryId::from_uuid(uuid).to_string().parse(), Ok(MemoryId::from_uuid(uuid)));
    }

    #[test]
    fn every_time_reads_back(ms in 0..=253_402_207_200_000_i64) {
        let time = Timestamp::from_ms(ms);
        prop_assert_eq!(time.to_string().parse(), Ok(time));
        prop_assert_eq!(time.ms(), ms);
    }

    #[test]
    fn every_duration_reads_back(ms in any::<u64>()) {
        prop_assert_eq!(parse_duration_ms(&format_duration_ms(ms)), Ok(ms));
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in "\\PC{0,80}") {
        let _ = (text.parse::<RunId>(), text.parse::<Timestamp>(), text.parse::<Hash>());
        let _ = parse_duration_ms(&text);
    }
}
