//! What can be told of code without understanding it: that it is harmless, and lines in it for a shell.

use super::interpreter::Language;

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
    "RUBY_VERSION",
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
    "process",
    "platform",
    "arch",
    "versions",
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
    use crate::command::interpreter::language;

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
