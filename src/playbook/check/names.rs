//! Names and functions in expressions.

use crate::playbook::expression::{
    ErrorKind, ExpressionError, Facts, MEMORY_NAMES, Path, ROOTS, RUN_NAMES, Reads, Scope, StepView,
};
use crate::playbook::model::{Action, InputKind, Playbook};
use crate::playbook::read::{Reader, Section, Sight, Site};
use crate::yaml::{Place, did_you_mean};

/// Checks every expression of the playbook.
pub(in crate::playbook) fn names(reader: &mut Reader<'_>, playbook: &Playbook) {
    for site in std::mem::take(&mut reader.sites) {
        if reader.is_full() {
            return;
        }
        reader.look_at(site.context.file);
        match reader.evaluator.facts(&site.expression) {
            Ok(facts) => {
                for path in &facts.paths {
                    path_exists(reader, playbook, &site, path);
                }
                calls(reader, &site, &facts);
                if site.condition {
                    condition(reader, playbook, &site, &facts);
                }
            }
            Err(error) => bad(reader, &site, error),
        }
    }
}

fn bad(reader: &mut Reader<'_>, site: &Site, error: ExpressionError) {
    let code = match error.kind {
        ErrorKind::Unknown => "unknown-function",
        ErrorKind::Limit => "too-large",
        ErrorKind::Type => "wrong-type",
        ErrorKind::Syntax | ErrorKind::Read => "bad-expression",
    };
    let message = format!("in `{}`: {}", error.expression, error.message);
    reader.hinted(at(site, error.offset), code, message, error.suggestion);
}

/// The place of a character of the expression; its start where the file has it written otherwise.
fn at(site: &Site, offset: usize) -> Place {
    let blanks = site.expression.chars().take_while(|c| c.is_whitespace()).count();
    let inside = u32::try_from(offset.saturating_sub(blanks)).unwrap_or(0);
    let column =
        if site.exact { site.place.column.saturating_add(inside) } else { site.place.column };
    Place { column, ..site.place }
}

fn unknown<'n>(
    reader: &mut Reader<'_>,
    place: Place,
    code: &str,
    message: String,
    name: &str,
    known: impl IntoIterator<Item = &'n str>,
) {
    let known: Vec<&str> = known.into_iter().collect();
    let suggestion = did_you_mean(name, known.iter().copied())
        .or_else(|| (!known.is_empty()).then(|| format!("there are {}", known.join(", "))));
    reader.hinted(place, code, message, suggestion);
}

fn path_exists(reader: &mut Reader<'_>, playbook: &Playbook, site: &Site, path: &Path) {
    let place = at(site, path.offset);
    let first = path.names.first().map(String::as_str);
    match (path.root.as_str(), first) {
        ("inputs", Some("feedback"))
            if reader.feedback && site.context.section != Section::Start => {}
        ("inputs", Some(name)) if !reader.inputs.iter().any(|input| input == name) => {
            let names: Vec<String> = reader.inputs.clone();
            let message = format!("there is no input `{name}`");
            unknown(
                reader,
                place,
                "unknown-input",
                message,
                name,
                names.iter().map(String::as_str),
            );
        }
        ("run", Some(name)) if !RUN_NAMES.contains(&name) => {
            let message = format!("`run` has no `{name}`");
            unknown(reader, place, "unknown-name", message, name, RUN_NAMES);
        }
        ("memory", Some(name)) if !MEMORY_NAMES.contains(&name) => {
            let message = format!("`memory` has no `{name}`");
            unknown(reader, place, "unknown-name", message, name, MEMORY_NAMES);
        }
        ("secrets", Some(name)) if !playbook.permissions.secrets.iter().any(|s| s == name) => {
            let message = format!("the secret `{name}` is not declared");
            let suggestion = Some(format!("add `{name}` to `permissions.secrets`"));
            reader.hinted(place, "undeclared-secret", message, suggestion);
        }
        ("error", _) if !reader.tree.is_rescue(site.context.section) => {
            let message = "`error` is there only in `on_failure` and `rescue`";
            reader.error(place, "unknown-name", message);
        }
        ("error", Some(name)) if !["kind", "message"].contains(&name) => {
            let message = format!("`error` has no `{name}`");
            unknown(reader, place, "unknown-name", message, name, ["kind", "message"]);
        }
        ("steps", _) if site.context.section == Section::Start => {
            reader.error(place, "later-step", "no step has run where permissions are read");
        }
        ("steps", Some(id)) => step_exists(reader, playbook, site, place, id, path),
        (root, _) if ROOTS.contains(&root) || site.context.items.iter().any(|it| it == root) => {}
        (root, _) => {
            let items = site.context.items.clone();
            let known = ROOTS.iter().copied().filter(|root| *root != "error");
            let known = known.chain(items.iter().map(String::as_str));
            unknown(reader, place, "unknown-name", format!("there is no `{root}`"), root, known);
        }
    }
}

fn step_exists(
    reader: &mut Reader<'_>,
    playbook: &Playbook,
    site: &Site,
    place: Place,
    id: &str,
    path: &Path,
) {
    let section = site.context.section;
    let Some(target) = reader.tree.find(id) else {
        let steps = 0..reader.tree.steps.len();
        let seen = steps.filter(|other| reader.tree.sight(section, *other) == Sight::Seen);
        let known: Vec<String> = seen.map(|other| reader.tree.id(other).to_owned()).collect();
        let message = format!("there is no step `{id}`");
        let known = known.iter().map(String::as_str);
        return unknown(reader, place, "unknown-step", message, id, known);
    };
    let sight = reader.tree.sight(section, target);
    let when = match &sight {
        Sight::Seen => return properties(reader, playbook, place, id, path),
        Sight::Itself => "is this step",
        Sight::Around => "is around this step",
        Sight::Inside => "stands inside this step",
        Sight::Later => "runs later",
        Sight::Unordered(own, other) => return unordered(reader, place, id, *own, *other),
        Sight::InLoop(block) => return in_loop(reader, place, id, *block),
    };
    let message = format!("the step `{id}` {when}: its result is not there yet");
    reader.error(place, "later-step", message);
}

/// A step of a graph that may be over or not.
fn unordered(reader: &mut Reader<'_>, place: Place, id: &str, own: usize, other: usize) {
    let (own, other) = (reader.tree.id(own).to_owned(), reader.tree.id(other).to_owned());
    let message = format!("nothing says that `{id}` is over: `{own}` does not need `{other}`");
    let suggestion = Some(format!("add `{other}` to the `needs` of `{own}`"));
    reader.hinted(place, "unordered-step", message, suggestion);
}

/// A step that has as many results as its block has items.
fn in_loop(reader: &mut Reader<'_>, place: Place, id: &str, block: usize) {
    let block = reader.tree.id(block).to_owned();
    let message = format!("`{id}` stands inside `{block}`, which repeats: it has many results");
    let suggestion = Some(format!("use `steps.{block}.data`, a list with one entry per item"));
    reader.hinted(place, "inside-loop", message, suggestion);
}

fn properties(reader: &mut Reader<'_>, playbook: &Playbook, place: Place, id: &str, path: &Path) {
    let Some(property) = path.names.get(1) else { return };
    let next = path.names.get(2).map(String::as_str);
    if !StepView::NAMES.contains(&property.as_str()) {
        let message = format!("`steps.{id}` has no `{property}`");
        let known = StepView::NAMES;
        let data = known_data(reader, playbook, id).is_some_and(|names| names.contains(property));
        if data {
            let suggestion = Some(format!("did you mean `steps.{id}.data.{property}`?"));
            return reader.hinted(place, "unknown-name", message, suggestion);
        }
        return unknown(reader, place, "unknown-name", message, property, known);
    }
    match (property.as_str(), next) {
        ("error", Some(name)) if !["kind", "message"].contains(&name) => {
            let message = format!("`steps.{id}.error` has no `{name}`");
            unknown(reader, place, "unknown-name", message, name, ["kind", "message"]);
        }
        ("data", Some(name)) => {
            let Some(known) = known_data(reader, playbook, id) else { return };
            if !known.iter().any(|known| known == name) {
                let message = format!("the data of `{id}` has no `{name}`");
                unknown(
                    reader,
                    place,
                    "unknown-name",
                    message,
                    name,
                    known.iter().map(String::as_str),
                );
            }
        }
        _ => {}
    }
}

/// The names in the data of a step, where its tool says so.
fn known_data(reader: &Reader<'_>, playbook: &Playbook, id: &str) -> Option<Vec<String>> {
    let step = playbook.step(id).filter(|step| step.foreach.is_none())?;
    let tool = match &step.action {
        Action::Tool { tool, .. } => tool,
        Action::Block(body) => return Some(body.steps.iter().map(|it| it.id.clone()).collect()),
        Action::Call { playbook, .. } => {
            let called = reader.called.get(playbook)?;
            return Some(called.outputs.keys().cloned().collect());
        }
        _ => return None,
    };
    let schema = &reader.vocabulary.get(tool)?.output_schema;
    let properties = schema.get("properties")?.as_object()?;
    let open = schema
        .get("additionalProperties")
        .is_some_and(|more| *more != serde_json::Value::Bool(false));
    (!open).then(|| properties.keys().cloned().collect())
}

fn calls(reader: &mut Reader<'_>, site: &Site, facts: &Facts) {
    for call in &facts.calls {
        let place = at(site, call.offset);
        let reads = ["exists", "read", "render"].contains(&call.name.as_str());
        if reads && site.context.section == Section::Start {
            reader.error(place, "bad-expression", "nothing can be read where permissions are read");
        }
        if let ("matches", Some(Some(pattern))) = (call.name.as_str(), call.arguments.get(1))
            && let Err(error) = regex::Regex::new(pattern)
        {
            reader.error(place, "bad-regex", super::arguments::one_line(&error.to_string()));
        }
    }
}

/// Notes a condition that cannot be a boolean, or whose answer is known before the run.
fn condition(reader: &mut Reader<'_>, playbook: &Playbook, site: &Site, facts: &Facts) {
    if let (true, [path]) = (facts.is_path, facts.paths.as_slice())
        && path.root == "inputs"
        && let Some(input) = playbook.inputs.iter().find(|input| path.names == [input.name.clone()])
        && input.kind != InputKind::Boolean
    {
        let message = format!(
            "a condition is `true` or `false`; `{}` is a {}",
            input.name,
            input.kind.as_str()
        );
        reader.error(site.place, "wrong-type", message);
    }
    if !facts.is_constant() {
        return;
    }
    match reader.evaluator.condition(&site.expression, &Scope::default(), &Nothing) {
        Ok(true) => {}
        Ok(false) if site.context.section == Section::Verify => {
            reader.error(site.place, "never-holds", "this never holds: the run could not succeed");
        }
        Ok(false) => {
            let suggestion = Some("remove the step, or write a condition that can hold".to_owned());
            let message =
                format!("`{}` never holds: the step is unreachable", site.expression.trim());
            reader.hinted(site.place, "unreachable-step", message, suggestion);
        }
        Err(error) => bad(reader, site, error),
    }
}

/// A world in which nothing can be read.
struct Nothing;

impl Reads for Nothing {
    fn exists(&self, _: &str) -> Result<bool, String> {
        Err("nothing is read here".to_owned())
    }

    fn read(&self, _: &str) -> Result<String, String> {
        Err("nothing is read here".to_owned())
    }

    fn template(&self, _: &str) -> Result<String, String> {
        Err("nothing is read here".to_owned())
    }

    fn now(&self) -> String {
        String::new()
    }
}
