//! Mistakes that can be seen without running a script: unknown names, wrong arity, loose statements.

use rhai::{AST, ASTNode, Expr, FnCallExpr, Position};

use super::names::{CLASSES, Class, arities, class, class_of, functions};
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
                    self.chain(class_of(variable.1.as_str()), &pair.rhs);
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

    /// Words such as `high` have no order: as texts, `high` comes before `low`.
    fn order(&mut self, call: &FnCallExpr, place: Position) {
        let operator = call.name.as_str();
        let word = call.args.iter().find_map(text_property);
        if let Some(word) = word.filter(|_| ["<", "<=", ">", ">="].contains(&operator)) {
            let message =
                format!("`{word}` is a text, which `{operator}` compares letter by letter");
            let help = format!("name the values: `in [\"…\", \"…\"]`, or `{word} != \"…\"`");
            let mistake = at(self.file, place, "text-order", message);
            self.mistakes.push(mistake.suggest(help));
        }
    }

    /// What follows a dot: a property, or a property with more behind it.
    fn chain(&mut self, of: Option<&'static Class>, rhs: &Expr) {
        match rhs {
            Expr::Property(property, place) => {
                self.property(of, property.2.as_str(), *place);
            }
            Expr::Dot(pair, ..) => {
                if let Expr::Property(property, place) = &pair.lhs {
                    let next = self.property(of, property.2.as_str(), *place);
                    self.chain(next, &pair.rhs);
                }
            }
            Expr::Index(pair, ..) => {
                if let Expr::Property(property, place) = &pair.lhs {
                    self.property(of, property.2.as_str(), *place);
                }
            }
            _ => {}
        }
    }

    /// The type behind the property `name` of `kind`; unknown names are noted.
    fn property(
        &mut self,
        of: Option<&'static Class>,
        name: &str,
        place: Position,
    ) -> Option<&'static Class> {
        self.seen.push(place);
        let names: Vec<&str> = match of {
            Some(class) => class.properties.iter().map(|known| known.name()).collect(),
            None => CLASSES
                .iter()
                .flat_map(|class| class.properties)
                .map(|known| known.name())
                .collect(),
        };
        if let Some(known) = of.and_then(|class| class.property(name)) {
            return class(known.gives());
        }
        if !names.contains(&name) {
            let message = format!("there is no property `{name}`");
            let diagnostic = at(self.file, place, "unknown-property", message);
            self.mistakes.push(suggest(diagnostic, did_you_mean(name, names)));
        }
        None
    }

    fn function(&mut self, call: &FnCallExpr, values: usize, place: Position) {
        let name = call.name.as_str();
        self.order(call, place);
        if call.op_token.is_some() || name.starts_with("anon$") {
            return;
        }
        // What the parser makes of a function in place that uses a variable around it.
        if name == "curry" {
            let message =
                "a function in place sees its own parameters, not the variables around it";
            let mistake = at(self.file, place, "captured-variable", message.to_owned());
            self.mistakes.push(mistake.suggest("write a `for` loop"));
            return;
        }
        let mut arities = arities(name);
        arities.extend(self.own.iter().filter(|(own, _)| own == name).map(|(_, n)| *n));
        let message = if arities.is_empty() {
            format!("there is no function `{name}`")
        } else if arities.contains(&values) {
            return;
        } else {
            format!(
                "`{name}` is given {values} values, the one before the dot included: {}",
                wanted(&arities)
            )
        };
        let code = if arities.is_empty() { "unknown-function" } else { "wrong-arity" };
        let names = functions().map(|known| known.name());
        let names = names.chain(self.own.iter().map(|(own, _)| own.as_str()));
        let like = if arities.is_empty() { did_you_mean(name, names) } else { None };
        self.mistakes.push(suggest(at(self.file, place, code, message), like));
    }
}

/// The name of a property of the facts that is a text, at the end of a chain.
fn text_property(expr: &Expr) -> Option<&'static str> {
    match expr {
        Expr::Dot(pair, ..) => text_property(&pair.rhs),
        Expr::Property(property, _) => {
            let facts = CLASSES.iter().filter(|class| class.name != "String");
            let mut known = facts.filter_map(|class| class.property(property.2.as_str()));
            known.find(|known| known.gives() == "String").map(|known| known.name())
        }
        _ => None,
    }
}

fn wanted(arities: &[usize]) -> String {
    let each = arities.iter().map(|values| format!("it takes {values}"));
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
