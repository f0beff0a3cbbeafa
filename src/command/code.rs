//! Interpreters, and what can be told of code without understanding it.

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
const HARMLESS: [&str; 34] = [
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

/// Names that code may use and stay calm: they look, count and print.
const CALM: &[&str] = &[
    "print",
    "println",
    "puts",
    "len",
    "range",
    "sorted",
    "sum",
    "min",
    "max",
    "str",
    "int",
    "float",
    "list",
    "dict",
    "set",
    "tuple",
    "bool",
    "abs",
    "round",
    "enumerate",
    "zip",
    "map",
    "filter",
    "isinstance",
    "type",
    "format",
    "join",
    "split",
    "strip",
    "upper",
    "lower",
    "replace",
    "keys",
    "values",
    "items",
    "append",
    "get",
    "loads",
    "dumps",
    "load",
    "dump",
    "json",
    "sys",
    "math",
    "re",
    "datetime",
    "version",
    "version_info",
    "stdin",
    "argv",
    "import",
    "from",
    "as",
    "for",
    "in",
    "if",
    "else",
    "elif",
    "not",
    "and",
    "or",
    "is",
    "lambda",
    "True",
    "False",
    "None",
    "true",
    "false",
    "null",
    "console",
    "log",
    "JSON",
    "parse",
    "stringify",
    "Math",
    "const",
    "let",
    "var",
    "return",
    "length",
    "pi",
    "sqrt",
    "floor",
    "ceil",
    "BEGIN",
    "END",
    "NR",
    "NF",
    "FS",
    "OFS",
    "substr",
    "toupper",
    "tolower",
    "indent",
    "data",
];

/// Whether code only looks, counts and prints. Everything that is not known is not calm.
pub(super) fn is_calm(language: &Language, code: &str) -> bool {
    if language.edits {
        return is_calm_sed(code);
    }
    if language.first_is_code {
        return is_calm_awk(code);
    }
    let strange = ["`", "#{", "${", "@{", "__", "\\x", "\\u", "<(", "|"];
    if strange.iter().any(|part| code.contains(part)) {
        return false;
    }
    let Some(bare) = without_strings(code) else { return false };
    bare.split(|c: char| !c.is_alphanumeric() && c != '_').all(|name| {
        name.is_empty()
            || name.starts_with(|c: char| c.is_ascii_digit())
            || name.chars().count() == 1
            || CALM.contains(&name)
    })
}

/// `awk` runs programs with `system` and `|`, and writes files with `print > file`.
fn is_calm_awk(code: &str) -> bool {
    let plain = code.replace("||", " ");
    let acts = ["system", "getline", "|", "@", "close", "fflush", "extension"];
    if acts.iter().any(|word| plain.contains(word)) {
        return false;
    }
    let mut printed = plain.split("print");
    printed.next();
    // What is compared in parentheses stands there too; it is rare, and only asked about.
    printed.all(|rest| !rest.split([';', '}', '\n']).next().unwrap_or_default().contains('>'))
}

/// `sed` runs programs with `e` and writes files with `w`: as commands, and as flags of `s`.
fn is_calm_sed(code: &str) -> bool {
    code.split([';', '\n']).all(|part| {
        let part = part.trim().trim_start_matches(|c: char| {
            c.is_ascii_digit() || matches!(c, ',' | '$' | '!' | ' ' | '{' | '~' | '+')
        });
        let part = match part.strip_prefix('/') {
            Some(rest) => match after(rest, '/') {
                Some(rest) => rest.trim_start_matches(|c: char| {
                    c.is_ascii_digit() || matches!(c, ',' | '$' | '!' | ' ' | '{' | 'I')
                }),
                None => return false,
            },
            None => part,
        };
        let part = match part.strip_prefix('/') {
            Some(rest) => after(rest, '/').unwrap_or("e"),
            None => part,
        };
        let mut chars = part.chars();
        match chars.next() {
            None => true,
            Some('s' | 'y') => {
                let Some(mark) = chars.next() else { return false };
                let flags = after(chars.as_str(), mark).and_then(|rest| after(rest, mark));
                flags.is_some_and(|flags| {
                    flags.chars().all(|c| {
                        matches!(c, 'g' | 'p' | 'i' | 'I' | 'm' | 'M' | '}' | ' ' | '0'..='9')
                    })
                })
            }
            Some('a' | 'i' | 'c') => true,
            Some(_) => part.chars().all(|c| {
                matches!(
                    c,
                    'p' | 'd'
                        | 'q'
                        | 'Q'
                        | 'n'
                        | 'N'
                        | 'D'
                        | 'P'
                        | 'h'
                        | 'H'
                        | 'g'
                        | 'G'
                        | 'x'
                        | 'l'
                        | '='
                        | '}'
                        | '{'
                        | ' '
                )
            }),
        }
    })
}

/// What follows the first `mark` that has no backslash before it.
fn after(text: &str, mark: char) -> Option<&str> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if c == mark {
            return text.get(at + c.len_utf8()..);
        }
    }
    None
}

/// Code without its texts; `None` for texts that have code inside, or no end.
fn without_strings(code: &str) -> Option<String> {
    let mut bare = String::with_capacity(code.len());
    let mut chars = code.chars();
    while let Some(c) = chars.next() {
        if c != '\'' && c != '"' {
            bare.push(c);
            continue;
        }
        if bare.ends_with(|c: char| c.is_alphanumeric())
            && !bare.ends_with(" print")
            && bare != "print"
        {
            return None; // `f"…"`: code inside of a text
        }
        let mut escaped = false;
        loop {
            match chars.next()? {
                '\\' if !escaped => escaped = true,
                found if found == c && !escaped => break,
                _ => escaped = false,
            }
        }
        bare.push(' ');
    }
    Some(bare)
}

/// Texts inside of code that may be lines for a shell.
pub(super) fn code_lines(code: &str) -> Vec<String> {
    const RUNS: [&str; 9] =
        ["system", "exec", "spawn", "popen", "subprocess", "run(", "call", "`", "qx"];
    if !RUNS.iter().any(|word| code.contains(word)) {
        return Vec::new();
    }
    let mut lines = Vec::new();
    let mut chars = code.chars();
    while let Some(mark) = chars.next() {
        if !matches!(mark, '\'' | '"' | '`') {
            continue;
        }
        let mut text = String::new();
        let mut escaped = false;
        for c in chars.by_ref() {
            match c {
                _ if escaped => {
                    escaped = false;
                    text.push(c);
                }
                '\\' => escaped = true,
                c if c == mark => break,
                c => text.push(c),
            }
        }
        if text.contains(' ') && lines.len() < 16 {
            lines.push(text);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calm_code_is_told_from_code_that_acts() {
        for (program, code, calm) in [
            ("python3", "print('hello')", true),
            ("python3", "import sys; print(sys.version)", true),
            ("python3", "import json,sys; print(json.load(sys.stdin)['name'])", true),
            ("node", "console.log(JSON.stringify({}))", true),
            ("awk", "{print $1}", true),
            ("awk", "NR > 1 || x {print}", true),
            ("awk", "{total += $1} END {print total}", true),
            ("awk", "{\"id\" | getline x}", false),
            ("sed", "s/old/new/g", true),
            ("sed", "1,5p", true),
            ("sed", "/x/d", true),
            ("sed", "s/a/id/e", false),
            ("sed", "1e id", false),
            ("sed", "w /etc/passwd", false),
            ("sed", "s/a/b/w out", false),
            ("python3", "import os; os.remove('x')", false),
            ("python3", "f\"{x}\"", false),
            ("python3", "__import__('os')", false),
            ("python3", "open('x','w')", false),
            ("python3", "print('", false),
            ("ruby", "puts `id`", false),
            ("ruby", "puts \"#{x}\"", false),
            ("awk", "BEGIN{system(\"id\")}", false),
            ("awk", "{print > \"x\"}", false),
            ("awk", "{print | \"sh\"}", false),
            ("node", "process.exit()", false),
        ] {
            let language = language(program).expect("a language");
            assert_eq!(is_calm(language, code), calm, "{program}: {code}");
        }
    }

    #[test]
    fn lines_in_code_are_found() {
        assert_eq!(code_lines("os.system('rm -rf /')"), ["rm -rf /"]);
        assert_eq!(code_lines("`rm -rf x`"), ["rm -rf x"]);
        assert_eq!(code_lines("print('a b')"), Vec::<String>::new());
    }
}
