//! Why the daemon did not do what it was asked.

use super::{Problem, TooLong};

/// Why a request has no answer, or not the one that was hoped for.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is none.
    #[error("`{address}` is no address of a daemon: {why}")]
    Address {
        /// As given.
        address: String,
        /// What is wrong with it.
        why: String,
    },
    /// The token cannot stand in a header.
    #[error("the token holds characters that cannot be sent")]
    Token,
    /// Nobody answers there.
    #[error("the daemon at {place} cannot be reached: {why}")]
    Unreachable {
        /// Where it was looked for.
        place: String,
        /// Why not.
        why: String,
    },
    /// It answered, and refused.
    #[error("{}", .0.said())]
    Refused(Box<Problem>),
    /// What answers there is not the API of this version.
    #[error("{place} answered something this version cannot read: {why}")]
    Unreadable {
        /// Who answered.
        place: String,
        /// What is wrong with it.
        why: String,
    },
    /// An event is not what was journalled.
    #[error("event {seq} of `{run}` does not fit its hash")]
    Altered {
        /// Which run.
        run: String,
        /// Which event.
        seq: u64,
    },
    /// An event is larger than is taken.
    #[error(transparent)]
    TooLong(#[from] TooLong),
}

/// An error of the HTTP library in words: its own text and everything behind it, without the address.
pub(super) fn words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        let text = error.to_string();
        if !words.contains(&text) {
            words.push_str(&format!(": {text}"));
        }
        cause = error.source();
    }
    words
}
