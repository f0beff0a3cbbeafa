//! The facts of one command.

use serde::{Deserialize, Serialize};

use super::walk;

/// What is known about a command from its words alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Analysis {
    /// The command as people read it.
    pub text: String,
    /// Each program that is seen to run. When the command is opaque there may be more.
    pub leaves: Vec<Leaf>,
    /// Why what it does cannot be seen; absent when it can.
    pub opaque: Option<String>,
}

/// One program with its arguments.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Leaf {
    /// The program's name without its directory.
    pub program: String,
    /// The arguments, quotes and constants resolved; the program is not among them.
    pub argv: Vec<String>,
    /// Arguments that are no flags and no values of flags, in order.
    pub positional: Vec<String>,
    /// Flags by their long names without dashes: `-rf` is `force` and `recursive`.
    pub flags: Vec<String>,
    /// How it was reached, such as `sudo` or `bash -c`, outermost first.
    pub via: Vec<String>,
    /// The directory it runs in, from the one the command started in; absent when it is not known.
    pub cwd: Option<String>,
    /// The program its output goes to.
    pub pipe_to: Option<String>,
    /// The program its input comes from.
    pub pipe_from: Option<String>,
    /// Files its words and redirections name.
    pub files: Vec<FileUse>,
    /// Hosts its words name, as URL or `host[:port]`.
    pub hosts: Vec<String>,
    /// What it does beyond files, by [`Deed`]; sorted.
    pub does: Vec<Deed>,
    /// Why what this program does cannot be seen.
    pub opaque: Option<String>,
}

/// A file that a program names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileUse {
    /// The path, from the directory the command started in; may be a pattern.
    pub text: String,
    /// What is done with it.
    pub access: Access,
    /// Whether it is named by a redirection.
    pub redirect: bool,
}

/// What a program does with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Looks at it.
    Read,
    /// Makes or changes it.
    Write,
    /// Takes it away.
    Delete,
    /// Runs it.
    Exec,
}

/// What a program does to the world beyond the files it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deed {
    /// Changes what a service keeps for others, or what they see of it.
    Change,
    /// Shows keys, tokens or passwords.
    Credential,
    /// Throws away what a service or a program keeps.
    Destroy,
    /// Gets something from the network.
    Fetch,
    /// Sends what is secret over the network.
    Leak,
    /// Runs what came from the network in the same command.
    RunFetched,
    /// Sends something over the network.
    Send,
}

impl Deed {
    /// Every deed by its word in rules.
    pub const WORDS: [(&'static str, Self); 7] = [
        ("change", Self::Change),
        ("credential", Self::Credential),
        ("destroy", Self::Destroy),
        ("fetch", Self::Fetch),
        ("leak", Self::Leak),
        ("run_fetched", Self::RunFetched),
        ("send", Self::Send),
    ];

    /// The word used in rules and messages.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Credential => "credential",
            Self::Destroy => "destroy",
            Self::Fetch => "fetch",
            Self::Leak => "leak",
            Self::RunFetched => "run_fetched",
            Self::Send => "send",
        }
    }
}

impl Leaf {
    /// Notes that the program does `deed`.
    pub(super) fn note(&mut self, deed: Deed) {
        if let Err(at) = self.does.binary_search(&deed) {
            self.does.insert(at, deed);
        }
    }
}

/// The facts of an argument vector.
#[must_use]
pub fn of_argv(argv: &[String]) -> Analysis {
    let text = argv.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    walk::argv(argv, text)
}

/// The facts of a command line, as `bash` reads it.
#[must_use]
pub fn of_line(line: &str) -> Analysis {
    walk::line(line)
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}
