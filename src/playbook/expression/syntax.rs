//! Reading an expression: Rhai's expression syntax with everything else switched off.

use rhai::{AST, Engine, OptimizationLevel, Stmt};

use super::facts::Facts;
use super::functions::FUNCTIONS;
use super::{ErrorKind, ExpressionError};
use crate::yaml::did_you_mean;

/// Longest expression, in bytes.
pub(super) const EXPRESSION_BYTES_MAX: usize = 16 * 1024;

/// Deepest nesting of an expression.
const DEPTH_MAX: usize = 48;

/// Words with which Rhai does more than expressions may.
const DISABLED: [&str; 12] = [
    "eval",
    "Fn",
    "call",
    "curry",
    "this",
    "is_def_fn",
    "is_def_var",
    "is_shared",
    "type_of",
    "print",
    "debug",
    "..",
];

/// An expression that was read.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) ast: AST,
    pub(super) facts: Facts,
}

/// An engine that reads expressions and nothing else. It has no functions yet.
pub(super) fn engine() -> Engine {
    let mut engine = Engine::new_raw();
    engine
        .set_optimization_level(OptimizationLevel::None)
        .set_allow_anonymous_fn(false)
        .set_allow_if_expression(false)
        .set_allow_switch_expression(false)
        .set_allow_loop_expressions(false)
        .set_allow_statement_expression(false)
        .set_allow_looping(false)
        .set_fail_on_invalid_map_property(true)
        .set_max_expr_depths(DEPTH_MAX, 1)
        .set_max_functions(0);
    for word in DISABLED {
        engine.disable_symbol(word);
    }
    engine
}

/// Reads `expression`.
///
/// # Errors
/// When it is too long, cannot be read, or has something that expressions do not have, such as
/// statements, closures or functions nobody made.
pub(super) fn compile(engine: &Engine, expression: &str) -> Result<Compiled, ExpressionError> {
    if expression.len() > EXPRESSION_BYTES_MAX {
        let message = format!("longer than {EXPRESSION_BYTES_MAX} bytes");
        return Err(ExpressionError::new(ErrorKind::Limit, expression, message));
    }
    let error = |message: String| ExpressionError::new(ErrorKind::Syntax, expression, message);
    if expression.trim().is_empty() {
        return Err(error("there is no expression".to_owned()));
    }
    let ast = engine.compile_expression(expression).map_err(|problem| {
        let column = problem.position().position().map_or(0, |column| column.saturating_sub(1));
        error(problem.err_type().to_string().to_lowercase()).at(column).suggest(hint(expression))
    })?;
    let facts = match ast.statements() {
        [Stmt::Expr(expr)] => Facts::of(expr),
        [Stmt::FnCall(call, at)] => Facts::of(&rhai::Expr::FnCall(call.clone(), *at)),
        _ => return Err(error("statements are not expressions".to_owned())),
    };
    if let Some((what, offset)) = facts.forbidden {
        return Err(error(what.to_owned()).at(offset).suggest(hint(expression)));
    }
    for call in &facts.calls {
        let Some((_, arguments)) = FUNCTIONS.iter().find(|(name, _)| *name == call.name) else {
            let names = FUNCTIONS.iter().map(|(name, _)| *name);
            return Err(ExpressionError::new(
                ErrorKind::Unknown,
                expression,
                format!("there is no function `{}`", call.name),
            )
            .at(call.offset)
            .suggest(did_you_mean(&call.name, names)));
        };
        if call.arguments.len() != *arguments {
            let (name, given) = (&call.name, call.arguments.len());
            let message = format!("`{name}` takes {arguments} arguments, not {given}");
            return Err(error(message).at(call.offset));
        }
    }
    Ok(Compiled { ast, facts })
}

/// What people who know other languages usually meant.
fn hint(expression: &str) -> Option<String> {
    let text = expression.trim();
    let hint = if text.starts_with("${{") {
        "write the expression without `${{` and `}}` here"
    } else if text.contains('\'') {
        "put texts in double quotes or backticks"
    } else if text.contains(" and ") || text.contains(" or ") || text.starts_with("not ") {
        "write `&&`, `||` and `!`"
    } else if text.contains('=') && !text.contains("==") {
        "compare with `==`"
    } else {
        return None;
    };
    Some(hint.to_owned())
}

/// Whether `word` can be a name in expressions: lower case, and no word of the language.
#[must_use]
pub(crate) fn is_name(word: &str) -> bool {
    let shape = word.starts_with(|c: char| c.is_ascii_lowercase())
        && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
    shape && {
        let engine = Engine::new_raw();
        engine.compile_expression(word).is_ok()
            && engine.compile_expression(format!("x.{word}")).is_ok()
    }
}
