//! From a file to rules that can be called.

use rhai::{AST, FnAccess, ParseError};

use super::ScriptEngine;
use super::check::check;
use super::endless;
use super::names::arities;
use crate::contracts::{Diagnostic, Hash};
use crate::policy::document::text;
use crate::policy::{Layer, Source};
use crate::yaml::Place;

/// A compiled file.
#[derive(Debug, Clone)]
pub(in crate::policy) struct Script {
    pub(in crate::policy) layer: Layer,
    pub(in crate::policy) file: String,
    pub(in crate::policy) rules: Vec<ScriptRule>,
    /// Whether its `allow` counts: not where the workspace is not trusted.
    pub(in crate::policy) counts: bool,
    /// Of the file's name and text, wherever it stands.
    pub(in crate::policy) digest: Hash,
    /// Where it first calls `allow`.
    pub(in crate::policy) allows: Option<Place>,
    pub(super) ast: AST,
}

/// One rule of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::policy) struct ScriptRule {
    /// `<file stem>.<function>`.
    pub(in crate::policy) id: String,
    /// The function.
    pub(in crate::policy) name: String,
    /// Its line, from 1.
    pub(in crate::policy) line: u32,
}

/// Compiles a file and notes every mistake that can be seen without running it.
pub(in crate::policy) fn load(
    engine: &ScriptEngine,
    source: &Source,
    mistakes: &mut Vec<Diagnostic>,
) -> Option<Script> {
    let text = text(source, mistakes)?;
    let ast = match engine.0.compile(text) {
        Ok(ast) => ast,
        Err(error) => {
            mistakes.push(syntax(&source.path, &error));
            return None;
        }
    };
    let mut rules = Vec::new();
    for function in ast.iter_functions() {
        let line = line_of(text, function.name);
        if !arities(function.name).is_empty() {
            let message = format!(
                "`{}` is a function of the language: one of your own in its place would silence it",
                function.name,
            );
            mistakes.push(Diagnostic::error("shadowed-function", message, &source.path, line, 1));
        }
        if function.access == FnAccess::Private || function.name.starts_with("anon$") {
            continue;
        }
        if function.params.len() != 2 {
            let message = format!(
                "the rule `{}` takes {} parameters: write `fn {0}(req, ctx)`, or `private fn` for a helper",
                function.name,
                function.params.len(),
            );
            mistakes.push(Diagnostic::error("wrong-arity", message, &source.path, line, 1));
        }
        rules.push(ScriptRule {
            id: format!("{}.{}", source.stem(), function.name),
            name: function.name.to_owned(),
            line,
        });
    }
    rules.sort_by(|a, b| (a.line, &a.name).cmp(&(b.line, &b.name)));
    check(&source.path, &ast, mistakes);
    let allows = endless::check(&source.path, &ast, &rules, mistakes);
    let mut bytes = source.stem().as_bytes().to_vec();
    bytes.push(0);
    bytes.extend_from_slice(&source.bytes);
    Some(Script {
        layer: source.layer,
        file: source.path.clone(),
        rules,
        counts: true,
        digest: Hash::of(&bytes),
        allows,
        ast,
    })
}

fn syntax(file: &str, error: &ParseError) -> Diagnostic {
    let place = error.position();
    let narrow = |number: Option<usize>| number.map_or(1, |n| u32::try_from(n).unwrap_or(u32::MAX));
    let (line, column) = (narrow(place.line()), narrow(place.position()));
    let text = error.err_type().to_string();
    let mut message = text.trim_end_matches('.').to_owned();
    if let Some(first) = message.get(..1).map(str::to_lowercase) {
        message.replace_range(..1, &first);
    }
    Diagnostic::error("script-syntax", message, file, line, column)
}

/// The line of `fn name(`; 1 where it cannot be told.
fn line_of(text: &str, name: &str) -> u32 {
    let starts = |line: &str| {
        let line = line.trim_start();
        let line = line.strip_prefix("private ").map_or(line, str::trim_start);
        let rest = line.strip_prefix("fn ").map(str::trim_start);
        let after = rest.and_then(|rest| rest.strip_prefix(name));
        after.is_some_and(|after| after.trim_start().starts_with('('))
    };
    let found = text.lines().position(starts).unwrap_or(0);
    u32::try_from(found + 1).unwrap_or(u32::MAX)
}
