//! Tokens with names: random, shown once, kept as hashes, in force as soon as they are written and no
//! longer once they are revoked.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use super::file::{self, Kept};
use crate::contracts::approval::TOKEN;
use crate::contracts::{Hash, Timestamp};

/// The file, in the state directory.
const FILE: &str = "tokens.json";
/// Most tokens.
const TOKENS_MAX: usize = 256;
/// Longest name, in bytes.
const NAME_BYTES_MAX: usize = 64;
/// What every token begins with, so that it is known for what it is where it should not be.
const PREFIX: &str = "bwk_";
/// The name of the token that `EXECUTION_TOKEN` sets.
const EXECUTION: &str = "execution";

/// Why something cannot be done with tokens.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The name is none.
    #[error(
        "`{0}` is no name for a token: 1 to {NAME_BYTES_MAX} of a-z, 0-9, `.`, `_`, `-`, beginning with a letter"
    )]
    BadName(String),
    /// The name is that of another one.
    #[error("there is a token `{0}` already; revoke it first, or choose another name")]
    Taken(String),
    /// There is none.
    #[error("there is no token `{0}`")]
    Unknown(String),
    /// There are too many.
    #[error("there are {TOKENS_MAX} tokens already; revoke those that nobody needs")]
    TooMany,
    /// The file cannot be read or written.
    #[error("`{}`: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A token that was made. What it is, is never told again.
#[derive(Clone)]
pub struct NewToken {
    /// What callers send.
    pub secret: String,
    /// Until when it is in force.
    pub expires_at: Option<Timestamp>,
}

impl std::fmt::Debug for NewToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

/// A token, for lists.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct TokenInfo {
    /// Its name.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it is in force; `None` until it is revoked.
    pub expires_at: Option<Timestamp>,
}

/// What somebody was let in with: it says whether they still would be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass(Hash);

/// Whose token it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// As it stands in journals: `token:ann`.
    pub by: String,
    /// What they were let in with.
    pub pass: Pass,
}

/// The tokens of a workspace. Looked at anew each time: there is no moment in which one that is revoked
/// still counts.
#[derive(Debug, Clone)]
pub struct Tokens {
    path: PathBuf,
    execution: Option<Hash>,
}

impl Tokens {
    /// Those kept in `state_dir`.
    #[must_use]
    pub fn of(state_dir: &Path) -> Self {
        Self { path: state_dir.join(FILE), execution: None }
    }

    /// The same, and one more that the environment sets; an empty one is none.
    #[must_use]
    pub fn with_execution(mut self, token: Option<&str>) -> Self {
        self.execution = token.filter(|token| !token.is_empty()).map(hash);
        self
    }

    /// Makes one of 256 random bits.
    ///
    /// # Errors
    /// When the name is none or taken, or the file cannot be changed.
    pub fn add(
        &self,
        name: &str,
        expires_at: Option<Timestamp>,
        random: [u8; 32],
        now: Timestamp,
    ) -> Result<NewToken, TokenError> {
        check_name(name)?;
        let _turn = self.turn()?;
        let mut tokens = self.read()?.unwrap_or_default();
        if tokens.iter().any(|token| token.name == name) {
            return Err(TokenError::Taken(name.to_owned()));
        }
        if tokens.len() >= TOKENS_MAX {
            return Err(TokenError::TooMany);
        }
        let secret = format!("{PREFIX}{}", data_encoding::HEXLOWER.encode(&random));
        let kept = Kept { name: name.to_owned(), hash: hash(&secret), created_at: now, expires_at };
        tokens.push(kept);
        self.write(tokens)?;
        Ok(NewToken { secret, expires_at })
    }

    /// Ends one: from now on it opens nothing.
    ///
    /// # Errors
    /// When there is none, or the file cannot be changed.
    pub fn revoke(&self, name: &str) -> Result<(), TokenError> {
        let _turn = self.turn()?;
        let mut tokens = self.read()?.unwrap_or_default();
        let before = tokens.len();
        tokens.retain(|token| token.name != name);
        if tokens.len() == before {
            return Err(TokenError::Unknown(name.to_owned()));
        }
        self.write(tokens)
    }

    /// Every one, oldest first; those that have expired as well.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn list(&self) -> Result<Vec<TokenInfo>, TokenError> {
        let info =
            |Kept { name, created_at, expires_at, .. }| TokenInfo { name, created_at, expires_at };
        Ok(self.read()?.unwrap_or_default().into_iter().map(info).collect())
    }

    /// Whether callers need one. Once tokens were made they are needed, also when every one is revoked:
    /// taking the last one away opens no door.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn are_needed(&self) -> Result<bool, TokenError> {
        Ok(self.execution.is_some() || self.read()?.is_some())
    }

    /// Whose token this is, if it is one and in force. Takes as long for every guess.
    ///
    /// # Errors
    /// When the file cannot be read: nobody is let in then.
    pub fn holder(&self, guess: &[u8], now: Timestamp) -> Result<Option<Holder>, TokenError> {
        let guess = Hash::of(guess);
        Ok(self.found(guess, now)?.map(|by| Holder { by, pass: Pass(guess) }))
    }

    /// Whether who was let in with `pass` still would be.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn admits(&self, pass: Pass, now: Timestamp) -> Result<bool, TokenError> {
        Ok(self.found(pass.0, now)?.is_some())
    }

    fn found(&self, guess: Hash, now: Timestamp) -> Result<Option<String>, TokenError> {
        let mut found = None;
        for token in self.read()?.unwrap_or_default() {
            let lasts = token.expires_at.is_none_or(|until| now < until);
            // Every one is looked at, and in constant time.
            if same(token.hash, guess) && lasts {
                found = Some(token.name);
            }
        }
        if self.execution.is_some_and(|execution| same(execution, guess)) {
            found = Some(EXECUTION.to_owned());
        }
        Ok(found.map(|name| format!("{TOKEN}{name}")))
    }

    fn read(&self) -> Result<Option<Vec<Kept>>, TokenError> {
        file::read(&self.path).map_err(|source| self.failed(source))
    }

    fn write(&self, tokens: Vec<Kept>) -> Result<(), TokenError> {
        file::write(&self.path, tokens).map_err(|source| self.failed(source))
    }

    /// One change at a time; given back when dropped.
    fn turn(&self) -> Result<File, TokenError> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        let lock = File::open(dir).map_err(|source| self.failed(source))?;
        let locked = rustix::fs::flock(&lock, FlockOperation::LockExclusive);
        locked.map_err(|error| self.failed(error.into()))?;
        Ok(lock)
    }

    fn failed(&self, source: io::Error) -> TokenError {
        TokenError::File { path: self.path.clone(), source }
    }
}

/// Whether a token may be called so.
///
/// # Errors
/// When it may not.
pub fn check_name(name: &str) -> Result<(), TokenError> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    let begins = name.starts_with(|c: char| c.is_ascii_lowercase());
    if name == EXECUTION {
        return Err(TokenError::Taken(name.to_owned()));
    }
    if begins && name.len() <= NAME_BYTES_MAX && name.chars().all(plain) {
        return Ok(());
    }
    Err(TokenError::BadName(name.chars().take(NAME_BYTES_MAX).collect()))
}

fn hash(token: &str) -> Hash {
    Hash::of(token.as_bytes())
}

/// In constant time.
fn same(one: Hash, other: Hash) -> bool {
    blake3::Hash::from_bytes(*one.as_bytes()) == blake3::Hash::from_bytes(*other.as_bytes())
}

#[cfg(test)]
#[path = "tokens_tests.rs"]
mod tests;
