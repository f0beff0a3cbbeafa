//! Texts written out in a script that can be judged before it runs: names of tools, and patterns.

use rhai::{ASTNode, Expr, FnCallExpr, Position};

use super::load::Script;
use super::patterns::{globbed, regular};
use crate::contracts::Diagnostic;
use crate::policy::Layer;
use crate::policy::predicate::{HOST_HELP, is_host_pattern};
use crate::policy::selector::unknown_tool;
use crate::ports::Vocabulary;
use crate::yaml::Place;

/// Functions whose last value is the name of a tool, and those whose last value is a pattern.
const ABOUT_TOOLS: [&str; 2] = ["count", "last"];

/// Notes tools that are not there, and globs, regular expressions and hosts that are none.
pub(in crate::policy) fn lint(
    script: &Script,
    declared: &[String],
    vocabulary: &Vocabulary,
    mistakes: &mut Vec<Diagnostic>,
) {
    let mut reader = Reader { script, declared, vocabulary, mistakes };
    script.ast.walk(&mut |path: &[ASTNode<'_>]| {
        match path.last() {
            Some(ASTNode::Expr(Expr::FnCall(call, _) | Expr::MethodCall(call, _))) => {
                reader.call(call);
            }
            Some(ASTNode::Stmt(rhai::Stmt::FnCall(call, _))) => reader.call(call),
            _ => {}
        }
        true
    });
}

struct Reader<'a> {
    script: &'a Script,
    declared: &'a [String],
    vocabulary: &'a Vocabulary,
    mistakes: &'a mut Vec<Diagnostic>,
}

impl Reader<'_> {
    fn call(&mut self, call: &FnCallExpr) {
        let name = call.name.as_str();
        let Some(last) = call.args.last() else { return };
        match name {
            "==" | "!=" if call.args.iter().any(is_tool) => self.tools(&call.args),
            // `x in list` is `list.contains(x)`.
            "contains" if is_tool(last) => self.tools(&call.args),
            _ if ABOUT_TOOLS.contains(&name) => self.tools(std::slice::from_ref(last)),
            "matches" => self.patterns(last, "bad-regex", |text| regular(text).err()),
            "glob" => self.patterns(last, "bad-glob", |text| globbed(text).err()),
            "host_in" => self.patterns(last, "bad-host", |text| {
                let message = || format!("`{text}` is no host pattern: {HOST_HELP}");
                (!is_host_pattern(text)).then(message)
            }),
            _ => {}
        }
    }

    fn tools(&mut self, values: &[Expr]) {
        // Built-in rules are about tools that a program may not have; nobody can mend them.
        if self.script.layer == Layer::BuiltIn {
            return;
        }
        for (text, place) in values.iter().flat_map(texts).filter(|(text, _)| !text.is_empty()) {
            let unknown = unknown_tool(text, self.vocabulary, self.declared);
            self.mistakes.extend(unknown.map(|it| it.at(&self.script.file, place)));
            // `req.tool` is a tool's own name.
            let alias = self.vocabulary.get(text).filter(|tool| tool.name != text);
            if let Some(tool) = alias {
                let message =
                    format!("`{text}` is another name of `{}`: this never holds", tool.name);
                let warning = place.error(&self.script.file, "unknown-tool", message).as_warning();
                self.mistakes.push(warning.suggest(tool.name.clone()));
            }
        }
    }

    fn patterns(&mut self, value: &Expr, code: &str, wrong: impl Fn(&str) -> Option<String>) {
        for (text, place) in texts(value) {
            let message = wrong(text);
            self.mistakes.extend(message.map(|it| place.error(&self.script.file, code, it)));
        }
    }
}

/// Whether this is `req.tool`.
fn is_tool(expr: &Expr) -> bool {
    let Expr::Dot(pair, ..) = expr else { return false };
    let of_request = matches!(&pair.lhs, Expr::Variable(variable, ..) if variable.1 == "req");
    of_request && matches!(&pair.rhs, Expr::Property(property, _) if property.2 == "tool")
}

/// The texts that an expression writes out: itself, or those of a list.
fn texts(expr: &Expr) -> Vec<(&str, Place)> {
    match expr {
        Expr::StringConstant(text, place) => vec![(text.as_str(), spot(*place))],
        Expr::Array(items, _) => items.iter().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

fn spot(place: Position) -> Place {
    let narrow = |number: Option<usize>| number.map_or(1, |n| u32::try_from(n).unwrap_or(u32::MAX));
    Place { line: narrow(place.line()), column: narrow(place.position()) }
}
