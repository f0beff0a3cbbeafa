//! `.env`: one `NAME=value` to a line, nothing substituted, every mistake with its line.

use crate::config::Variable;
use crate::contracts::Diagnostic;

/// The variables in `text`, in order; of a repeated name the last counts.
///
/// # Errors
/// Every line that is none, with its place.
pub(super) fn parse(file: &str, text: &str) -> Result<Vec<Variable>, Vec<Diagnostic>> {
    let mut cursor = Cursor { rest: text.strip_prefix('\u{feff}').unwrap_or(text), line: 1 };
    let (mut variables, mut mistakes): (Vec<Variable>, Vec<Diagnostic>) = (Vec::new(), Vec::new());
    while !cursor.rest.is_empty() {
        let line = cursor.line;
        match cursor.assignment() {
            Ok(None) => {}
            Ok(Some((name, value))) => {
                variables.retain(|known| known.name != name);
                variables.push(Variable { name, value, line });
            }
            Err(message) => {
                mistakes.push(Diagnostic::error("bad-env", message, file, line, 1));
            }
        }
    }
    if mistakes.is_empty() { Ok(variables) } else { Err(mistakes) }
}

struct Cursor<'a> {
    rest: &'a str,
    line: u32,
}

impl<'a> Cursor<'a> {
    /// Takes one line, or several where a quoted value spans them.
    fn assignment(&mut self) -> Result<Option<(String, String)>, &'static str> {
        let start = self.rest;
        let line = self.take_line().trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(None);
        }
        let line = line.strip_prefix("export ").map_or(line, str::trim_start);
        let (name, value) = line.split_once('=').ok_or("expected `NAME=value`")?;
        let name = name.trim_end();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty()
            || !name.chars().all(plain)
            || name.starts_with(|c: char| c.is_ascii_digit())
        {
            return Err("a name has letters, digits and `_`, and begins with no digit");
        }
        let value = value.trim_start();
        let value = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => self.quoted(start, quote)?,
            _ => bare(value).to_owned(),
        };
        if value.contains('\0') {
            return Err("a value cannot hold a NUL");
        }
        Ok(Some((name.to_owned(), value)))
    }

    fn take_line(&mut self) -> &'a str {
        let (line, rest) = self.rest.split_once('\n').unwrap_or((self.rest, ""));
        (self.rest, self.line) = (rest, self.line + 1);
        line
    }

    /// The value in the first `quote`s of `start`, which may close lines below.
    fn quoted(&mut self, start: &'a str, quote: char) -> Result<String, &'static str> {
        let (_, from) = start.split_once(quote).unwrap_or_default();
        let mut value = String::new();
        let mut chars = from.char_indices();
        while let Some((index, c)) = chars.next() {
            match c {
                _ if c == quote => return self.close(from, index).map(|()| value),
                '\\' if quote == '"' => match chars.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, 't')) => value.push('\t'),
                    Some((_, 'r')) => value.push('\r'),
                    Some((_, escaped @ ('"' | '\\' | '$'))) => value.push(escaped),
                    _ => return Err("after `\\` in double quotes stands one of n t r \" \\ $"),
                },
                _ => value.push(c),
            }
        }
        Err("the quote is not closed")
    }

    /// Goes on behind the closing quote, which stands at `index` of `from`.
    fn close(&mut self, from: &'a str, index: usize) -> Result<(), &'static str> {
        let (value, after) = from.split_at_checked(index).unwrap_or_default();
        let (tail, rest) = after.split_once('\n').unwrap_or((after, ""));
        let spanned = value.matches('\n').count();
        self.rest = rest;
        self.line = self.line.saturating_add(u32::try_from(spanned).unwrap_or(u32::MAX));
        let tail = tail.get(1..).unwrap_or_default().trim_start();
        if tail.is_empty() || tail.starts_with('#') {
            return Ok(());
        }
        Err("after the closing quote only a comment may stand")
    }
}

/// A value without quotes, up to a comment that has a space before it.
fn bare(value: &str) -> &str {
    let end = value
        .char_indices()
        .find(|(index, c)| {
            *c == '#'
                && value
                    .get(..*index)
                    .is_some_and(|before| before.is_empty() || before.ends_with([' ', '\t']))
        })
        .map_or(value.len(), |(index, _)| index);
    value.get(..end).unwrap_or(value).trim_end()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<Vec<(String, String, u32)>, Vec<u32>> {
        parse(".env", text)
            .map(|all| all.into_iter().map(|v| (v.name, v.value, v.line)).collect())
            .map_err(|mistakes| mistakes.iter().map(|mistake| mistake.line).collect())
    }

    #[test]
    fn reads_what_people_write() {
        for (text, value) in [
            ("A=b", "b"),
            ("A=", ""),
            ("export A = b c  # note", "b c"),
            ("A=b#c", "b#c"),
            ("A= # note", ""),
            ("A='b $X \\n' # note", "b $X \\n"),
            ("A=\"b\\n\\\"c\\\"\\\\\"", "b\n\"c\"\\"),
            ("A=\"one\ntwo\"", "one\ntwo"),
            ("\u{feff}A=b\r", "b"),
            ("A=$(rm -rf /)", "$(rm -rf /)"),
            ("A=x\nA=y", "y"),
        ] {
            let read = read(text).unwrap();
            assert_eq!(read.len(), 1, "{text}");
            assert_eq!((read[0].0.as_str(), read[0].1.as_str()), ("A", value), "{text}");
        }
    }

    #[test]
    fn names_the_line_of_every_mistake() {
        for (text, lines) in [
            ("just words", vec![1]),
            ("A=1\n\n# note\n1A=2\nB-C=3\nD=4", vec![4, 5]),
            ("A=\"open\nB=2\n", vec![1]),
            ("A='x' y\nB", vec![1, 2]),
            ("A=\"x\"\"", vec![1]),
            ("A=\"\\q\"", vec![1]),
            ("A=\"a\nb\"\nC", vec![3]),
            ("A=x\0y", vec![1]),
        ] {
            let found = read(text).unwrap_err();
            assert_eq!(
                found.iter().filter(|line| lines.contains(line)).count(),
                lines.len(),
                "{text}: {found:?}"
            );
        }
        let lines: Vec<u32> = read("A=\"a\n\nb\"\nC=d").unwrap().iter().map(|v| v.2).collect();
        assert_eq!(lines, [1, 4]);
    }

    proptest! {
        #[test]
        fn reads_back_any_value_in_double_quotes(value in "[^\\x00]{0,40}") {
            let written = value.replace('\\', "\\\\").replace('"', "\\\"");
            let text = format!("A=\"{written}\"\nB=end");
            let read = read(&text).unwrap();
            prop_assert_eq!(&read[0].1, &value);
            prop_assert_eq!(&read[1].1, "end");
        }

        #[test]
        fn no_text_makes_it_panic(text in "(?s).{0,200}") {
            let _ = read(&text);
        }
    }
}
