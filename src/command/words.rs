//! Words sorted into flags, their values and operands, by a table.

use super::walk::Word;

/// What stands behind a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// Nothing.
    No,
    /// A value only when it is attached with `=` or directly.
    Maybe,
    /// A text that matters to nobody.
    Text,
    /// A file that is read.
    Read,
    /// A file that is written.
    Write,
    /// A program or a script that is run.
    Exec,
    /// A host or URL.
    Host,
    /// A command line that is run.
    Line,
}

/// A flag: its letter (`-` for none), its long name, and what it takes.
pub(super) type Flag = (char, &'static str, Takes);

/// How a program reads its flags.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Style {
    /// Flags end at the first operand.
    pub(super) stops: bool,
    /// `-name` is one flag, as in `find -delete`.
    pub(super) words: bool,
}

/// Words, sorted.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    /// Flags by their long names, sorted.
    pub(super) flags: Vec<String>,
    /// Values of flags.
    pub(super) values: Vec<(String, Takes, Word)>,
    /// Words that are neither.
    pub(super) operands: Vec<Word>,
    /// The first flag that the table does not have.
    pub(super) unknown: Option<String>,
    /// Whether `--` was there.
    pub(super) ended: bool,
}

impl Sorted {
    /// Whether the flag is there.
    pub(super) fn has(&self, flag: &str) -> bool {
        self.flags.iter().any(|found| found == flag)
    }

    /// The value of a flag.
    pub(super) fn value(&self, flag: &str) -> Option<&Word> {
        self.values.iter().find(|(name, ..)| name == flag).map(|(_, _, word)| word)
    }
}

/// Sorts `words` by `table`.
pub(super) fn sort(table: &[Flag], words: &[Word], style: Style) -> Sorted {
    let mut sorted = Sorted::default();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let text = word.text.as_str();
        if text == "--" {
            sorted.ended = true;
            sorted.operands.extend(rest.cloned());
            break;
        }
        if !text.starts_with('-') || text == "-" {
            sorted.operands.push(word.clone());
            if style.stops {
                sorted.operands.extend(rest.cloned());
                break;
            }
            continue;
        }
        let wants = match text.strip_prefix("--") {
            Some(long) => sorted.long(table, word, long, 2),
            None if style.words => sorted.long(table, word, text.trim_start_matches('-'), 1),
            None => sorted.letters(table, word),
        };
        if let Some((name, takes)) = wants
            && let Some(value) = rest.next()
        {
            sorted.values.push((name, takes, value.clone()));
        }
    }
    sorted.flags.sort_unstable();
    sorted.flags.dedup();
    sorted
}

impl Sorted {
    /// One long flag; what it takes when its value is the next word.
    fn long(
        &mut self,
        table: &[Flag],
        word: &Word,
        long: &str,
        dashes: usize,
    ) -> Option<(String, Takes)> {
        let (name, attached) = match long.split_once('=') {
            Some((name, _)) => (name, true),
            None => (long, false),
        };
        let exact = table.iter().find(|(_, known, _)| *known == name);
        // GNU programs take any beginning of a long flag.
        let found = exact.or_else(|| {
            table.iter().find(|(_, known, _)| !name.is_empty() && known.starts_with(name))
        });
        let Some((_, known, takes)) = found else {
            self.unknown.get_or_insert_with(|| word.text.clone());
            self.flags.push(name.to_owned());
            if attached {
                let value = word.after(dashes + name.len() + 1);
                self.values.push((name.to_owned(), Takes::Text, value));
            }
            return None;
        };
        self.flags.push((*known).to_owned());
        if attached {
            let value = word.after(dashes + name.len() + 1);
            self.values.push(((*known).to_owned(), *takes, value));
            return None;
        }
        (!matches!(takes, Takes::No | Takes::Maybe)).then(|| ((*known).to_owned(), *takes))
    }

    /// `-abc`; what the last takes when its value is the next word.
    fn letters(&mut self, table: &[Flag], word: &Word) -> Option<(String, Takes)> {
        let letters = word.text.get(1..).unwrap_or_default();
        if table.is_empty() && letters.chars().count() > 1 {
            self.flags.push(letters.split('=').next().unwrap_or_default().to_owned());
        }
        for (at, letter) in letters.char_indices() {
            let Some((_, long, takes)) =
                table.iter().find(|(short, ..)| *short == letter && letter != '-')
            else {
                if !letter.is_ascii_alphanumeric() {
                    break;
                }
                self.flags.push(letter.to_string());
                self.unknown.get_or_insert_with(|| format!("-{letter}"));
                continue;
            };
            self.flags.push((*long).to_owned());
            if *takes == Takes::No {
                continue;
            }
            let next = 1 + at + letter.len_utf8();
            if next < word.text.len() {
                let mut value = word.after(next);
                if let Some(rest) = value.text.strip_prefix('=') {
                    value = Word { text: rest.to_owned(), ..value };
                }
                self.values.push(((*long).to_owned(), *takes, value));
                return None;
            }
            return (*takes != Takes::Maybe).then(|| ((*long).to_owned(), *takes));
        }
        None
    }
}
