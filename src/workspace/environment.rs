//! The environment, read once and passed on as a value.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;

/// What names of this program's variables begin with.
const PREFIX: &str = "BAILIWICK_";

/// Variables by name. Values may be secrets: they are not in `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(BTreeMap<String, String>);

impl Environment {
    /// An environment of these variables; of equal names the last counts.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(variables.into_iter().collect())
    }

    /// The environment in `variables`, as `std::env::vars_os` gives it.
    ///
    /// # Errors
    /// The name of a variable of this program that is not text. Others that are not are passed over.
    pub fn from_os(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, String> {
        let mut texts = BTreeMap::new();
        for (name, value) in variables {
            match (name.into_string(), value.into_string()) {
                (Ok(name), Ok(value)) => {
                    texts.insert(name, value);
                }
                (Ok(name), Err(_)) if name.starts_with(PREFIX) => return Err(name),
                _ => {}
            }
        }
        Ok(Self(texts))
    }

    /// The value of `name`; an empty one counts as absent.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether `name` is set at all.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Every variable, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// This environment, and from `below` what it does not have.
    #[must_use]
    pub fn over(mut self, below: impl IntoIterator<Item = (String, String)>) -> Self {
        for (name, value) in below {
            self.0.entry(name).or_insert(value);
        }
        self
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_values_out_of_debug_output() {
        let environment = Environment::new([("A".to_owned(), "hunter2".to_owned())]);
        assert_eq!(format!("{environment:?}"), "{\"A\"}");
    }

    #[test]
    fn what_stands_over_wins() {
        let own = Environment::new([("A".to_owned(), "1".to_owned())]);
        let both = own.over([("A".to_owned(), "2".to_owned()), ("B".to_owned(), "3".to_owned())]);
        assert_eq!((both.get("A"), both.get("B")), (Some("1"), Some("3")));
    }

    #[cfg(unix)]
    #[test]
    fn refuses_own_variables_that_are_not_text() {
        use std::os::unix::ffi::OsStringExt as _;
        let bad = || OsString::from_vec(vec![0xff]);
        assert!(Environment::from_os([("OTHER".into(), bad()), (bad(), "x".into())]).is_ok());
        let own = Environment::from_os([("BAILIWICK_X".into(), bad())]);
        assert_eq!(own, Err("BAILIWICK_X".to_owned()));
    }
}
