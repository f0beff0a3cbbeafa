//! Words: quotes, variables, substitutions, braces and patterns, as far as they are constant.

use brush_parser::ParserOptions;
use brush_parser::word::{
    BraceExpressionMember, BraceExpressionOrText, TildeExpr, WordPiece, WordPieceWithSource, parse,
    parse_brace_expansions, parse_heredoc,
};

use super::parser::guarded;
use super::{Scope, Walker, Word};
use crate::command::limits::BRACE_WORDS_MAX;

/// Words while they are put together.
#[derive(Debug, Default)]
pub(super) struct Fields {
    done: Vec<Word>,
    current: Option<Word>,
}

impl Fields {
    pub(super) fn current(&mut self) -> &mut Word {
        self.current.get_or_insert_default()
    }

    fn cut(&mut self) {
        self.done.extend(self.current.take());
    }

    /// A value that a variable or a substitution gave: split where it stands outside of quotes.
    pub(super) fn value(&mut self, text: &str, quoted: bool) {
        if quoted {
            self.current().push(text);
            return;
        }
        for (index, part) in text.split([' ', '\t', '\n']).enumerate() {
            if index > 0 {
                self.cut();
            }
            if !part.is_empty() {
                let word = self.current();
                word.push(part);
                word.glob |= is_pattern(part);
            }
        }
    }

    fn finish(mut self) -> Vec<Word> {
        self.cut();
        self.done
    }
}

impl Walker {
    /// The words that one word of the line becomes.
    pub(super) fn words(&mut self, scope: &mut Scope, raw: &str) -> Vec<Word> {
        if !self.step() {
            return vec![Word::unknown(raw)];
        }
        if is_plain(raw) {
            return vec![Word::known(raw)];
        }
        let Some(texts) = self.braces(raw) else { return vec![Word::unknown(raw)] };
        let mut words = Vec::new();
        for text in texts {
            match guarded(&text, || parse(&text, &ParserOptions::default())) {
                Some(pieces) => {
                    let mut fields = Fields::default();
                    self.pieces(scope, &pieces, false, &mut fields);
                    words.extend(fields.finish());
                }
                None => {
                    self.hide(format!("the word `{text}` cannot be read"));
                    words.push(Word::unknown(&text));
                }
            }
        }
        words
    }

    /// One word that is not split, such as the value of a variable or a file to write to.
    pub(super) fn one(&mut self, scope: &mut Scope, raw: &str) -> Word {
        let words = self.words(scope, raw);
        let mut words = words.into_iter();
        let Some(mut all) = words.next() else { return Word::known("") };
        for word in words {
            all.text = format!("{} {}", all.text, word.text);
            all.bare = format!("{} {}", all.bare, word.bare);
            all.open |= word.open;
            all.glob |= word.glob;
            all.secret |= word.secret;
            all.fetched |= word.fetched;
        }
        all
    }

    /// The text of a here-document whose substitutions run.
    pub(super) fn document(&mut self, scope: &mut Scope, raw: &str) -> Word {
        let Some(pieces) = guarded(raw, || parse_heredoc(raw, &ParserOptions::default())) else {
            self.hide("a here-document cannot be read");
            return Word::unknown(raw);
        };
        let mut fields = Fields::default();
        self.pieces(scope, &pieces, true, &mut fields);
        fields.finish().into_iter().next().unwrap_or_default()
    }

    fn pieces(
        &mut self,
        scope: &mut Scope,
        pieces: &[WordPieceWithSource],
        quoted: bool,
        fields: &mut Fields,
    ) {
        for piece in pieces {
            if !self.step() {
                fields.current().push_unknown("…", "");
                return;
            }
            self.piece(scope, &piece.piece, quoted, fields);
        }
    }

    fn piece(&mut self, scope: &mut Scope, piece: &WordPiece, quoted: bool, fields: &mut Fields) {
        match piece {
            WordPiece::Text(text) => {
                let word = fields.current();
                word.push(text);
                word.glob |= !quoted && is_pattern(text);
            }
            WordPiece::SingleQuotedText(text) => fields.current().push(text),
            WordPiece::AnsiCQuotedText(text) => match super::output::unescaped(text) {
                Some(text) => fields.current().push(&text),
                None => fields.current().push_unknown(text, text),
            },
            WordPiece::DoubleQuotedSequence(inner)
            | WordPiece::GettextDoubleQuotedSequence(inner) => {
                fields.current();
                self.pieces(scope, inner, true, fields);
            }
            WordPiece::EscapeSequence(text) => {
                let plain = text.strip_prefix('\\').unwrap_or(text);
                if plain != "\n" {
                    fields.current().push(plain);
                }
            }
            WordPiece::TildeExpansion(tilde) => self.tilde(scope, tilde, fields),
            WordPiece::ParameterExpansion(parameter) => {
                self.parameter(scope, parameter, quoted, fields);
            }
            WordPiece::CommandSubstitution(text) => self.substitution(scope, text, quoted, fields),
            WordPiece::BackquotedCommandSubstitution(text) => {
                let text = text.replace("\\`", "`").replace("\\$", "$").replace("\\\\", "\\");
                self.substitution(scope, &text, quoted, fields);
            }
            WordPiece::ArithmeticExpression(sum) => {
                self.arithmetic(scope, &sum.value);
                fields.current().push_unknown("$((…))", "0");
            }
        }
    }

    fn tilde(&mut self, scope: &Scope, tilde: &TildeExpr, fields: &mut Fields) {
        match tilde {
            TildeExpr::Home => {
                let home = scope.value("HOME").map(str::to_owned);
                match home {
                    Some(home) => fields.current().push(&home),
                    None => fields.current().push_unknown("~", "~"),
                }
            }
            TildeExpr::UserHome(name) if name == "root" => fields.current().push("/root"),
            TildeExpr::UserHome(name) => fields.current().push(&format!("/home/{name}")),
            TildeExpr::WorkingDir => fields.current().push("."),
            _ => fields.current().push_unknown("~-", "~"),
        }
    }

    fn substitution(&mut self, scope: &mut Scope, text: &str, quoted: bool, fields: &mut Fields) {
        let from = self.leaves.len();
        let output = self.nested(scope, "substitution", text, &None);
        let fetched = self.fetched_since(from);
        match output {
            Some(output) => fields.value(output.trim_end_matches('\n'), quoted),
            None => fields.current().push_unknown(&format!("$({text})"), ""),
        }
        if fetched {
            fields.current().fetched = true;
        }
    }

    /// The texts that braces make of a word; `None` when there are too many.
    fn braces(&mut self, raw: &str) -> Option<Vec<String>> {
        let opening = raw.bytes().filter(|byte| *byte == b'{').count();
        if opening == 0 || !(raw.contains(',') || raw.contains("..")) {
            return Some(vec![raw.to_owned()]);
        }
        if opening > 8 {
            self.hide("a word has too many braces");
            return None;
        }
        let parsed = guarded(raw, || parse_brace_expansions(raw, &ParserOptions::default()));
        let texts = match parsed {
            Some(Some(parts)) => texts(&parts),
            Some(None) => Some(vec![raw.to_owned()]),
            None => None,
        };
        if texts.is_none() {
            self.hide("a word has braces that make too many words");
        }
        texts
    }
}

fn texts(parts: &[BraceExpressionOrText]) -> Option<Vec<String>> {
    let mut all = vec![String::new()];
    for part in parts {
        let choices = match part {
            BraceExpressionOrText::Text(text) => vec![text.clone()],
            BraceExpressionOrText::Expr(members) => {
                let mut choices = Vec::new();
                for member in members {
                    choices.extend(choices_of(member)?);
                }
                choices
            }
        };
        if all.len().saturating_mul(choices.len()) > BRACE_WORDS_MAX {
            return None;
        }
        all = all
            .iter()
            .flat_map(|start| choices.iter().map(move |choice| format!("{start}{choice}")))
            .collect();
    }
    Some(all)
}

fn choices_of(member: &BraceExpressionMember) -> Option<Vec<String>> {
    match member {
        BraceExpressionMember::Child(parts) => texts(parts),
        BraceExpressionMember::NumberSequence { start, end, increment } => {
            let step = increment.unsigned_abs().max(1);
            if start.abs_diff(*end) / step > BRACE_WORDS_MAX as u64 {
                return None;
            }
            let step = i64::try_from(step).ok()?;
            let mut numbers = Vec::new();
            let mut at = *start;
            while if start <= end { at <= *end } else { at >= *end } {
                numbers.push(at.to_string());
                at = if start <= end { at.checked_add(step)? } else { at.checked_sub(step)? };
            }
            Some(numbers)
        }
        BraceExpressionMember::CharSequence { start, end, .. } => {
            let (low, high) = if start <= end { (*start, *end) } else { (*end, *start) };
            Some((low..=high).take(BRACE_WORDS_MAX).map(String::from).collect())
        }
    }
}

/// Whether nothing in the word has a meaning for the shell.
fn is_plain(raw: &str) -> bool {
    !raw.is_empty()
        && !raw.starts_with('~')
        && raw.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_./:=,+@%".contains(&b))
}

/// Whether the text, outside of quotes, is a pattern for file names.
pub(super) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?']) || (text.contains('[') && text.contains(']'))
}
