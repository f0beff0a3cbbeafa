//! The five fields of a cron line: minute, hour, day of month, month, day of week.
//!
//! Owns the syntax. When a line fires is the scheduler's business.

/// What a field may hold.
struct Field {
    name: &'static str,
    low: u32,
    high: u32,
    names: &'static [&'static str],
}

const MONTHS: [&str; 12] =
    ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

const FIELDS: [Field; 5] = [
    Field { name: "minute", low: 0, high: 59, names: &[] },
    Field { name: "hour", low: 0, high: 23, names: &[] },
    Field { name: "day of month", low: 1, high: 31, names: &[] },
    Field { name: "month", low: 1, high: 12, names: &MONTHS },
    Field { name: "day of week", low: 0, high: 7, names: &DAYS },
];

/// Checks a cron line.
///
/// # Errors
/// Which field is wrong and why.
pub fn check(line: &str) -> Result<(), String> {
    let parts: Vec<&str> = line.split_whitespace().collect();
    if parts.len() != FIELDS.len() {
        let names: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
        let (given, names) = (parts.len(), names.join(", "));
        return Err(format!("`{line}` has {given} fields; a cron line has five: {names}"));
    }
    for (field, part) in FIELDS.iter().zip(parts) {
        for item in part.split(',') {
            field.item(item).map_err(|why| format!("`{item}` is no {}: {why}", field.name))?;
        }
    }
    Ok(())
}

impl Field {
    fn item(&self, item: &str) -> Result<(), String> {
        let (range, step) = match item.split_once('/') {
            Some((range, step)) => (range, Some(step)),
            None => (item, None),
        };
        if let Some(step) = step {
            let step: u32 = digits(step).ok_or("a step is a whole number")?;
            if step == 0 || step > self.high {
                return Err(format!("a step is from 1 to {}", self.high));
            }
        }
        if range == "*" {
            return Ok(());
        }
        match range.split_once('-') {
            None if step.is_some() => Err("a step follows `*` or a range".to_owned()),
            None => self.number(range).map(|_| ()),
            Some((from, to)) => {
                let (from, to) = (self.number(from)?, self.number(to)?);
                if from > to { Err(format!("{from} is after {to}")) } else { Ok(()) }
            }
        }
    }

    fn number(&self, text: &str) -> Result<u32, String> {
        let named = self.names.iter().position(|name| name.eq_ignore_ascii_case(text));
        let number = match named.and_then(|index| u32::try_from(index).ok()) {
            Some(index) => Some(index + self.low),
            None => digits(text),
        };
        number
            .filter(|number| (self.low..=self.high).contains(number))
            .ok_or_else(|| format!("write {} to {}", self.low, self.high))
    }
}

/// A whole number written with digits only.
fn digits(text: &str) -> Option<u32> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn takes_cron_lines() {
        for line in [
            "0 7 * * MON-FRI",
            "*/5 * * * *",
            "0,30 8-18/2 1 JAN,jul 0",
            "59 23 31 12 7",
            "  0   0 * * * ",
        ] {
            assert_eq!(check(line), Ok(()), "{line}");
        }
    }

    #[test]
    fn says_which_field_is_wrong() {
        for (line, part) in [
            ("", "0 fields"),
            ("* * * *", "4 fields"),
            ("0 0 * * * *", "6 fields"),
            ("60 * * * *", "minute"),
            ("0 24 * * *", "hour"),
            ("0 0 0 * *", "day of month"),
            ("0 0 * 13 *", "month"),
            ("0 0 * * 8", "day of week"),
            ("0 0 * * FRY", "day of week"),
            ("*/0 * * * *", "step"),
            ("5/2 * * * *", "step"),
            ("9-3 * * * *", "9 is after 3"),
            ("a * * * *", "minute"),
            ("+5 * * * *", "minute"),
            ("1,,2 * * * *", "minute"),
            ("@daily", "1 fields"),
            ("0 0 * * FRI-MON", "after"),
            ("-1 * * * *", "minute"),
        ] {
            let error = check(line).unwrap_err();
            assert!(error.contains(part), "{line}: {error}");
        }
    }
}
