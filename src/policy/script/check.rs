//! Mistakes that can be seen without running a script: unknown names, wrong arity, loose statements.

use rhai::{AST, ASTNode, Expr, FnCallExpr, Position};

use super::known::{FUNCTIONS, Kind, OTHER_PROPERTIES, PROPERTIES};
use crate::contracts::Diagnostic;
use crate::yaml::did_you_mean;

/// Notes every call of an unknown function, every unknown property, and every statement outside
/// of functions.
pub(super) fn check(file: &str, ast: &AST, mistakes: &mut Vec<Diagnostic>) {
    if let Some(statement) = ast.statements().first() {
        let message = "a policy script has functions only: this statement would never run";
        mistakes.push(at(file, statement.position(), "script-statement", message.to_owned()));
    }
    let own: Vec<(String, usize)> = ast
        .iter_functions()
        .map(|function| (function.name.to_owned(), function.params.len()))
        .collect();
    let mut checker = Checker { file, own, mistakes, seen: Vec::new() };
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        if let Some(ASTNode::Expr(expr)) = path.last() {
            checker.expression(expr);
        }
        true
    });
}

struct Checker<'a> {
    file: &'a str,
    own: Vec<(String, usize)>,
    mistakes: &'a mut Vec<Diagnostic>,
    /// Properties judged as part of a chain already.
    seen: Vec<Position>,
}

impl Checker<'_> {
    fn expression(&mut self, expr: &Expr) {
        match expr {
            Expr::Dot(pair, ..) => {
                if let Expr::Variable(variable, ..) = &pair.lhs {
                    let kind = match variable.1.as_str() {
                        "req" => Some(Kind::Req),
                        "ctx" => Some(Kind::Ctx),
                        _ => None,
                    };
                    self.chain(kind, &pair.rhs);
                }
            }
            Expr::Property(property, place) if !self.seen.contains(place) => {
                self.property(None, property.2.as_str(), *place);
            }
            Expr::FnCall(call, place) => self.function(call, call.args.len(), *place),
            Expr::MethodCall(call, place) => self.function(call, call.args.len() + 1, *place),
            _ => {}
        }
    }

    /// What follows a dot: a property, or a property with more behind it.
    fn chain(&mut self, kind: Option<Kind>, rhs: &Expr) {
        match rhs {
            Expr::Property(property, place) => {
                self.property(kind, property.2.as_str(), *place);
            }
            Expr::Dot(pair, ..) => {
                if let Expr::Property(property, place) = &pair.lhs {
                    let next = self.property(kind, property.2.as_str(), *place);
                    self.chain(next, &pair.rhs);
                }
            }
            Expr::Index(pair, ..) => {
                if let Expr::Property(property, place) = &pair.lhs {
                    self.property(kind, property.2.as_str(), *place);
                }
            }
            _ => {}
        }
    }

    /// The type behind the property `name` of `kind`; unknown names are noted.
    fn property(&mut self, kind: Option<Kind>, name: &str, place: Position) -> Option<Kind> {
        self.seen.push(place);
        let table = kind.and_then(|kind| PROPERTIES.iter().find(|(known, _)| *known == kind));
        let names: Vec<&str> = match table {
            Some((_, properties)) => {
                if let Some((_, next)) = properties.iter().find(|(known, _)| *known == name) {
                    return *next;
                }
                properties.iter().map(|(known, _)| *known).collect()
            }
            None => {
                let all = PROPERTIES.iter().flat_map(|(_, all)| all.iter().map(|(name, _)| *name));
                all.chain(OTHER_PROPERTIES).collect()
            }
        };
        if !names.contains(&name) {
            let message = format!("there is no property `{name}`");
            let diagnostic = at(self.file, place, "unknown-property", message);
            self.mistakes.push(suggest(diagnostic, did_you_mean(name, names)));
        }
        None
    }

    fn function(&mut self, call: &FnCallExpr, values: usize, place: Position) {
        let name = call.name.as_str();
        if call.op_token.is_some() || name.starts_with("anon$") {
            return;
        }
        let mut arities: Vec<(usize, usize)> = FUNCTIONS
            .iter()
            .filter(|(known, ..)| *known == name)
            .map(|(_, fewest, most)| (*fewest, *most))
            .collect();
        arities.extend(self.own.iter().filter(|(own, _)| own == name).map(|(_, n)| (*n, *n)));
        let message = if arities.is_empty() {
            format!("there is no function `{name}`")
        } else if arities.iter().any(|(fewest, most)| (*fewest..=*most).contains(&values)) {
            return;
        } else {
            format!(
                "`{name}` is given {values} values, the one before the dot included: {}",
                wanted(&arities)
            )
        };
        let code = if arities.is_empty() { "unknown-function" } else { "wrong-arity" };
        let names = FUNCTIONS.iter().map(|(known, ..)| *known);
        let names = names.chain(self.own.iter().map(|(own, _)| own.as_str()));
        let like = if arities.is_empty() { did_you_mean(name, names) } else { None };
        self.mistakes.push(suggest(at(self.file, place, code, message), like));
    }
}

fn wanted(arities: &[(usize, usize)]) -> String {
    let each = arities.iter().map(|(fewest, most)| match (fewest, most) {
        (a, b) if a == b => format!("it takes {a}"),
        (a, b) => format!("it takes {a} to {b}"),
    });
    each.collect::<Vec<_>>().join(", or ")
}

fn suggest(diagnostic: Diagnostic, like: Option<String>) -> Diagnostic {
    match like {
        Some(like) => diagnostic.suggest(like),
        None => diagnostic,
    }
}

fn at(file: &str, place: Position, code: &str, message: String) -> Diagnostic {
    let narrow = |number: Option<usize>| number.map_or(1, |n| u32::try_from(n).unwrap_or(u32::MAX));
    Diagnostic::error(code, message, file, narrow(place.line()), narrow(place.position()))
}
