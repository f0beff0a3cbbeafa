//! A line, or the text of a script: parsed, then walked.

use brush_parser::ast::{AndOr, AndOrList, CompoundList, Program, SeparatorOperator};
use brush_parser::{ParserOptions, parse_tokens, uncached_tokenize_str};

use super::parser::{has_endless_number, quietly};
use super::{Output, Scope, Stdin, Walker};
use crate::command::limits::{BRACKETS_MAX, LINE_BYTES_MAX, NESTING_MAX, OUTPUT_BYTES_MAX};

impl Walker {
    /// Walks `text` as `bash` would run it, with `stdin` for its commands.
    pub(super) fn text(&mut self, scope: &mut Scope, text: &str, stdin: &Stdin) -> Output {
        if let Some(why) = unreadable(text) {
            self.hide(why);
            return None;
        }
        match parse(text) {
            Ok(program) => self.lines(scope, &program, stdin),
            Err(why) => {
                self.hide(why);
                None
            }
        }
    }

    fn lines(&mut self, scope: &mut Scope, program: &Program, stdin: &Stdin) -> Output {
        let mut output = Some(String::new());
        for list in &program.complete_commands {
            let next = self.list(scope, list, stdin);
            output = joined(output, next);
        }
        output
    }

    /// Commands one after the other.
    pub(super) fn list(&mut self, scope: &mut Scope, list: &CompoundList, stdin: &Stdin) -> Output {
        let mut output = Some(String::new());
        for item in &list.0 {
            if !self.step() {
                return None;
            }
            let before = scope.cwds.clone();
            let next = if matches!(item.1, SeparatorOperator::Async) {
                self.and_or(&mut scope.clone(), &item.0, stdin)
            } else {
                let next = self.and_or(scope, &item.0, stdin);
                if scope.cwds != before {
                    scope.may_be_in(&before); // `cd` may have failed
                }
                next
            };
            output = joined(output, next);
        }
        output
    }

    /// `a && b || c`: what comes second may not run.
    fn and_or(&mut self, scope: &mut Scope, list: &AndOrList, stdin: &Stdin) -> Output {
        let before = scope.cwds.clone();
        let mut output = self.pipeline(scope, &list.first, stdin);
        for next in &list.additional {
            let skipped = scope.clone();
            match next {
                AndOr::And(pipeline) => self.pipeline(scope, pipeline, stdin),
                AndOr::Or(pipeline) => {
                    scope.may_be_in(&before);
                    self.pipeline(scope, pipeline, stdin)
                }
            };
            let cwds = scope.cwds.clone();
            scope.join(&skipped);
            if matches!(next, AndOr::And(_)) {
                scope.cwds = cwds; // what follows by `&&` runs only after this
            }
            output = None;
        }
        output
    }
}

fn joined(output: Output, next: Output) -> Output {
    let mut output = output?;
    output.push_str(&next?);
    (output.len() <= OUTPUT_BYTES_MAX).then_some(output)
}

/// Why a text is not even parsed. The parser calls itself for each bracket, so they are counted
/// first; quoted ones as well, which errs on the safe side.
fn unreadable(text: &str) -> Option<String> {
    if text.len() > LINE_BYTES_MAX {
        return Some(format!("it has more than {LINE_BYTES_MAX} bytes"));
    }
    if text.contains('\0') {
        return Some("it has a NUL character".to_owned());
    }
    let hidden = |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{ad}');
    if text.contains(hidden) {
        return Some("it has characters that cannot be seen".to_owned());
    }
    if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
        return Some("it has control characters".to_owned());
    }
    if has_endless_number(text) {
        return Some("it has a number that no shell can count with".to_owned());
    }
    let (mut total, mut open, mut deepest) = (0_usize, 0_usize, 0_usize);
    let (mut words, mut ticks) = (0_usize, 0_usize);
    for byte in text.bytes() {
        match byte {
            b'(' | b'{' | b'[' => {
                total += 1;
                open += 1;
                deepest = deepest.max(open);
            }
            b')' | b'}' | b']' => open = open.saturating_sub(1),
            b'`' => ticks += 1,
            _ => {}
        }
    }
    for word in text.split(|c: char| c.is_whitespace() || c == ';') {
        if matches!(word, "if" | "while" | "until" | "for" | "case" | "select" | "!" | "coproc") {
            words += 1;
        }
    }
    (total > BRACKETS_MAX || deepest > NESTING_MAX || words > 256 || ticks > 256)
        .then(|| "it has too many brackets, or too many inside each other".to_owned())
}

/// Parses a text. A parser that gives up in any way makes the text opaque.
fn parse(text: &str) -> Result<Program, String> {
    let options = ParserOptions::default();
    let parsed = quietly(|| {
        let tokens = uncached_tokenize_str(text, &options.tokenizer_options())
            .map_err(|error| error.to_string())?;
        parse_tokens(&tokens, &options).map_err(|error| error.to_string())
    });
    match parsed {
        Some(Ok(program)) => Ok(program),
        Some(Err(why)) => Err(format!("it cannot be read as a command line: {why}")),
        None => Err("the parser gave up".to_owned()),
    }
}
