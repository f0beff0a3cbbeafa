//! Interpreters, and how each is given its code.

/// How an interpreter is given its code.
#[derive(Debug)]
pub(super) struct Language {
    name: &'static str,
    /// Letters after which code follows.
    letters: &'static [char],
    /// Long flags, or words, after which code follows.
    longs: &'static [&'static str],
    /// Letters whose value is the next word.
    values: &'static [char],
    /// Whether the first operand is code.
    pub(super) first_is_code: bool,
    /// Whether `-i` changes files in place.
    pub(super) edits: bool,
}

/// What a word is to an interpreter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Meaning {
    /// Code: from this byte of the word on, or the next word.
    Code(Option<usize>),
    /// A module; what follows is the module's own.
    Module,
    /// A flag that takes the next word.
    Value,
    /// A flag.
    Flag,
    /// A flag that loads code from elsewhere.
    Load,
    /// No flag.
    Operand,
}

/// Long flags that load code.
const LOADS: [&str; 9] = [
    "require",
    "import",
    "loader",
    "file",
    "load",
    "include",
    "preload",
    "experimental-loader",
    "init-file",
];

/// Long flags that load nothing and take no word.
const HARMLESS: [&str; 35] = [
    "version",
    "help",
    "test",
    "watch",
    "inspect",
    "inspect-brk",
    "no-warnings",
    "trace-warnings",
    "trace-uncaught",
    "experimental-vm-modules",
    "experimental-strip-types",
    "enable-source-maps",
    "check",
    "no-deprecation",
    "expose-gc",
    "prof",
    "cpu-prof",
    "quiet",
    "silent",
    "regexp-extended",
    "null-data",
    "separate",
    "posix",
    "debug",
    "sandbox",
    "in-place",
    "unbuffered",
    "line-buffered",
    "vanilla",
    "slave",
    "allow-read",
    "allow-net",
    "allow-all",
    "verbose",
    "project",
];

const fn inline(
    name: &'static str,
    letters: &'static [char],
    longs: &'static [&'static str],
    values: &'static [char],
) -> Language {
    Language { name, letters, longs, values, first_is_code: false, edits: false }
}

const fn first(name: &'static str, values: &'static [char], edits: bool) -> Language {
    Language {
        name,
        letters: &['e'],
        longs: &["expression", "source"],
        values,
        first_is_code: true,
        edits,
    }
}

const LANGUAGES: [Language; 19] = [
    inline("python", &['c'], &[], &['W', 'X']),
    inline("pypy", &['c'], &[], &['W', 'X']),
    inline("perl", &['e', 'E'], &[], &['I']),
    inline("ruby", &['e'], &[], &['I', 'C', 'E']),
    inline("node", &['e', 'p'], &["eval", "print"], &['C']),
    inline("nodejs", &['e', 'p'], &["eval", "print"], &['C']),
    inline("bun", &['e', 'p'], &["eval", "print"], &['C']),
    inline("deno", &[], &["eval"], &[]),
    inline("php", &['r', 'B', 'R', 'E'], &["run"], &['d', 'c', 'z', 't']),
    inline("lua", &['e'], &[], &[]),
    inline("luajit", &['e'], &[], &[]),
    inline("rscript", &['e'], &[], &[]),
    inline("julia", &['e', 'E'], &["eval", "print"], &['p', 't']),
    first("awk", &['F', 'v'], false),
    first("gawk", &['F', 'v'], false),
    first("mawk", &['F', 'v'], false),
    first("nawk", &['F', 'v'], false),
    first("sed", &['l'], true),
    first("gsed", &['l'], true),
];

/// The interpreter of this name; `python3.12` is `python`.
pub(super) fn language(program: &str) -> Option<&'static Language> {
    let base = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    LANGUAGES.iter().find(|language| language.name == base)
}

impl Language {
    /// What `word` is.
    pub(super) fn flag(&self, word: &str) -> Meaning {
        if let Some(long) = word.strip_prefix("--") {
            let name = long.split('=').next().unwrap_or_default();
            return if self.longs.contains(&name) {
                Meaning::Code(long.contains('=').then_some(name.len() + 3))
            } else if long.contains('=') && !LOADS.contains(&name) || HARMLESS.contains(&name) {
                Meaning::Flag
            } else {
                Meaning::Load // it may, or it may take the word that looks like the program
            };
        }
        match word.strip_prefix('-').filter(|rest| !rest.is_empty()) {
            Some(letters) => self.letters_of(letters),
            None if self.longs.contains(&word) && !self.first_is_code => Meaning::Code(None),
            None => Meaning::Operand,
        }
    }

    /// Whether `-i` among its letters changes files in place, though it runs any code.
    pub(super) fn edits_by_letter(&self) -> bool {
        matches!(self.name, "perl" | "ruby")
    }

    fn letters_of(&self, letters: &str) -> Meaning {
        let numbered =
            !self.first_is_code && !matches!(self.name, "node" | "nodejs" | "bun" | "deno");
        for (at, letter) in letters.char_indices() {
            let next = at + letter.len_utf8();
            if self.letters.contains(&letter) {
                // What stands directly behind is the code itself.
                return Meaning::Code((next < letters.len()).then_some(next + 1));
            }
            if self.values.contains(&letter) {
                return if next < letters.len() { Meaning::Flag } else { Meaning::Value };
            }
            if numbered && letter == 'm' && matches!(self.name, "python" | "pypy") {
                return Meaning::Module;
            }
            let loads = match self.name {
                "lua" | "luajit" => letter == 'l',
                "julia" => matches!(letter, 'L' | 'J' | 'H' | 'C'),
                "php" => matches!(letter, 'f' | 'F'),
                // What follows `-i` is an ending for copies.
                "sed" | "gsed" if letter == 'i' => return Meaning::Flag,
                "sed" | "gsed" => !matches!(letter, 'n' | 'E' | 'r' | 's' | 'u' | 'z' | 'b'),
                _ => self.first_is_code,
            };
            if loads {
                return Meaning::Load;
            }
            if matches!(letter, 'r' | 'M' | 'm')
                && !self.first_is_code
                && !matches!(self.name, "php")
            {
                return Meaning::Load;
            }
        }
        Meaning::Flag
    }
}
