//! What a suggested rule asks of a call: its files and hosts, or its arguments as they are.

use std::path::Path;

use serde_json::{Value, json};

use crate::contracts::Map;
use crate::policy::predicate::access_word;
use crate::policy::{HostClass, PathFact, Request};

/// Characters with which a name is a pattern.
const PATTERN: [char; 7] = ['*', '?', '[', ']', '{', '}', '\\'];

/// A condition, with a call that meets it and one that nearly does.
pub(super) struct Form {
    /// `when`, as JSON.
    pub(super) when: String,
    /// The same for more than this call.
    pub(super) wider: Option<String>,
    /// Arguments that meet it, on the machine on which examples are judged.
    pub(super) like: Map,
    /// Arguments that do not.
    pub(super) unlike: Map,
}

impl Form {
    /// Every argument of `args` as it is.
    pub(super) fn exact(request: &Request, args: &Map) -> Option<Self> {
        let mut unlike = request.args.clone();
        let (arg, value) = args.iter().find_map(|(arg, value)| Some((arg, changed(value)?)))?;
        unlike.insert(arg.clone(), value);
        let when = equal(args).to_string();
        Some(Self { when, wider: None, like: request.args.clone(), unlike })
    }

    /// The program that runs, with its words and flags, however they are written. `None` where there are
    /// several, or more than words and flags.
    pub(super) fn program(request: &Request, args: &Map) -> Option<Self> {
        let [leaf] = request.command.as_ref()?.leaves.as_slice() else { return None };
        if args.len() != 1 || !request.paths.is_empty() || !request.hosts.is_empty() {
            return None;
        }
        let words = &leaf.words;
        let mut names = words.positional.iter().chain([&words.program]);
        if names.any(|name| name.contains(PATTERN)) {
            return None;
        }
        let mut is = Map::from_iter([("program".to_owned(), json!([words.program]))]);
        for (key, words) in [("argv", &words.positional), ("flags", &words.flags)] {
            if !words.is_empty() {
                is.insert(key.to_owned(), json!(words));
            }
        }
        is.insert("exact".to_owned(), Value::Bool(true));
        let when = json!({ "command": is }).to_string();
        let Self { like, unlike, .. } = Self::exact(request, args)?;
        Some(Self { when, wider: None, like, unlike })
    }

    /// The files and hosts that the call names, however it names them, and the rest of `args` as it is.
    /// `None` where it names none, or they cannot be written so that nothing else is meant.
    pub(super) fn touching(request: &Request, args: &Map) -> Option<Self> {
        let mut when = Map::new();
        let (mut like, mut rest) = (request.args.clone(), args.clone());
        let mut wider = None;
        let mut unlike = None;
        if !request.paths.is_empty() {
            let (path, directory) = files(&request.paths)?;
            when.insert("path".to_owned(), path);
            wider = directory;
            for fact in &request.paths {
                let name = name(fact)?;
                rest.remove(&fact.arg)?;
                // Nobody else's workspace is where this one is.
                let text = like.get_mut(&fact.arg).filter(|text| text.is_string())?;
                *text = Value::from(name.as_str());
                unlike.get_or_insert((fact.arg.clone(), Value::from(format!("{name}-other"))));
            }
        }
        if !request.hosts.is_empty() {
            let public = request.hosts.iter().all(|host| host.class == HostClass::Public);
            let names: Vec<&str> = request.hosts.iter().map(|host| host.name.as_str()).collect();
            when.insert("host".to_owned(), json!(names));
            when.insert("host_class".to_owned(), public.then(|| json!(["public"]))?);
            for host in &request.hosts {
                let Some(Value::String(text)) = rest.remove(&host.arg) else { return None };
                let other = text.replacen(&host.name, &format!("other-{}", host.name), 1);
                if other == text {
                    return None;
                }
                unlike.get_or_insert((host.arg.clone(), Value::from(other)));
            }
        }
        let (arg, other) = unlike?;
        if !rest.is_empty() {
            when.extend(equal_map(&rest));
        }
        let mut unlike = like.clone();
        unlike.insert(arg, other);
        let widened = |path: Value| {
            let mut when = when.clone();
            when.insert("path".to_owned(), path);
            Value::Object(when).to_string()
        };
        let wider = wider.map(widened);
        Some(Self { when: Value::Object(when).to_string(), wider, like, unlike })
    }
}

/// Every argument as it is.
pub(super) fn equal(args: &Map) -> Value {
    Value::Object(equal_map(args))
}

fn equal_map(args: &Map) -> Map {
    let each = args.iter().map(|(arg, value)| (arg.clone(), json!({ "equals": value })));
    Map::from_iter([("arg".to_owned(), Value::Object(each.collect::<Map>()))])
}

/// `path:` for exactly these files, and for the directory of one.
fn files(paths: &[PathFact]) -> Option<(Value, Option<Value>)> {
    let first = paths.first()?;
    // Two accesses in one predicate would allow each file both.
    if paths.iter().any(|path| path.access != first.access) {
        return None;
    }
    let names: Vec<String> = paths.iter().map(name).collect::<Option<_>>()?;
    let access = access_word(first.access);
    let parent = names.first().and_then(|name| Path::new(name).parent()).and_then(Path::to_str);
    let parent = parent.filter(|dir| !["", "/", "~"].contains(dir) && names.len() == 1);
    let wider = parent.map(|dir| json!({ "under": [dir], "access": [access] }));
    Some((json!({ "glob": names, "access": [access] }), wider))
}

/// What a rule calls the file; `None` where that would be a pattern.
fn name(path: &PathFact) -> Option<String> {
    let name = match &path.relative {
        Some(relative) if relative.is_empty() => return None,
        Some(relative) => relative.clone(),
        None if path.text.starts_with('~') => path.text.clone(),
        None => path.resolved.to_str()?.to_owned(),
    };
    (!name.contains(PATTERN)).then_some(name)
}

fn changed(value: &Value) -> Option<Value> {
    match value {
        Value::String(text) => Some(Value::String(format!("{text}-other"))),
        Value::Array(items) => {
            let mut items = items.clone();
            items.push(Value::String("--other".to_owned()));
            Some(Value::Array(items))
        }
        _ => None,
    }
}
