//! Parameters in the address: known names, each of its kind, and once unless it is a list.

use axum::extract::Query;
use axum::http::{StatusCode, Uri};

use super::problem::Problem;
use super::route::Param;

/// Longest value of a parameter, in bytes.
const VALUE_BYTES_MAX: usize = 4 * 1024;

/// What stands behind the `?`.
#[derive(Debug, Default)]
pub(super) struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// Reads them; what is not in `known` is refused.
    pub(super) fn read(uri: &Uri, known: &[Param]) -> Result<Self, Problem> {
        let read = Query::<Vec<(String, String)>>::try_from_uri(uri);
        let Query(pairs) =
            read.map_err(|error| Problem::bad_request(format!("after `?`: {error}")))?;
        for (index, (name, value)) in pairs.iter().enumerate() {
            let param = known.iter().find(|param| param.name == name);
            let once = param.is_none_or(|param| param.kind != "array");
            let again = once && pairs.iter().take(index).any(|(earlier, _)| earlier == name);
            if param.is_none() || again {
                let names: Vec<_> = known.iter().map(|param| param.name).collect();
                let what = if again { "stands there twice" } else { "is not known here" };
                let hint = format!("there are: {}", names.join(", "));
                let hint = (!names.is_empty()).then_some(hint.as_str());
                return Err(wrong(name, what, hint));
            }
            if value.len() > VALUE_BYTES_MAX {
                return Err(wrong(name, "is too long", None));
            }
        }
        Ok(Self(pairs))
    }

    /// A value as text.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a list, in their order.
    pub(super) fn all(&self, name: &str) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// A value as what it shall be.
    pub(super) fn parse<T: std::str::FromStr>(
        &self,
        name: &str,
        what: &str,
    ) -> Result<Option<T>, Problem> {
        let read = |text: &str| text.parse().map_err(|_kind| wrong(name, what, None));
        self.get(name).map(read).transpose()
    }

    /// How many rows are wanted: at least one, at most `max`.
    pub(super) fn limit(&self, max: u32) -> Result<u32, Problem> {
        const DEFAULT: u32 = 50;
        match self.parse::<u32>("limit", "is no count")? {
            None => Ok(DEFAULT.min(max)),
            Some(count) if (1..=max).contains(&count) => Ok(count),
            Some(_) => Err(wrong("limit", &format!("is not between 1 and {max}"), None)),
        }
    }

    /// Where the page begins: what an earlier one gave as `next_cursor`.
    pub(super) fn cursor(&self) -> Result<Option<u64>, Problem> {
        let cursor: Option<u64> = self.parse("cursor", "is no cursor of this list")?;
        if cursor.is_some_and(|cursor| i64::try_from(cursor).is_err()) {
            return Err(wrong("cursor", "is no cursor of this list", None));
        }
        Ok(cursor)
    }
}

/// 400: a parameter is wrong.
pub(super) fn wrong(name: &str, what: &str, suggestion: Option<&str>) -> Problem {
    let shown: String = name.chars().take(80).collect();
    let message = format!("`{}` {what}", shown.escape_debug());
    let detail = format!("the parameter {message}");
    Problem::new(StatusCode::BAD_REQUEST, "bad_request", "the request cannot be read", detail)
        .error(Some(&shown), &message, suggestion)
}
