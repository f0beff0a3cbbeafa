//! The functions of expressions. All but four work on their arguments alone.

use rhai::packages::{ArithmeticPackage, LogicPackage, Package};
use rhai::{
    Array, Dynamic, EvalAltResult, INT, ImmutableString, Map, Module, NativeCallContext,
    def_package,
};

use super::convert::{to_dynamic, to_json};
use super::questions::{Answer, Question, ask};
use crate::prompt::fill;

/// Every function and how many arguments it takes.
pub const FUNCTIONS: [(&str, usize); 16] = [
    ("exists", 1),
    ("read", 1),
    ("render", 2),
    ("len", 1),
    ("keys", 1),
    ("contains", 2),
    ("starts_with", 2),
    ("matches", 2),
    ("json", 1),
    ("now", 0),
    ("basename", 1),
    ("dirname", 1),
    ("join", 2),
    ("lines", 1),
    ("trim", 1),
    ("get", 3),
];

/// Largest compiled regular expression, in bytes.
const REGEX_BYTES_MAX: usize = 1 << 20;

type Outcome<T> = Result<T, Box<EvalAltResult>>;

def_package! {
    /// Operators on numbers and booleans, and the functions of playbooks.
    pub ExpressionPackage(lib) : LogicPackage, ArithmeticPackage {
        collections(lib);
        texts(lib);
        world(lib);
    }
}

/// The functions, ready to be shared between engines.
pub(super) fn module() -> rhai::Shared<Module> {
    ExpressionPackage::new().as_shared_module()
}

fn collections(lib: &mut Module) {
    lib.set_native_fn("len", |value: Dynamic| len(&value));
    lib.set_native_fn("keys", |map: Map| -> Outcome<Array> {
        Ok(map.into_keys().map(|key| Dynamic::from(key.to_string())).collect())
    });
    lib.set_native_fn("contains", contains);
    lib.set_native_fn("get", get);
    lib.set_native_fn("join", |items: Array, between: ImmutableString| join(items, &between));
    lib.set_native_fn("==", |a: Array, b: Array| same(a.into(), b.into()));
    lib.set_native_fn("!=", |a: Array, b: Array| same(a.into(), b.into()).map(|same| !same));
    lib.set_native_fn("==", |a: Map, b: Map| same(a.into(), b.into()));
    lib.set_native_fn("!=", |a: Map, b: Map| same(a.into(), b.into()).map(|same| !same));
    lib.set_native_fn("to_string", |items: Array| as_json_text(items.into()));
    lib.set_native_fn("to_string", |map: Map| as_json_text(map.into()));
    lib.set_native_fn("to_string", |(): ()| -> Outcome<ImmutableString> { Ok("null".into()) });
}

fn texts(lib: &mut Module) {
    lib.set_native_fn("starts_with", |text: ImmutableString, start: ImmutableString| {
        Ok(text.starts_with(start.as_str()))
    });
    lib.set_native_fn("matches", |text: ImmutableString, pattern: ImmutableString| {
        let regex = regex::RegexBuilder::new(&pattern).size_limit(REGEX_BYTES_MAX).build();
        regex.map(|regex| regex.is_match(&text)).map_err(|error| failure(&error))
    });
    lib.set_native_fn("json", |text: ImmutableString| {
        let value: Result<serde_json::Value, _> = serde_json::from_str(&text);
        value.map(|value| to_dynamic(&value)).map_err(|error| failure(&error))
    });
    lib.set_native_fn("trim", |text: ImmutableString| -> Outcome<ImmutableString> {
        Ok(text.trim().into())
    });
    lib.set_native_fn("lines", |text: ImmutableString| -> Outcome<Array> {
        Ok(text.lines().map(|line| Dynamic::from(line.to_owned())).collect())
    });
    lib.set_native_fn("basename", |path: ImmutableString| -> Outcome<ImmutableString> {
        let path = path.trim_end_matches('/');
        Ok(path.rsplit_once('/').map_or(path, |(_, name)| name).into())
    });
    lib.set_native_fn("dirname", |path: ImmutableString| -> Outcome<ImmutableString> {
        let path = path.trim_end_matches('/');
        Ok(path
            .rsplit_once('/')
            .map_or(".", |(parent, _)| if parent.is_empty() { "/" } else { parent })
            .into())
    });
}

fn world(lib: &mut Module) {
    lib.set_native_fn("exists", |context: NativeCallContext<'_>, path: ImmutableString| match ask(
        &context,
        Question::Exists(path.to_string()),
    )? {
        Answer::Flag(there) => Ok(there),
        Answer::Text(_) => Err("`exists` was answered with a text".into()),
    });
    lib.set_native_fn("read", |context: NativeCallContext<'_>, path: ImmutableString| {
        text(&context, Question::Read(path.to_string()))
    });
    lib.set_native_fn("now", |context: NativeCallContext<'_>| text(&context, Question::Now));
    lib.set_native_fn(
        "render",
        |context: NativeCallContext<'_>, name: ImmutableString, data: Dynamic| {
            let template = text(&context, Question::Template(name.to_string()))?;
            let data = to_json(data).map_err(EvalAltResult::from)?;
            fill(&name, &template, &data).map(ImmutableString::from).map_err(|e| failure(&e))
        },
    );
}

fn text(context: &NativeCallContext<'_>, question: Question) -> Outcome<ImmutableString> {
    match ask(context, question)? {
        Answer::Text(text) => Ok(text.into()),
        Answer::Flag(_) => Err("a text was expected".into()),
    }
}

fn failure(error: &dyn std::fmt::Display) -> Box<EvalAltResult> {
    error.to_string().into()
}

/// Characters of a text, items of a list, names of a mapping.
fn len(value: &Dynamic) -> Outcome<INT> {
    let length = if let Ok(text) = value.as_immutable_string_ref() {
        text.chars().count()
    } else if let Ok(items) = value.as_array_ref() {
        items.len()
    } else if let Ok(map) = value.as_map_ref() {
        map.len()
    } else {
        return Err(format!("`len` takes a text, a list or a mapping, not {}", kind(value)).into());
    };
    INT::try_from(length).map_err(|error| failure(&error))
}

/// Whether a text has a part, a list an item, a mapping a name. Also what `in` means.
fn contains(whole: Dynamic, part: Dynamic) -> Outcome<bool> {
    if let Ok(items) = whole.as_array_ref() {
        let wanted = to_json(part).map_err(EvalAltResult::from)?;
        for item in items.iter() {
            if to_json(item.clone()).map_err(EvalAltResult::from)? == wanted {
                return Ok(true);
            }
        }
        return Ok(false);
    }
    let Ok(part) = part.as_immutable_string_ref() else {
        return Err(format!("{} cannot contain {}", kind(&whole), kind(&part)).into());
    };
    if let Ok(text) = whole.as_immutable_string_ref() {
        Ok(text.contains(part.as_str()))
    } else if let Ok(map) = whole.as_map_ref() {
        Ok(map.contains_key(part.as_str()))
    } else {
        Err(format!("`contains` takes a text, a list or a mapping, not {}", kind(&whole)).into())
    }
}

/// What stands at a dotted path; `other` where nothing does.
fn get(value: Dynamic, path: ImmutableString, other: Dynamic) -> Outcome<Dynamic> {
    let mut value = value;
    for name in path.split('.') {
        let next = if let Ok(map) = value.as_map_ref() {
            map.get(name).cloned()
        } else if let (Ok(items), Ok(index)) = (value.as_array_ref(), name.parse::<usize>()) {
            items.get(index).cloned()
        } else {
            None
        };
        match next {
            Some(next) if !next.is_unit() => value = next,
            _ => return Ok(other),
        }
    }
    Ok(value)
}

fn join(items: Array, between: &str) -> Outcome<ImmutableString> {
    let mut joined = String::new();
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            joined.push_str(between);
        }
        let item = to_json(item).map_err(EvalAltResult::from)?;
        let text = super::convert::to_text(&item).ok_or("`join` met an item that is nothing")?;
        joined.push_str(&text);
        if joined.len() > super::evaluator::TEXT_BYTES_MAX {
            return Err(
                EvalAltResult::ErrorDataTooLarge("text".into(), rhai::Position::NONE).into()
            );
        }
    }
    Ok(joined.into())
}

fn same(a: Dynamic, b: Dynamic) -> Outcome<bool> {
    Ok(to_json(a).map_err(EvalAltResult::from)? == to_json(b).map_err(EvalAltResult::from)?)
}

fn as_json_text(value: Dynamic) -> Outcome<ImmutableString> {
    Ok(to_json(value).map_err(EvalAltResult::from)?.to_string().into())
}

/// What kind of value it is, in the words of playbooks.
fn kind(value: &Dynamic) -> &'static str {
    match value.type_name() {
        "()" => "nothing",
        "bool" => "a boolean",
        "string" => "a text",
        "i64" | "u64" => "a whole number",
        "f64" => "a number",
        "array" => "a list",
        "map" => "a mapping",
        _ => "something else",
    }
}
