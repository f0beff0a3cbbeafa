//! What a step does: `tool`, `goal`, `approval`, `call` or `block`.

use super::block::{Owner, block};
use super::call::call;
use super::reader::{Context, Reader, ToolUse};
use super::steps::bounded;
use crate::agent::program::Rewind;
use crate::contracts::Map;
use crate::playbook::model::Action;
use crate::yaml::{Fields, Node, Value};

/// Calls of an agentic step that says nothing about it.
const GOAL_STEPS: u32 = 10;

/// Most people an approval may need.
const APPROVERS_MAX: u64 = 10;

/// How often a gate that does not say leads back, and how often one may.
const ATTEMPTS: u32 = 3;
const ATTEMPTS_MAX: u64 = 10;

/// Reads what a step does.
pub(super) fn action<'a>(
    reader: &mut Reader<'a>,
    fields: &mut Fields<'a>,
    context: &Context,
    owner: Owner<'_>,
) -> Option<Action> {
    let kinds = ["tool", "goal", "approval", "call", "block"];
    let mut there: Vec<_> = kinds.into_iter().filter_map(|key| fields.entry(key)).collect();
    there.sort_by_key(|entry| (entry.place.line, entry.place.column));
    if let [first, second, ..] = there.as_slice() {
        let message = format!("a step does one thing: `{}` or `{}`", first.key, second.key);
        reader.error(second.place, "contradiction", message);
    }
    if there.is_empty() {
        let suggestion = Some("add `tool`, `goal`, `approval`, `call` or `block`".to_owned());
        reader.hinted(fields.place(), "missing-key", "this step does nothing", suggestion);
    }
    let args = fields.node("args");
    let (tools, max_steps) = (fields.node("tools"), fields.node("max_steps"));
    let on_no_model = [("fail", false), ("skip", true)];
    let skip = fields.choice("on_no_model", &on_no_model, &mut reader.mistakes);
    match kinds.into_iter().find(|kind| there.iter().any(|entry| entry.key == *kind))? {
        "tool" => tool(reader, fields, args, context),
        "goal" => {
            let goal = goal(reader, fields, context)?;
            let tools = tools.map(|_| goal_tools(reader, fields, context)).unwrap_or_default();
            let most = u64::from(reader.limits.budget_max.steps);
            let max_steps = max_steps.and_then(|_| bounded(reader, fields, "max_steps", most));
            let skip_without_model = skip.unwrap_or_default();
            Some(Action::Goal {
                goal,
                tools,
                max_steps: max_steps.unwrap_or(GOAL_STEPS),
                skip_without_model,
            })
        }
        "call" => call(reader, fields, context),
        "block" => block(reader, fields, context, owner),
        _ => fields.node("approval").and_then(|node| approval(reader, node, context, owner.step)),
    }
}

fn tool<'a>(
    reader: &mut Reader<'a>,
    fields: &mut Fields<'a>,
    args: Option<&'a Node>,
    context: &Context,
) -> Option<Action> {
    let node = fields.node("tool")?;
    let tool = fields.text("tool", &mut reader.mistakes)?.to_owned();
    if let Some(args) = args {
        reader.template(args, context);
    }
    let empty = Node { place: node.place, value: Value::Map(Vec::new()) };
    reader.uses.push(ToolUse {
        tool: tool.clone(),
        place: node.place,
        args: Some(args.cloned().unwrap_or(empty)),
        context: context.clone(),
    });
    let args = match args.map(Node::to_json) {
        None => Map::new(),
        Some(serde_json::Value::Object(args)) => args,
        Some(_) => {
            let node = fields.node("args")?;
            let message = format!("`args` must be a mapping, not {}", node.kind());
            reader.error(node.place, "wrong-type", message);
            Map::new()
        }
    };
    Some(Action::Tool { tool, args })
}

fn goal<'a>(reader: &mut Reader<'a>, fields: &mut Fields<'a>, context: &Context) -> Option<String> {
    let goal = fields.text("goal", &mut reader.mistakes)?;
    let node = fields.node("goal")?;
    reader.template(node, context);
    if goal.trim().is_empty() {
        reader.error(node.place, "bad-value", "a goal says something");
    }
    Some(goal.to_owned())
}

fn goal_tools<'a>(
    reader: &mut Reader<'a>,
    fields: &mut Fields<'a>,
    context: &Context,
) -> Vec<String> {
    let tools = fields.texts("tools", &mut reader.mistakes).unwrap_or_default();
    for (tool, place) in &tools {
        let (tool, place, context) = ((*tool).to_owned(), *place, context.clone());
        reader.uses.push(ToolUse { tool, place, args: None, context });
    }
    tools.into_iter().map(|(tool, _)| tool.to_owned()).collect()
}

fn approval<'a>(
    reader: &mut Reader<'a>,
    node: &'a Node,
    context: &Context,
    step: usize,
) -> Option<Action> {
    let mut fields = reader.fields("`approval`", node)?;
    let prompt = fields.required_text("prompt", &mut reader.mistakes);
    if let Some(node) = fields.node("prompt") {
        reader.template(node, context);
    }
    let when = fields.node("when").and_then(|node| reader.expression(node, context));
    let ttl_ms = fields.duration_ms("ttl", &mut reader.mistakes);
    if let (Some(0), Some(node)) = (ttl_ms, fields.node("ttl")) {
        reader.error(node.place, "bad-duration", "an answer counts longer than 0");
    }
    let ttl_ms = ttl_ms.unwrap_or(reader.limits.approval_ttl_ms);
    let approvers = bounded(reader, &mut fields, "approvers", APPROVERS_MAX).unwrap_or(1);
    let rewind = rewind(reader, &mut fields, step);
    reader.finish("`approval`", fields);
    Some(Action::Approval { prompt: prompt?.to_owned(), when, ttl_ms, approvers, rewind })
}

/// Reads where a denial with a comment leads; whether it can is looked at when all steps are read.
fn rewind<'a>(reader: &mut Reader<'a>, fields: &mut Fields<'a>, step: usize) -> Option<Rewind> {
    let attempts = bounded(reader, fields, "attempts", ATTEMPTS_MAX);
    let Some(node) = fields.node("rewind_to") else {
        if let Some(entry) = fields.entry("attempts") {
            let message = "`attempts` counts how often `rewind_to` leads back, and there is none";
            reader.error(entry.place, "misplaced-key", message);
        }
        return None;
    };
    let to = fields.text("rewind_to", &mut reader.mistakes)?;
    reader.feedback = true;
    if let Some(known) = reader.tree.steps.get_mut(step) {
        known.rewind = Some((to.to_owned(), node.place));
    }
    Some(Rewind { to: to.to_owned(), attempts: attempts.unwrap_or(ATTEMPTS) })
}
