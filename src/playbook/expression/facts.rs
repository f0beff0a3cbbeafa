//! What an expression refers to, found without evaluating it.

use rhai::{ASTFlags, BinaryExpr, Expr, FnCallExpr, Position, Stmt};

/// What an expression refers to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Facts {
    /// Every name with the properties that follow it, in the order they are written.
    pub paths: Vec<Path>,
    /// Every function that is called.
    pub calls: Vec<Call>,
    /// Something that expressions do not have: what, and where.
    pub(super) forbidden: Option<(&'static str, usize)>,
    /// Whether the whole expression is one path and nothing else.
    pub is_path: bool,
}

/// A name and the properties that follow it: `steps.status.data` is `steps` and two names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Path {
    /// The first name.
    pub root: String,
    /// The names behind it, as far as they are written out.
    pub names: Vec<String>,
    /// Where the first name stands, in characters from the expression's start.
    pub offset: usize,
    /// Whether something follows that is not written out: an index or a method.
    pub open: bool,
}

/// A function that is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Its name.
    pub name: String,
    /// Its arguments, the value before the dot included: the text where one is written out, such
    /// as the path in ``read(`a.txt`)``.
    pub arguments: Vec<Option<String>>,
    /// Where it stands, in characters from the expression's start.
    pub offset: usize,
}

impl Facts {
    /// Whether it has the same value whatever the run does.
    #[must_use]
    pub fn is_constant(&self) -> bool {
        self.paths.is_empty() && self.calls.is_empty()
    }

    /// The ids of the steps it refers to, and whether it refers to all of them at once.
    #[must_use]
    pub fn steps(&self) -> (Vec<&str>, bool) {
        let paths = || self.paths.iter().filter(|path| path.root == "steps");
        let ids = paths().filter_map(|path| path.names.first()).map(String::as_str).collect();
        (ids, paths().any(|path| path.names.is_empty()))
    }

    /// The facts of `expr`.
    pub(super) fn of(expr: &Expr) -> Self {
        let mut facts = Self::default();
        facts.visit(expr);
        facts.is_path = match (expr, facts.paths.as_slice()) {
            (Expr::Variable(..) | Expr::Dot(..), [path]) => !path.open && facts.calls.is_empty(),
            _ => false,
        };
        facts
    }

    fn visit(&mut self, expr: &Expr) {
        match expr {
            Expr::Variable(..) => self.path(expr, Vec::new(), false),
            Expr::Dot(pair, flags, _) => self.chain(pair, *flags, true),
            Expr::Index(pair, flags, _) => self.chain(pair, *flags, false),
            Expr::FnCall(call, at) => self.call(call, *at, false),
            Expr::MethodCall(call, at) => self.call(call, *at, true),
            Expr::Array(items, _) => items.iter().for_each(|item| self.visit(item)),
            Expr::Map(map, _) => map.0.iter().for_each(|(_, value)| self.visit(value)),
            Expr::And(parts, _) | Expr::Or(parts, _) | Expr::Coalesce(parts, _) => {
                parts.iter().for_each(|part| self.visit(part));
            }
            Expr::InterpolatedString(parts, _) => {
                parts.iter().for_each(|part| self.interpolated(part));
            }
            Expr::CharConstant(_, at) => {
                self.forbid("texts stand in double quotes or backticks, not in single quotes", *at)
            }
            Expr::ThisPtr(at) => self.forbid("there is no `this`", *at),
            Expr::Stmt(block) => self.forbid("statements are not expressions", block.position()),
            _ => {}
        }
    }

    /// One `${ … }` of a text in backticks: exactly one expression.
    fn interpolated(&mut self, part: &Expr) {
        let Expr::Stmt(block) = part else { return self.visit(part) };
        match block.statements() {
            [Stmt::Expr(inner)] => self.visit(inner),
            [Stmt::FnCall(call, at)] => self.call(call, *at, false),
            _ => self.forbid("statements are not expressions", block.position()),
        }
    }

    fn chain(&mut self, pair: &BinaryExpr, flags: ASTFlags, dotted: bool) {
        let mut links = Vec::new();
        flatten(pair, flags, dotted, &mut links);
        let mut names = Vec::new();
        let mut open = false;
        for (dotted, link) in links {
            match link {
                Expr::Property(property, _) if dotted && !open => {
                    names.push(property.2.to_string());
                }
                Expr::Property(..) if dotted => {}
                Expr::StringConstant(text, _) if !dotted && !open => names.push(text.to_string()),
                _ => {
                    open = true;
                    self.visit(link);
                }
            }
        }
        match &pair.lhs {
            root @ Expr::Variable(..) => self.path(root, names, open),
            other => self.visit(other),
        }
    }

    fn path(&mut self, root: &Expr, names: Vec<String>, open: bool) {
        if let Expr::Variable(variable, _, at) = root {
            let root = variable.1.to_string();
            self.paths.push(Path { root, names, offset: offset(*at), open });
        }
    }

    fn call(&mut self, call: &FnCallExpr, at: Position, method: bool) {
        if call.capture_parent_scope {
            self.forbid("functions are called without `!`", at);
        }
        if call.op_token.is_none() || call.name.chars().all(char::is_alphabetic) {
            let texts = call.args.iter().map(|argument| match argument {
                Expr::StringConstant(text, _) => Some(text.to_string()),
                _ => None,
            });
            let arguments = method.then_some(None).into_iter().chain(texts).collect();
            let name = call.name.to_string();
            self.calls.push(Call { name, arguments, offset: offset(at) });
        } else if !OPERATORS.contains(&call.name.as_str()) {
            self.forbid("this operator is not one of expressions", at);
        }
        call.args.iter().for_each(|argument| self.visit(argument));
    }

    fn forbid(&mut self, what: &'static str, at: Position) {
        self.forbidden.get_or_insert((what, offset(at)));
    }
}

/// The operators that expressions have, beside `&&`, `||`, `??` and `in`.
const OPERATORS: [&str; 13] =
    ["+", "-", "*", "/", "%", "**", "==", "!=", "<", "<=", ">", ">=", "!"];

/// The links of a chain, each with whether a dot stands before it. Rhai nests them to the right.
fn flatten<'a>(
    pair: &'a BinaryExpr,
    flags: ASTFlags,
    dotted: bool,
    links: &mut Vec<(bool, &'a Expr)>,
) {
    match &pair.rhs {
        Expr::Dot(next, next_flags, _) if !flags.contains(ASTFlags::BREAK) => {
            links.push((dotted, &next.lhs));
            flatten(next, *next_flags, true, links);
        }
        Expr::Index(next, next_flags, _) if !flags.contains(ASTFlags::BREAK) => {
            links.push((dotted, &next.lhs));
            flatten(next, *next_flags, false, links);
        }
        last => links.push((dotted, last)),
    }
}

/// Characters from the start of an expression in one line; 0 in a later line.
fn offset(at: Position) -> usize {
    match (at.line(), at.position()) {
        (Some(1), Some(column)) => column.saturating_sub(1),
        _ => 0,
    }
}
