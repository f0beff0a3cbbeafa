//! What the simplest programs write, so that `$(echo rm)` and `base64 -d | sh` hide nothing.

use super::{Output, Stdin, Word};
use crate::command::limits::OUTPUT_BYTES_MAX;

/// What `program` writes; `None` when that is not known.
pub(super) fn of(program: &str, words: &[Word], stdin: &Stdin) -> Output {
    if words.iter().any(|word| word.open || word.glob) {
        return None;
    }
    let words: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    let input = || stdin.as_ref().and_then(|source| source.text.clone());
    let output = match (program, words.as_slice()) {
        ("echo", words) => echo(words),
        ("printf", [format, values @ ..]) => printf(format, values),
        ("cat" | "tee", []) | ("cat", ["-"]) => input(),
        ("base64", ["-d" | "-D" | "--decode" | "-di"]) => decoded(&input()?),
        ("rev", []) => Some(
            input()?.lines().map(|line| line.chars().rev().collect::<String>() + "\n").collect(),
        ),
        ("true" | ":", _) => Some(String::new()),
        // A new name in the directory for temporary files, whatever its letters are.
        ("mktemp", [] | ["-d"]) => Some("/tmp/tmp.0123456789\n".to_owned()),
        _ => None,
    };
    output.filter(|output| output.len() <= OUTPUT_BYTES_MAX && !output.contains('\0'))
}

fn echo(words: &[&str]) -> Output {
    let (mut rest, mut newline, mut escapes) = (words, true, false);
    while let Some((first, others)) = rest.split_first() {
        match *first {
            "-n" => newline = false,
            "-e" => escapes = true,
            "-ne" | "-en" => (newline, escapes) = (false, true),
            "-E" => escapes = false,
            _ => break,
        }
        rest = others;
    }
    let mut text = rest.join(" ");
    if escapes {
        text = unescaped(&text)?;
    }
    if newline {
        text.push('\n');
    }
    Some(text)
}

/// `printf` with plain text and `%s`; anything else is not worked out.
fn printf(format: &str, values: &[&str]) -> Output {
    let format = unescaped(format)?;
    let mut text = String::new();
    let mut values = values.iter();
    loop {
        let mut used = false;
        let mut chars = format.chars();
        while let Some(c) = chars.next() {
            if c != '%' {
                text.push(c);
                continue;
            }
            match chars.next()? {
                '%' => text.push('%'),
                's' => {
                    used = true;
                    text.push_str(values.next().copied().unwrap_or_default());
                }
                'b' => {
                    used = true;
                    text.push_str(&unescaped(values.next().copied().unwrap_or_default())?);
                }
                _ => return None,
            }
        }
        if !used || values.len() == 0 || text.len() > OUTPUT_BYTES_MAX {
            return (values.len() == 0 || !used).then_some(text);
        }
    }
}

fn decoded(text: &str) -> Output {
    let plain: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let bytes = data_encoding::BASE64.decode(plain.as_bytes()).ok()?;
    String::from_utf8(bytes).ok()
}

/// Backslash escapes as `$'…'` has them; `None` for what makes no text.
pub(super) fn unescaped(text: &str) -> Option<String> {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            plain.push(c);
            continue;
        }
        let Some(kind) = chars.next() else {
            plain.push('\\');
            break;
        };
        let mut number = |digits: usize, radix: u32, start: u32| {
            let mut value = start;
            for _ in 0..digits {
                let Some(digit) = chars.peek().and_then(|c| c.to_digit(radix)) else { break };
                value = value.checked_mul(radix)?.checked_add(digit)?;
                chars.next();
            }
            char::from_u32(value)
        };
        let made = match kind {
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            'e' | 'E' => '\u{1b}',
            'x' => number(2, 16, 0).filter(char::is_ascii)?,
            'u' => number(4, 16, 0)?,
            'U' => number(8, 16, 0)?,
            '0'..='7' => number(if kind == '0' { 3 } else { 2 }, 8, kind.to_digit(8)?)
                .filter(char::is_ascii)?,
            'c' => return None,
            '\\' | '\'' | '"' | '?' => kind,
            other => {
                plain.push('\\');
                other
            }
        };
        plain.push(made);
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(all: &[&str]) -> Vec<Word> {
        all.iter().map(|word| Word::known(word)).collect()
    }

    #[test]
    fn the_simplest_programs_are_worked_out() {
        let input =
            |text: &str| Some(super::super::Source { text: Some(text.to_owned()), fetched: false });
        for (program, args, stdin, expected) in [
            ("echo", &["rm"][..], None, Some("rm\n")),
            ("echo", &["-n", "rm", "x"], None, Some("rm x")),
            ("echo", &["-e", "r\\x6d"], None, Some("rm\n")),
            ("printf", &["r\\155"], None, Some("rm")),
            ("printf", &["%s %s", "rm", "x"], None, Some("rm x")),
            ("printf", &["%s", "a", "b"], None, Some("ab")),
            ("printf", &["%d", "1"], None, None),
            ("cat", &[], input("x"), Some("x")),
            ("cat", &["file"], input("x"), None),
            ("base64", &["-d"], input("cm0gLXJmIC8=\n"), Some("rm -rf /")),
            ("base64", &["-d"], input("!"), None),
            ("ls", &[], None, None),
        ] {
            let found = of(program, &words(args), &stdin);
            assert_eq!(found.as_deref(), expected, "{program} {args:?}");
        }
    }
}
