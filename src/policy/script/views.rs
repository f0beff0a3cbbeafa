//! What scripts see of a request: types with getters, so that a misspelt property is an error.

use std::path::PathBuf;
use std::sync::Arc;

use rhai::{Dynamic, Engine, EvalAltResult, INT, ImmutableString};
use serde_json::Value;

use super::facts::{Facts, Program, texts};
use crate::contracts::{ApprovalMode, Timestamp};
use crate::policy::predicate::{access_word, came_only_from, label_names};
use crate::policy::{HostFact, Options, PathFact};

type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// `req`.
#[derive(Debug, Clone)]
pub(super) struct Req(pub(super) Arc<Facts>);

/// `ctx`.
#[derive(Debug, Clone)]
pub(super) struct Ctx {
    pub(super) facts: Arc<Facts>,
    pub(super) options: Arc<Options>,
}

/// `ctx.run`.
#[derive(Debug, Clone)]
pub(super) struct Run(Arc<Facts>);

/// `req.command`; empty for a call that has none.
#[derive(Debug, Clone)]
pub(super) struct Command(Arc<Facts>);

/// One of `req.command.leaves`.
#[derive(Debug, Clone)]
pub(super) struct Leaf(pub(super) Arc<Program>);

/// One of `req.paths`, or of a program's.
#[derive(Debug, Clone)]
pub(super) struct PathView {
    pub(super) fact: Arc<PathFact>,
    pub(super) root: Arc<PathBuf>,
}

/// One of `req.hosts`.
#[derive(Debug, Clone)]
pub(super) struct HostView(pub(super) Arc<HostFact>);

pub(super) fn register(engine: &mut Engine) {
    request(engine);
    arguments(engine);
    context(engine);
    run(engine);
    commands(engine);
    places(engine);
}

fn request(engine: &mut Engine) {
    engine.register_type_with_name::<Req>("request");
    engine
        .register_get("id", |req: &mut Req| text(&req.0.request.id))
        .register_get("tool", |req: &mut Req| req.0.tool.clone())
        .register_get("risk", |req: &mut Req| req.0.risk.clone())
        .register_get("category", |req: &mut Req| req.0.category.clone())
        .register_get("effect", |req: &mut Req| req.0.effect.clone())
        .register_get("origin", |req: &mut Req| req.0.origin.clone())
        .register_get("sends_network", |req: &mut Req| req.0.request.sends_network)
        .register_get("reads_secret", |req: &mut Req| req.0.request.reads_secret)
        .register_get("unattended", |req: &mut Req| req.0.request.unattended)
        .register_get("asked_for", |req: &mut Req| req.0.asked_for)
        .register_get("paths", |req: &mut Req| req.0.paths())
        .register_get("sinks", |req: &mut Req| texts(&req.0.sinks))
        .register_get("hosts", |req: &mut Req| req.0.hosts())
        .register_get("command", |req: &mut Req| Command(Arc::clone(&req.0)));
}

fn arguments(engine: &mut Engine) {
    engine
        .register_fn("has_arg", |req: &mut Req, name: &str| req.0.request.args.contains_key(name))
        .register_fn("arg", |req: &mut Req, name: &str| -> Fallible<Dynamic> {
            match req.0.request.args.get(name) {
                Some(value) => dynamic(value),
                None => Err(format!(
                    "the call has no argument `{name}`: ask `req.has_arg(\"{name}\")` first"
                )
                .into()),
            }
        })
        .register_fn("arg_label", |req: &mut Req, arg: &str, label: &str| {
            let labels = req.0.request.labels.get(arg);
            labels.is_some_and(|found| found.iter().any(|one| label_names(label, one)))
        })
        .register_fn("args_labelled", |req: &mut Req, label: &str| -> rhai::Array {
            let has = |labels: &[String]| labels.iter().any(|one| label_names(label, one));
            let found = req.0.request.labels.iter().filter(|(_, labels)| has(labels));
            found.map(|(arg, _)| text(arg)).map(Dynamic::from).collect()
        })
        .register_fn(
            "arg_only",
            |req: &mut Req, arg: &str, wanted: rhai::Array| -> Fallible<bool> {
                Ok(came_only_from(&req.0.request, arg, &labels(wanted)?))
            },
        )
        .register_fn("sinks_only", |req: &mut Req, wanted: rhai::Array| -> Fallible<bool> {
            let wanted = labels(wanted)?;
            Ok(req.0.sinks.iter().all(|arg| came_only_from(&req.0.request, arg, &wanted)))
        })
        .register_fn("label_sources", |req: &mut Req, arg: &str| {
            req.0.request.labels.get(arg).map_or_else(String::new, |labels| labels.join(", "))
        });
}

fn context(engine: &mut Engine) {
    engine.register_type_with_name::<Ctx>("context");
    engine
        .register_get("run", |ctx: &mut Ctx| Run(Arc::clone(&ctx.facts)))
        .register_get("profile", |ctx: &mut Ctx| text(ctx.options.profile.as_str()))
        .register_get("mode", |ctx: &mut Ctx| {
            text(match ctx.options.approval_mode {
                ApprovalMode::Auto => "auto",
                ApprovalMode::RequireApproval => "require_approval",
            })
        })
        .register_get("now", |ctx: &mut Ctx| ctx.facts.request.now.ms())
        .register_fn("count", |ctx: &mut Ctx, tool: &str| -> INT {
            let calls = ctx.facts.request.run.calls.get(tool).map_or(0, Vec::len);
            INT::try_from(calls).unwrap_or(INT::MAX)
        })
        .register_fn("last", |ctx: &mut Ctx, tool: &str| -> INT {
            let last = ctx.facts.request.run.calls.get(tool).and_then(|calls| calls.last());
            last.map_or(0, |at: &Timestamp| at.ms())
        })
        .register_fn("config", |ctx: &mut Ctx, key: &str| -> Fallible<Dynamic> {
            match ctx.options.config.get(key) {
                Some(value) => dynamic(value),
                None => Err(format!("there is no configuration `{key}` that policy reads").into()),
            }
        });
}

fn run(engine: &mut Engine) {
    engine.register_type_with_name::<Run>("run");
    engine
        .register_get("id", |run: &mut Run| text(&run.0.request.run.id))
        .register_get("playbook", |run: &mut Run| text(&run.0.request.run.playbook))
        .register_get("goal", |run: &mut Run| text(&run.0.request.run.goal))
        .register_get("step", |run: &mut Run| text(&run.0.request.run.step))
        .register_get("steps_used", |run: &mut Run| INT::from(run.0.request.run.steps_used))
        .register_get("steps_left", |run: &mut Run| INT::from(run.0.request.run.steps_left))
        .register_get("cost_usd", |run: &mut Run| run.0.request.run.cost_usd)
        .register_get("read_secret", |run: &mut Run| run.0.request.run.read_secret)
        .register_get("untrusted", |run: &mut Run| run.0.request.run.untrusted);
}

fn commands(engine: &mut Engine) {
    engine.register_type_with_name::<Command>("command");
    engine.register_type_with_name::<Leaf>("program");
    engine
        .register_get("text", |command: &mut Command| {
            text(command.0.request.command.as_ref().map_or("", |fact| fact.text.as_str()))
        })
        .register_get("opaque", |command: &mut Command| {
            command.0.request.command.as_ref().is_some_and(|fact| fact.opaque.is_some())
        })
        .register_get("leaves", |command: &mut Command| command.0.leaves());
    programs(engine);
}

fn programs(engine: &mut Engine) {
    let optional = |word: &Option<String>| text(word.as_deref().unwrap_or_default());
    engine
        .register_get("program", |leaf: &mut Leaf| text(&leaf.0.fact.words.program))
        .register_get("argv", |leaf: &mut Leaf| leaf.0.argv())
        .register_get("flags", |leaf: &mut Leaf| leaf.0.flags())
        .register_get("via", |leaf: &mut Leaf| texts(&leaf.0.fact.words.via))
        .register_get("cwd", move |leaf: &mut Leaf| optional(&leaf.0.fact.words.cwd))
        .register_get("does", |leaf: &mut Leaf| {
            texts(leaf.0.fact.words.does.iter().map(|deed| deed.as_str()))
        })
        .register_get("hosts", |leaf: &mut Leaf| leaf.0.hosts())
        .register_get("opaque", |leaf: &mut Leaf| leaf.0.fact.words.opaque.is_some())
        .register_get("pipe_to", move |leaf: &mut Leaf| optional(&leaf.0.fact.words.pipe_to))
        .register_get("pipe_from", move |leaf: &mut Leaf| optional(&leaf.0.fact.words.pipe_from))
        .register_get("paths", |leaf: &mut Leaf| leaf.0.paths())
        .register_get("redirects", |leaf: &mut Leaf| leaf.0.redirects())
        .register_fn("has_flag", |leaf: &mut Leaf, name: &str| {
            leaf.0.fact.words.flags.iter().any(|flag| flag == name)
        });
}

fn places(engine: &mut Engine) {
    engine.register_type_with_name::<PathView>("path");
    engine
        .register_get("text", |path: &mut PathView| text(&path.fact.text))
        .register_get("zone", |path: &mut PathView| text(path.fact.zone.as_str()))
        .register_get("access", |path: &mut PathView| text(access_word(path.fact.access)))
        .register_get("arg", |path: &mut PathView| text(&path.fact.arg));
    engine.register_type_with_name::<HostView>("host");
    engine
        .register_get("name", |host: &mut HostView| text(&host.0.name))
        .register_get("class", |host: &mut HostView| text(host.0.class.as_str()))
        .register_get("port", |host: &mut HostView| INT::from(host.0.port))
        .register_get("scheme", |host: &mut HostView| text(&host.0.scheme));
}

/// The labels of a list that a script wrote.
fn labels(wanted: rhai::Array) -> Fallible<Vec<String>> {
    let text = |label: Dynamic| {
        let text = label.into_string();
        text.map_err(|kind| format!("a label is a text, not a {kind}").into())
    };
    wanted.into_iter().map(text).collect()
}

fn text(text: &str) -> ImmutableString {
    text.into()
}

fn dynamic(value: &Value) -> Fallible<Dynamic> {
    rhai::serde::to_dynamic(value)
}
