//! How often something may be done: `30/min`, or `none` for no bound.

use std::fmt;

use serde::{Serialize, Serializer};

/// Most times of a period.
const COUNT_MAX: u32 = 1_000_000;
/// Periods by the names that people write, the first name of each being the one that is written back.
const PERIODS: [(&str, u64); 9] = [
    ("s", 1_000),
    ("min", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("second", 1_000),
    ("m", 60_000),
    ("minute", 60_000),
    ("hour", 3_600_000),
    ("day", 86_400_000),
];

/// So many times in a period; after a rest of a whole period all of them at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many times, at least once.
    pub count: u32,
    /// The period, in milliseconds.
    pub per_ms: u64,
}

impl Rate {
    /// Reads what a person wrote; `None` for `none`.
    ///
    /// # Errors
    /// What to write instead.
    pub fn parse(text: &str) -> Result<Option<Self>, String> {
        if text == "none" {
            return Ok(None);
        }
        let help = || {
            format!(
                "`{}` is no rate: write `none`, or a count of 1 to {COUNT_MAX} and a period, such as `30/min` (s, min, h, d)",
                text.escape_debug()
            )
        };
        let (count, period) = text.split_once('/').ok_or_else(help)?;
        let (count, period) = (count.trim(), period.trim());
        let digits = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
        let count = count.parse().ok().filter(|count| digits && (1..=COUNT_MAX).contains(count));
        let per_ms = PERIODS.iter().find(|(name, _)| *name == period).map(|(_, ms)| *ms);
        let (count, per_ms) = count.zip(per_ms).ok_or_else(help)?;
        Ok(Some(Self { count, per_ms }))
    }

    /// Whether this lets nothing through that `other` holds back.
    #[must_use]
    pub fn is_within(self, other: Self) -> bool {
        // Both what may come at once and what may come in the long run.
        let long_run = u128::from(self.count) * u128::from(other.per_ms)
            <= u128::from(other.count) * u128::from(self.per_ms);
        self.count <= other.count && long_run
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match PERIODS.iter().find(|(_, ms)| *ms == self.per_ms) {
            Some((name, _)) => write!(f, "{}/{name}", self.count),
            None => write!(f, "{}/{} ms", self.count, self.per_ms),
        }
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Whether the rate in `new` is as strict as that in `old`, or stricter. What is no rate never is.
pub(super) fn is_slower(old: &str, new: &str) -> bool {
    match (Rate::parse(old), Rate::parse(new)) {
        (Ok(None), Ok(_)) => true,
        (Ok(Some(old)), Ok(Some(new))) => new.is_within(old),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_rates_and_writes_them_back() {
        for (text, expected) in [
            ("30/min", Some("30/min")),
            ("1/s", Some("1/s")),
            ("5 / minute", Some("5/min")),
            ("1000000/d", Some("1000000/d")),
            ("none", None),
        ] {
            let rate = Rate::parse(text).unwrap().map(|rate| rate.to_string());
            assert_eq!(rate.as_deref(), expected, "{text}");
        }
        for text in
            ["", "30", "30/", "/min", "0/min", "-1/s", "+1/s", "1.5/s", "1/week", "1000001/s"]
        {
            assert!(Rate::parse(text).unwrap_err().contains("30/min"), "{text}");
        }
    }

    #[test]
    fn knows_which_rate_is_slower() {
        for (old, new, expected) in [
            ("none", "30/min", true),
            ("30/min", "none", false),
            ("30/min", "30/min", true),
            ("60/min", "30/min", true),
            ("30/min", "1/s", false),
            ("60/min", "1/s", true),
            ("1/s", "60/min", false),
            ("30/min", "nonsense", false),
        ] {
            assert_eq!(is_slower(old, new), expected, "{old} -> {new}");
        }
    }
}
