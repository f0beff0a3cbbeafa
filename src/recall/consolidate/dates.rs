//! Dates and times in one form, however they are written.

use crate::recall::calendar::{DAYS, MONTHS};

/// A date or time as it is compared. What can be read in two ways (`5/6/2026`) stays as it is written.
pub(super) fn date(text: &str) -> String {
    let lower = text.to_lowercase();
    if lower.starts_with(|c: char| c.is_ascii_digit()) && lower.contains('-') {
        return lower;
    }
    let mut year = None;
    let mut month = None;
    let mut day = None;
    let words = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    for word in words {
        let digits = word.trim_end_matches(|c: char| c.is_alphabetic());
        match (month_of(word), digits.parse::<u32>()) {
            (Some(found), _) => month = Some(found),
            (None, Ok(number)) if digits.len() == 4 => year = Some(number),
            (None, Ok(number)) if day.is_none() => day = Some(number),
            _ => {}
        }
    }
    let Some(month) = month else { return lower.replace(' ', "") };
    let part = |part: Option<u32>, width: usize| {
        part.map_or_else(|| "-".to_owned(), |part| format!("{part:0width$}"))
    };
    format!("{}-{month:02}-{}", part(year, 4), part(day, 2))
}

/// A time of day with 24 hours, such as `13:56`.
pub(super) fn clock(text: &str) -> String {
    let lower: String =
        text.to_lowercase().chars().filter(|c| !c.is_whitespace() && *c != '.').collect();
    let (digits, half) = match (lower.strip_suffix("am"), lower.strip_suffix("pm")) {
        (Some(digits), _) => (digits, Some(0)),
        (_, Some(digits)) => (digits, Some(12)),
        _ => (lower.as_str(), None),
    };
    let mut parts = digits.split(':').map(|part| part.parse::<u32>().ok());
    let (Some(Some(hour)), minute) = (parts.next(), parts.next()) else { return lower };
    let minute = minute.flatten().unwrap_or(0);
    let hour = half.map_or(hour, |half| hour % 12 + half);
    match parts.next().flatten() {
        Some(second) => format!("{hour:02}:{minute:02}:{second:02}"),
        None => format!("{hour:02}:{minute:02}"),
    }
}

/// The number of a month by its name.
pub(super) fn month_of(word: &str) -> Option<u32> {
    let named = |month: &&str| *month == word || (word.len() >= 3 && month.get(..3) == Some(word));
    let at = MONTHS
        .iter()
        .position(|month| named(month) || (word == "sept" && *month == "september"))?;
    u32::try_from(at + 1).ok()
}

/// The weekday of a word, in full.
pub(super) fn weekday(word: &str) -> Option<&'static str> {
    let singular = word.strip_suffix('s').unwrap_or(word);
    DAYS.into_iter().find(|day| *day == word || *day == singular)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_the_same_however_it_is_written() {
        let cases = [
            ("5 May 2023", "2023-05-05"),
            ("May 5, 2023", "2023-05-05"),
            ("5th of May, 2023", "2023-05-05"),
            ("2023-05-05", "2023-05-05"),
            ("Sept 2024", "2024-09--"),
            ("8 May", "--05-08"),
            ("5/6/2026", "5/6/2026"),
        ];
        for (text, expected) in cases {
            assert_eq!(date(text), expected, "{text}");
        }
    }

    #[test]
    fn a_time_has_24_hours() {
        let cases = [
            ("1:56 pm", "13:56"),
            ("12:05 am", "00:05"),
            ("12 pm", "12:00"),
            ("9am", "09:00"),
            ("18:00", "18:00"),
            ("18:00:07", "18:00:07"),
        ];
        for (text, expected) in cases {
            assert_eq!(clock(text), expected, "{text}");
        }
    }
}
