//! A word after expansion.

/// A word, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::command) struct Word {
    /// The text; what is not known stands in it as it was written.
    pub(in crate::command) text: String,
    /// The text without what is not known: what it is when that is empty.
    pub(in crate::command) bare: String,
    /// Whether part of it is not known.
    pub(in crate::command) open: bool,
    /// Whether it is a pattern for file names.
    pub(in crate::command) glob: bool,
    /// Whether a variable with the name of a secret is in it.
    pub(in crate::command) secret: bool,
    /// Whether part of it came from the network in the same command.
    pub(in crate::command) fetched: bool,
    /// What the file holds that it names, when the command itself makes it.
    pub(in crate::command) source: Option<Box<Source>>,
}

/// Text that a command hands to another.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::command) struct Source {
    /// The text, where it is known.
    pub(in crate::command) text: Option<String>,
    /// Whether it came from the network.
    pub(in crate::command) fetched: bool,
}

/// Standard input: `None` when it is that of the whole command.
pub(in crate::command) type Stdin = Option<Source>;

impl Word {
    /// A word that is known and quoted.
    pub(in crate::command) fn known(text: &str) -> Self {
        Self { text: text.to_owned(), bare: text.to_owned(), ..Self::default() }
    }

    /// A word about which nothing is known.
    pub(in crate::command) fn unknown(shown: &str) -> Self {
        Self { text: shown.to_owned(), open: true, ..Self::default() }
    }

    /// Adds a text that is known.
    pub(super) fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.bare.push_str(text);
    }

    /// Adds something that is not known.
    pub(super) fn push_unknown(&mut self, shown: &str, guess: &str) {
        self.text.push_str(shown);
        self.bare.push_str(guess);
        self.open = true;
    }

    /// What is left of the word after its first `count` bytes.
    pub(in crate::command) fn after(&self, count: usize) -> Self {
        let cut = |text: &str| text.get(count..).unwrap_or_default().to_owned();
        Self { text: cut(&self.text), bare: cut(&self.bare), ..self.clone() }
    }
}
