//! Filling a template file, with bounds on work and output.

mod code;
mod guard;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use minijinja::syntax::SyntaxConfig;
use minijinja::{
    AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior, Value, filters, tests,
};
use serde_json::Value as Json;

use self::code::{code, code_block};
use self::guard::check;

/// Largest template, in bytes.
const TEMPLATE_BYTES_MAX: usize = 64 * 1024;

/// Most output, in bytes.
const OUTPUT_BYTES_MAX: usize = 1 << 20;

/// Most instructions.
const FUEL: u64 = 500_000;

/// Why a template could not be read or filled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template `{name}`, line {line}: {message}")]
pub struct FillError {
    name: String,
    line: usize,
    message: String,
}

/// Fills `template` with `data`. The names in a mapping are names in the template, and `data` is the
/// whole. A name that is not there is an error.
///
/// # Errors
/// When the template uses something that templates do not have, or meets a bound.
pub fn fill(name: &str, template: &str, data: &Json) -> Result<String, FillError> {
    let fail = |line: usize, message: String| FillError { name: name.to_owned(), line, message };
    let environment = environment_for(template).map_err(|(line, message)| fail(line, message))?;
    let mut output = Bounded::default();
    let filled = environment
        .template_from_named_str(name, template)
        .and_then(|template| template.render_captured_to(context(data), &mut output).map(|_| ()));
    if output.overflowed {
        return Err(fail(1, format!("makes more than {OUTPUT_BYTES_MAX} bytes")));
    }
    filled.map_err(|error| fail(error.line().unwrap_or(1), said(&error)))?;
    String::from_utf8(output.bytes).map_err(|error| fail(1, error.to_string()))
}

/// The names that a template takes from outside.
///
/// # Errors
/// When it uses something that templates do not have, or cannot be read.
pub(super) fn names_in(name: &str, template: &str) -> Result<BTreeSet<String>, FillError> {
    let fail = |line: usize, message: String| FillError { name: name.to_owned(), line, message };
    let environment = environment_for(template).map_err(|(line, message)| fail(line, message))?;
    let read = environment.template_from_named_str(name, template);
    let read = read.map_err(|error| fail(error.line().unwrap_or(1), said(&error)))?;
    Ok(read.undeclared_variables(false).into_iter().collect())
}

/// What `template` is read with, once it was checked.
fn environment_for(template: &str) -> Result<Environment<'static>, (usize, String)> {
    if template.len() > TEMPLATE_BYTES_MAX {
        return Err((1, format!("larger than {TEMPLATE_BYTES_MAX} bytes")));
    }
    check(template)?;
    let whitespace = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .keep_trailing_newline(true)
        .build()
        .map_err(|error| (1, said(&error)))?;
    Ok(environment(whitespace))
}

fn said(error: &Error) -> String {
    match (error.kind(), error.detail()) {
        (ErrorKind::OutOfFuel, _) => format!("takes more than {FUEL} instructions"),
        (kind, Some(detail)) => format!("{kind}: {detail}"),
        (kind, None) => kind.to_string(),
    }
}

/// An environment with a closed list of filters, each of which makes at most a few
/// times what it is given.
fn environment(whitespace: SyntaxConfig) -> Environment<'static> {
    let mut environment = Environment::empty();
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    environment.set_syntax(whitespace);
    environment.add_filter("code", code);
    environment.add_filter("code_block", code_block);
    environment.add_filter("default", filters::default);
    environment.add_filter("first", filters::first);
    environment.add_filter("items", filters::items);
    environment.add_filter("join", join);
    environment.add_filter("last", filters::last);
    environment.add_filter("length", filters::length);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("reverse", filters::reverse);
    environment.add_filter("sort", filters::sort);
    environment.add_filter("tojson", tojson);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("upper", filters::upper);
    environment.add_test("defined", tests::is_defined);
    environment.add_test("undefined", tests::is_undefined);
    environment.add_test("none", tests::is_none);
    environment
}

fn join(value: &Value, between: &str) -> Result<String, Error> {
    let mut joined = String::new();
    for (index, item) in value.try_iter()?.enumerate() {
        if index > 0 {
            joined.push_str(between);
        }
        joined.push_str(&item.to_string());
        if joined.len() > OUTPUT_BYTES_MAX {
            return Err(Error::new(ErrorKind::InvalidOperation, "`join` makes too long a text"));
        }
    }
    Ok(joined)
}

fn tojson(value: &Value) -> Result<Value, Error> {
    filters::tojson(value, None, std::iter::empty::<(&str, Value)>().collect())
}

fn context(data: &Json) -> Value {
    let whole = [("data".to_owned(), to_value(data))];
    let names = data.as_object().into_iter().flatten();
    let names = names.map(|(key, value)| (key.clone(), to_value(value)));
    Value::from(names.chain(whole).collect::<BTreeMap<_, _>>())
}

fn to_value(json: &Json) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(value) => Value::from(*value),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(whole), _) => Value::from(whole),
            (None, Some(whole)) => Value::from(whole),
            (None, None) => number.as_f64().map_or(Value::from(()), Value::from),
        },
        Json::String(text) => Value::from(text.as_str()),
        Json::Array(items) => items.iter().map(to_value).collect(),
        Json::Object(map) => {
            let names = map.iter().map(|(key, value)| (key.clone(), to_value(value)));
            Value::from(names.collect::<BTreeMap<_, _>>())
        }
    }
}

/// Output that refuses to grow beyond its bound.
#[derive(Debug, Default)]
struct Bounded {
    bytes: Vec<u8>,
    overflowed: bool,
}

impl Write for Bounded {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + buffer.len() > OUTPUT_BYTES_MAX {
            self.overflowed = true;
            return Err(io::Error::other("too much output"));
        }
        self.bytes.extend_from_slice(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
