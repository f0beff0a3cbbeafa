//! Texts with `${{ … }}` in them, cut into pieces.

/// A piece of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Text that stands for itself.
    Text(&'a str),
    /// What stands between `${{` and `}}`, spaces included.
    Expression(&'a str),
}

const OPEN: &str = "${{";

/// The pieces of `text`, in order. The end of an expression is the first `}}` outside of texts and
/// braces, so that `${{ #{a: "}}"} }}` is one expression.
///
/// # Errors
/// The index of the expression, from 0, whose `}}` is missing.
pub fn split(text: &str) -> Result<Vec<Piece<'_>>, usize> {
    let mut pieces = Vec::new();
    let mut expressions = 0_usize;
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(OPEN) {
        if !before.is_empty() {
            pieces.push(Piece::Text(before));
        }
        let (expression, next) =
            end_of(after).and_then(|end| cut(after, end)).ok_or(expressions)?;
        pieces.push(Piece::Expression(expression));
        expressions += 1;
        rest = next;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Text(rest));
    }
    Ok(pieces)
}

fn cut(text: &str, end: usize) -> Option<(&str, &str)> {
    Some((text.get(..end)?, text.get(end + 2..)?))
}

/// The byte index of the closing `}}`.
fn end_of(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut quote: Option<char> = None;
    let mut escaped = false;
    for (index, character) in text.char_indices() {
        if let Some(open) = quote {
            if escaped {
                escaped = false;
            } else if character == '\\' && open == '"' {
                escaped = true;
            } else if character == open {
                quote = None;
            }
            continue;
        }
        match character {
            '"' | '`' => quote = Some(character),
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            '}' if text.get(index..)?.starts_with("}}") => return Some(index),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::Piece::{Expression as E, Text as T};
    use super::*;

    #[test]
    fn cuts_texts_and_expressions() {
        let cases: &[(&str, &[Piece<'_>])] = &[
            ("", &[]),
            ("plain $ {{ x }}", &[T("plain $ {{ x }}")]),
            ("${{ a }}", &[E(" a ")]),
            ("x ${{a}}${{b}} y", &[T("x "), E("a"), E("b"), T(" y")]),
            ("${{ \"}}\" }}", &[E(" \"}}\" ")]),
            ("${{ `}}` }}!", &[E(" `}}` "), T("!")]),
            ("${{ \"a\\\"}}\" }}", &[E(" \"a\\\"}}\" ")]),
            ("${{ #{a: #{b: 1}} }}", &[E(" #{a: #{b: 1}} ")]),
            ("ä ${{ö}}ü", &[T("ä "), E("ö"), T("ü")]),
        ];
        for (text, expected) in cases {
            assert_eq!(split(text).as_deref(), Ok(*expected), "{text}");
        }
    }

    #[test]
    fn names_the_expression_that_does_not_end() {
        assert_eq!(split("${{ a"), Err(0));
        assert_eq!(split("${{ a }} and ${{ \"}}"), Err(1));
        assert_eq!(split("${{ { }}"), Err(0));
    }
}
