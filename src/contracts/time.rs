//! Points in time: UTC with milliseconds, RFC 3339 in text.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Timestamp(i64);

/// A text that is not an RFC 3339 time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an RFC 3339 time such as `2026-05-01T07:00:00.000Z`")]
pub struct TimestampError(String);

/// The latest time that can be written: 9999-12-30T22:00:00.000Z, where the calendar of `jiff` ends,
/// so that every time has a text in every zone.
const LIMIT_MS: i64 = 253_402_207_200_000;

impl Timestamp {
    /// The time `ms` milliseconds after the epoch, held inside the years RFC 3339 can write.
    #[must_use]
    pub fn from_ms(ms: i64) -> Self {
        Self(ms.clamp(0, LIMIT_MS))
    }

    /// Milliseconds since the epoch.
    #[must_use]
    pub const fn ms(self) -> i64 {
        self.0
    }

    /// This time and `ms` milliseconds.
    #[must_use]
    pub fn plus_ms(self, ms: u64) -> Self {
        Self::from_ms(self.0.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX)))
    }

    /// Milliseconds from `earlier` to this time; 0 when `earlier` is later.
    #[must_use]
    pub fn since_ms(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(time) => write!(f, "{time:.3}"),
            Err(_) => f.write_str("1970-01-01T00:00:00.000Z"),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        if !has_shape(text) {
            return Err(TimestampError(text.to_owned()));
        }
        let time: jiff::Timestamp =
            text.parse().map_err(|_: jiff::Error| TimestampError(text.to_owned()))?;
        let ms = time.as_millisecond();
        if (0..=LIMIT_MS).contains(&ms) {
            Ok(Self(ms))
        } else {
            Err(TimestampError(text.to_owned()))
        }
    }
}

/// Whether `text` is written as RFC 3339 says. The parser also takes what its ISO 8601 allows.
fn has_shape(text: &str) -> bool {
    let Some((date, time)) = text.split_once('T') else { return false };
    let clock_end = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, zone) = time.split_at(clock_end);
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let like = |text: &str, shape: &str| {
        text.len() == shape.len()
            && text.bytes().zip(shape.bytes()).all(|(byte, shape)| match shape {
                b'0' => byte.is_ascii_digit(),
                _ => byte == shape,
            })
    };
    let zoned = zone == "Z" || like(zone, "+00:00") || like(zone, "-00:00");
    like(date, "0000-00-00") && like(clock, "00:00:00") && digits(fraction) && zoned
}

impl TryFrom<String> for Timestamp {
    type Error = TimestampError;

    fn try_from(text: String) -> Result<Self, TimestampError> {
        text.parse()
    }
}

impl From<Timestamp> for String {
    fn from(time: Timestamp) -> String {
        time.to_string()
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}
