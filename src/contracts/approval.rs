//! People's answers: what is asked, what was said, and who counts as somebody else.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{ApprovalId, CallId, Hash, Timestamp};

/// What is being asked. Exactly this call, or this gate, and nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalSubject {
    /// Which question.
    pub approval_id: ApprovalId,
    /// The step's path; empty for an approval given beforehand.
    pub path: String,
    /// The call; absent for an approval gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<CallId>,
    /// Canonical hash of tool, arguments and run; absent for an approval gate. Of an approval given
    /// beforehand, that of tool and arguments; absent where it is for any arguments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub args_hash: Option<Hash>,
    /// What the person reads.
    pub prompt: String,
    /// Until when an answer counts.
    pub expires_at: Timestamp,
    /// How many different people must say yes.
    pub approvers: u32,
    /// Set when nobody asked yet: a yes that somebody gave beforehand, to one call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beforehand: Option<Beforehand>,
    /// Set when words are wanted rather than leave: the answer is what the person says, and allows nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub consult: Option<Consult>,
}

/// What a person may say to a question that wants words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Consult {
    /// What can be chosen from; empty: any text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
    /// What holds when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
}

/// Longest answer, in characters.
const ANSWER_CHARS_MAX: usize = 16_000;

impl Consult {
    /// The answer that `said` is.
    ///
    /// # Errors
    /// With what to say instead.
    pub fn accepts(&self, said: Option<&str>) -> Result<String, String> {
        let said = said.map(str::trim).filter(|said| !said.is_empty());
        let Some(said) = said.or(self.default.as_deref()) else {
            return Err(format!("an answer is wanted{}", self.choices()));
        };
        if said.chars().count() > ANSWER_CHARS_MAX {
            return Err(format!("the answer is longer than {ANSWER_CHARS_MAX} characters"));
        }
        match self.options.is_empty() || self.options.iter().any(|option| option == said) {
            true => Ok(said.to_owned()),
            false => Err(format!("that is none of the options{}", self.choices())),
        }
    }

    fn choices(&self) -> String {
        match self.options.is_empty() {
            true => String::new(),
            false => format!(": one of `{}`", self.options.join("`, `")),
        }
    }
}

/// A yes to one call of a tool, given before anybody asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Beforehand {
    /// The tool.
    pub tool: String,
    /// Who gave it.
    pub by: String,
}

/// The answer to an approval.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalResolution {
    /// Which question.
    pub approval_id: ApprovalId,
    /// Yes or no.
    pub approved: bool,
    /// Who answered, such as `user:ann`, `token:ci` or `user:ann (--yes-approve cmd.remove-tree)`.
    pub by: String,
    /// What they said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What stands before the name of an account of this machine.
pub const USER: &str = "user:";
/// What stands before the name of a token.
pub const TOKEN: &str = "token:";

/// The person behind what stands in a journal: without the way they came and what they said it with.
/// Somebody who has an account and a token of the same name is one person.
#[must_use]
pub fn person(by: &str) -> &str {
    let name = by.split_once(" (").map_or(by, |(name, _)| name);
    name.strip_prefix(USER).or_else(|| name.strip_prefix(TOKEN)).unwrap_or(name)
}

/// Whether it is known who that is: an account, or the holder of a token. One of several approvers has
/// to be.
#[must_use]
pub fn is_named(by: &str) -> bool {
    by.starts_with(USER) || by.starts_with(TOKEN)
}

/// Who has said yes to a question so far, and how many must.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Quorum {
    needed: u32,
    yes: Vec<String>,
}

impl Quorum {
    /// Of a question that needs so many people; none is one.
    #[must_use]
    pub fn of(approvers: u32) -> Self {
        Self { needed: approvers.max(1), yes: Vec::new() }
    }

    /// The same with those who said yes already.
    #[must_use]
    pub fn with<'a>(mut self, yes: impl IntoIterator<Item = &'a str>) -> Self {
        for by in yes {
            self.add(by);
        }
        self
    }

    /// Counts a yes; a second one of the same person is none.
    pub fn add(&mut self, by: &str) {
        if !self.has(by) {
            self.yes.push(by.to_owned());
        }
    }

    /// Whether this person said yes already.
    #[must_use]
    pub fn has(&self, by: &str) -> bool {
        self.yes.iter().any(|yes| person(yes) == person(by))
    }

    /// How many must say yes.
    #[must_use]
    pub const fn needed(&self) -> u32 {
        self.needed
    }

    /// Those who did, in order.
    #[must_use]
    pub fn yes(&self) -> &[String] {
        &self.yes
    }

    /// How many more must.
    #[must_use]
    pub fn missing(&self) -> u32 {
        self.needed.saturating_sub(u32::try_from(self.yes.len()).unwrap_or(u32::MAX))
    }

    /// Whether enough did.
    #[must_use]
    pub fn is_met(&self) -> bool {
        self.missing() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_taken_where_they_fit() {
        let consult = |options: &[&str], default: Option<&str>| Consult {
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            default: default.map(str::to_owned),
        };
        for (options, default, said, taken) in [
            (&[][..], None, Some(" any words "), Some("any words")),
            (&[], None, Some("  "), None),
            (&[], None, None, None),
            (&[], Some("d"), None, Some("d")),
            (&["a", "b"], None, Some("b"), Some("b")),
            (&["a", "b"], None, Some("c"), None),
            (&["a", "b"], Some("a"), Some(""), Some("a")),
            (&["a", "b"], Some("a"), Some("c"), None),
        ] {
            let accepted = consult(options, default).accepts(said).ok();
            assert_eq!(accepted.as_deref(), taken, "{options:?} {default:?} {said:?}");
        }
        assert!(consult(&[], None).accepts(Some(&"x".repeat(16_001))).is_err());
    }

    #[test]
    fn a_person_is_one_however_they_come() {
        let mut quorum = Quorum::of(2);
        for by in ["user:ann", "user:ann", "token:ann", "user:ann (--yes-approve x)"] {
            quorum.add(by);
            assert_eq!((quorum.missing(), quorum.is_met()), (1, false), "{by}");
        }
        quorum.add("token:bob (beforehand)");
        assert!(quorum.is_met());
        assert_eq!(quorum.yes(), ["user:ann", "token:bob (beforehand)"]);
        quorum.add("user:eve");
        assert_eq!(quorum.missing(), 0);
        assert_eq!(Quorum::of(0).missing(), 1, "nobody is not enough");
    }

    #[test]
    fn whoever_has_no_name_is_known_as_such() {
        for (by, named) in
            [("user:ann", true), ("token:ci", true), ("api", false), ("terminal", false)]
        {
            assert_eq!(is_named(by), named, "{by}");
        }
    }
}
