//! What a script can never come out of, and rules that can never say anything.

use std::collections::{BTreeMap, BTreeSet};

use rhai::{AST, ASTFlags, ASTNode, Expr, FnCallExpr, Position, Stmt};

use super::ScriptRule;
use crate::contracts::Diagnostic;
use crate::yaml::Place;

/// The functions with which a rule speaks.
const SPEAKING: [&str; 4] = ["deny", "ask", "note", "allow"];

/// What is known about one function without running it.
#[derive(Debug, Default)]
struct Body {
    /// Own functions that it calls.
    calls: BTreeSet<String>,
    /// Those that it calls whatever happens, before anything could end it.
    always: Vec<(String, Position)>,
    speaks: bool,
    throws: bool,
}

/// Notes every loop and recursion without an end, and every rule that never speaks. Returns where
/// the script first calls `allow`.
pub(super) fn check(
    file: &str,
    ast: &AST,
    rules: &[ScriptRule],
    mistakes: &mut Vec<Diagnostic>,
) -> Option<Place> {
    let bodies = bodies(ast);
    let throwing: BTreeSet<&str> =
        bodies.iter().filter(|(_, body)| body.throws).map(|(name, _)| name.as_str()).collect();
    let mut allow = None;
    ast.walk(&mut |path: &[ASTNode<'_>]| {
        match path.last() {
            Some(ASTNode::Stmt(Stmt::While(flow, place)))
                if is_stuck(&flow.expr, flow.body.statements(), false, &throwing) =>
            {
                mistakes.push(endless(file, *place));
            }
            Some(ASTNode::Stmt(Stmt::Do(flow, flags, place))) => {
                let until = flags.contains(ASTFlags::NEGATED);
                if is_stuck(&flow.expr, flow.body.statements(), until, &throwing) {
                    mistakes.push(endless(file, *place));
                }
            }
            Some(node) => {
                if let Some((_, place)) = called(node).filter(|(call, _)| call.name == "allow") {
                    let first = allow.get_or_insert(place);
                    *first = (*first).min(place);
                }
            }
            None => {}
        }
        true
    });
    recursion(file, &bodies, mistakes);
    silent(file, rules, &bodies, mistakes);
    allow.map(spot)
}

/// The body of each function.
fn bodies(ast: &AST) -> BTreeMap<String, Body> {
    let names: BTreeSet<String> =
        ast.iter_functions().map(|function| function.name.to_owned()).collect();
    let body = |name: &String| {
        let mut alone = ast.clone_functions_only();
        alone.retain_functions(|_, _, own, _| own == name);
        (name.clone(), Body::of(&alone, &names))
    };
    names.iter().map(body).collect()
}

impl Body {
    fn of(alone: &AST, own: &BTreeSet<String>) -> Self {
        let mut body = Self::default();
        // Whether something before may have ended the function.
        let mut open = false;
        alone.walk(&mut |path: &[ASTNode<'_>]| {
            if let Some(ASTNode::Stmt(Stmt::Return(_, flags, _))) = path.last() {
                body.throws |= flags.contains(ASTFlags::BREAK);
                open = true;
            }
            let Some((call, place)) = path.last().and_then(called) else { return true };
            let name = call.name.as_str();
            body.speaks |= SPEAKING.contains(&name);
            if own.contains(name) {
                body.calls.insert(name.to_owned());
                if !open && path.iter().all(is_straight) {
                    body.always.push((name.to_owned(), place));
                }
            }
            true
        });
        body
    }
}

/// Whether what is inside of a node always happens when the node does.
fn is_straight(node: &ASTNode<'_>) -> bool {
    match node {
        ASTNode::Stmt(statement) => matches!(
            statement,
            Stmt::Var(..)
                | Stmt::Assignment(..)
                | Stmt::FnCall(..)
                | Stmt::Block(..)
                | Stmt::Expr(..)
                | Stmt::Return(..)
        ),
        ASTNode::Expr(expr) => {
            !matches!(expr, Expr::And(..) | Expr::Or(..) | Expr::Coalesce(..) | Expr::Stmt(..))
        }
        _ => false,
    }
}

/// The function call that a node is, operators left out.
fn called<'a>(node: &ASTNode<'a>) -> Option<(&'a FnCallExpr, Position)> {
    let (call, place) = match node {
        ASTNode::Stmt(Stmt::FnCall(call, place)) => (call, *place),
        ASTNode::Expr(Expr::FnCall(call, place) | Expr::MethodCall(call, place)) => (call, *place),
        _ => return None,
    };
    call.op_token.is_none().then_some((call.as_ref(), place))
}

/// Whether a loop with this condition has no way out.
fn is_stuck(condition: &Expr, body: &[Stmt], until: bool, throwing: &BTreeSet<&str>) -> bool {
    let fixed = match condition {
        Expr::Unit(..) => true,
        Expr::BoolConstant(value, ..) => *value != until,
        _ => never_changes(condition, body),
    };
    fixed && !body.iter().any(|statement| ends(statement, throwing))
}

/// Whether `condition` is made of variables and constants alone, of which `body` changes none.
fn never_changes(condition: &Expr, body: &[Stmt]) -> bool {
    let mut variables: BTreeSet<String> = BTreeSet::new();
    let mut plain = true;
    condition.walk(&mut Vec::new(), &mut |path: &[ASTNode<'_>]| {
        match path.last() {
            Some(ASTNode::Expr(Expr::Variable(variable, ..))) => {
                variables.insert(variable.1.to_string());
            }
            Some(ASTNode::Expr(Expr::FnCall(call, ..))) => plain &= call.op_token.is_some(),
            Some(ASTNode::Expr(
                Expr::BoolConstant(..)
                | Expr::IntegerConstant(..)
                | Expr::FloatConstant(..)
                | Expr::StringConstant(..)
                | Expr::CharConstant(..)
                | Expr::And(..)
                | Expr::Or(..),
            )) => {}
            _ => plain = false,
        }
        true
    });
    plain && !body.iter().any(|statement| may_change(statement, &variables))
}

/// Whether a statement may give one of `variables` another value: assigns it, calls a method of it,
/// or hands it to a function.
fn may_change(statement: &Stmt, variables: &BTreeSet<String>) -> bool {
    let mut changes = false;
    let names = |expr: &Expr| matches!(expr, Expr::Variable(variable, ..) if variables.contains(variable.1.as_str()));
    statement.walk(&mut Vec::new(), &mut |path: &[ASTNode<'_>]| {
        changes |= match path.last() {
            Some(ASTNode::Stmt(Stmt::Assignment(parts))) => names(&parts.1.lhs),
            Some(ASTNode::Stmt(Stmt::Share(..))) => true,
            Some(ASTNode::Expr(Expr::Dot(pair, ..) | Expr::Index(pair, ..))) => names(&pair.lhs),
            Some(node) => called(node).is_some_and(|(call, _)| call.args.iter().any(names)),
            None => false,
        };
        !changes
    });
    changes
}

/// Whether a statement of a loop may leave it.
fn ends(statement: &Stmt, throwing: &BTreeSet<&str>) -> bool {
    let mut ends = false;
    statement.walk(&mut Vec::new(), &mut |path: &[ASTNode<'_>]| {
        let inner = path.iter().rev().skip(1).any(|node| {
            matches!(node, ASTNode::Stmt(Stmt::While(..) | Stmt::Do(..) | Stmt::For(..)))
        });
        ends |= match path.last() {
            Some(ASTNode::Stmt(Stmt::Return(..))) => true,
            Some(ASTNode::Stmt(Stmt::BreakLoop(_, flags, _))) => {
                !inner && flags.contains(ASTFlags::BREAK)
            }
            Some(node) => called(node).is_some_and(|(call, _)| {
                throwing.contains(call.name.as_str()) || call.name == "call"
            }),
            None => false,
        };
        !ends
    });
    ends
}

fn endless(file: &str, place: Position) -> Diagnostic {
    let message = "this loop never ends: nothing changes its condition, breaks, returns or throws";
    let help = "write `for item in list { … }`, or a `break`";
    spot(place).error(file, "endless-loop", message).suggest(help)
}

/// Functions that always come back to themselves.
fn recursion(file: &str, bodies: &BTreeMap<String, Body>, mistakes: &mut Vec<Diagnostic>) {
    for (name, body) in bodies {
        for (callee, place) in &body.always {
            if reaches(bodies, callee, name, &always_of) {
                let message = format!("`{name}` calls itself again and again: nothing ends it");
                let help = "call it under a condition that comes to an end, or use a `for` loop";
                mistakes.push(spot(*place).error(file, "endless-recursion", message).suggest(help));
                break;
            }
        }
    }
}

/// Whether `to` is met on the way from `from`, by the calls that `next` tells.
fn reaches(
    bodies: &BTreeMap<String, Body>,
    from: &str,
    to: &str,
    next: &dyn for<'a> Fn(&'a Body) -> Vec<&'a str>,
) -> bool {
    let (mut seen, mut open) = (BTreeSet::new(), vec![from]);
    while let Some(name) = open.pop() {
        if name == to {
            return true;
        }
        if seen.insert(name) {
            open.extend(bodies.get(name).map(next).unwrap_or_default());
        }
    }
    false
}

/// Rules from which nothing that speaks is ever reached. A closure may be called from anywhere.
fn silent(
    file: &str,
    rules: &[ScriptRule],
    bodies: &BTreeMap<String, Body>,
    mistakes: &mut Vec<Diagnostic>,
) {
    let speaks = |body: &Body| body.speaks || body.throws;
    if bodies.iter().any(|(name, body)| name.starts_with("anon$") && speaks(body)) {
        return;
    }
    let speaking: Vec<&String> =
        bodies.iter().filter(|(_, body)| speaks(body)).map(|(name, _)| name).collect();
    for rule in rules {
        if speaking.iter().any(|to| reaches(bodies, &rule.name, to, &calls_of)) {
            continue;
        }
        let message = format!(
            "the rule `{}` can never speak: nothing in it calls `deny`, `ask`, `note` or `allow`",
            rule.name,
        );
        let place = Place { line: rule.line, column: 1 };
        let help = "write `private fn` for a helper, or say what the rule is for";
        mistakes.push(place.error(file, "silent-rule", message).as_warning().suggest(help));
    }
}

fn calls_of(body: &Body) -> Vec<&str> {
    body.calls.iter().map(String::as_str).collect()
}

fn always_of(body: &Body) -> Vec<&str> {
    body.always.iter().map(|(name, _)| name.as_str()).collect()
}

fn spot(place: Position) -> Place {
    let narrow = |number: Option<usize>| number.map_or(1, |n| u32::try_from(n).unwrap_or(u32::MAX));
    Place { line: narrow(place.line()), column: narrow(place.position()) }
}
