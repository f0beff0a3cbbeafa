//! What scripts see of a request: types with getters, so that a misspelt property is an error.

use std::path::PathBuf;
use std::sync::Arc;

use rhai::{Array, Dynamic, Engine, EvalAltResult, INT, ImmutableString};
use serde_json::Value;

use crate::contracts::{ApprovalMode, Risk, Timestamp};
use crate::policy::predicate::{access_word, label_names};
use crate::policy::vocabulary::{CALL_EFFECTS, CATEGORIES, ORIGINS, RISKS, word};
use crate::policy::{CommandFact, HostFact, LeafFact, Options, PathFact, Request};
use crate::ports::Category;

type Fallible<T> = Result<T, Box<EvalAltResult>>;

/// `req`.
#[derive(Debug, Clone)]
pub(super) struct Req {
    pub(super) request: Arc<Request>,
    pub(super) risk: Risk,
    pub(super) category: Option<Category>,
    pub(super) root: Arc<PathBuf>,
}

/// `ctx`.
#[derive(Debug, Clone)]
pub(super) struct Ctx {
    pub(super) request: Arc<Request>,
    pub(super) options: Arc<Options>,
}

/// `ctx.run`.
#[derive(Debug, Clone)]
struct Run(Arc<Request>);

/// `req.command`; empty for a call that has none.
#[derive(Debug, Clone)]
struct Command {
    fact: Option<Arc<CommandFact>>,
    root: Arc<PathBuf>,
}

/// One of `req.command.leaves`.
#[derive(Debug, Clone)]
struct Leaf {
    fact: Arc<LeafFact>,
    root: Arc<PathBuf>,
}

/// One of `req.paths`, or of a program's.
#[derive(Debug, Clone)]
pub(super) struct PathView {
    pub(super) fact: Arc<PathFact>,
    pub(super) root: Arc<PathBuf>,
}

/// One of `req.hosts`.
#[derive(Debug, Clone)]
pub(super) struct HostView(pub(super) Arc<HostFact>);

impl Command {
    fn leaf(&self, fact: &LeafFact) -> Leaf {
        Leaf { fact: Arc::new(fact.clone()), root: Arc::clone(&self.root) }
    }
}

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
        .register_get("id", |req: &mut Req| text(&req.request.id))
        .register_get("tool", |req: &mut Req| text(&req.request.tool))
        .register_get("risk", |req: &mut Req| text(word(&RISKS, &req.risk)))
        .register_get("category", |req: &mut Req| {
            text(req.category.map_or("", |category| word(&CATEGORIES, &category)))
        })
        .register_get("effect", |req: &mut Req| text(word(&CALL_EFFECTS, &req.request.effect)))
        .register_get("origin", |req: &mut Req| text(word(&ORIGINS, &req.request.origin)))
        .register_get("sends_network", |req: &mut Req| req.request.sends_network)
        .register_get("reads_secret", |req: &mut Req| req.request.reads_secret)
        .register_get("unattended", |req: &mut Req| req.request.unattended)
        .register_get("paths", |req: &mut Req| paths(&req.request.paths, &req.root))
        .register_get("hosts", |req: &mut Req| {
            let hosts = req.request.hosts.iter();
            hosts.map(|host| Dynamic::from(HostView(Arc::new(host.clone())))).collect::<Array>()
        })
        .register_get("command", |req: &mut Req| {
            let fact = req.request.command.clone().map(Arc::new);
            Command { fact, root: Arc::clone(&req.root) }
        });
}

fn arguments(engine: &mut Engine) {
    engine
        .register_fn("has_arg", |req: &mut Req, name: &str| req.request.args.contains_key(name))
        .register_fn("arg", |req: &mut Req, name: &str| -> Fallible<Dynamic> {
            match req.request.args.get(name) {
                Some(value) => dynamic(value),
                None => Err(format!(
                    "the call has no argument `{name}`: ask `req.has_arg(\"{name}\")` first"
                )
                .into()),
            }
        })
        .register_fn("arg_label", |req: &mut Req, arg: &str, label: &str| {
            let labels = req.request.labels.get(arg);
            labels.is_some_and(|found| found.iter().any(|one| label_names(label, one)))
        })
        .register_fn("label_sources", |req: &mut Req, arg: &str| {
            req.request.labels.get(arg).map_or_else(String::new, |labels| labels.join(", "))
        });
}

fn context(engine: &mut Engine) {
    engine.register_type_with_name::<Ctx>("context");
    engine
        .register_get("run", |ctx: &mut Ctx| Run(Arc::clone(&ctx.request)))
        .register_get("profile", |ctx: &mut Ctx| text(ctx.options.profile.as_str()))
        .register_get("mode", |ctx: &mut Ctx| {
            text(match ctx.options.approval_mode {
                ApprovalMode::Auto => "auto",
                ApprovalMode::RequireApproval => "require_approval",
            })
        })
        .register_get("now", |ctx: &mut Ctx| ctx.request.now.ms())
        .register_fn("count", |ctx: &mut Ctx, tool: &str| -> INT {
            let calls = ctx.request.run.calls.get(tool).map_or(0, Vec::len);
            INT::try_from(calls).unwrap_or(INT::MAX)
        })
        .register_fn("last", |ctx: &mut Ctx, tool: &str| -> INT {
            let last = ctx.request.run.calls.get(tool).and_then(|calls| calls.last());
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
        .register_get("id", |run: &mut Run| text(&run.0.run.id))
        .register_get("playbook", |run: &mut Run| text(&run.0.run.playbook))
        .register_get("step", |run: &mut Run| text(&run.0.run.step))
        .register_get("steps_used", |run: &mut Run| INT::from(run.0.run.steps_used))
        .register_get("steps_left", |run: &mut Run| INT::from(run.0.run.steps_left))
        .register_get("cost_usd", |run: &mut Run| run.0.run.cost_usd)
        .register_get("read_secret", |run: &mut Run| run.0.run.read_secret)
        .register_get("untrusted", |run: &mut Run| run.0.run.untrusted);
}

fn commands(engine: &mut Engine) {
    engine.register_type_with_name::<Command>("command");
    engine.register_type_with_name::<Leaf>("program");
    engine
        .register_get("text", |command: &mut Command| {
            text(command.fact.as_ref().map_or("", |fact| fact.text.as_str()))
        })
        .register_get("opaque", |command: &mut Command| {
            command.fact.as_ref().is_some_and(|fact| fact.opaque.is_some())
        })
        .register_get("leaves", |command: &mut Command| {
            let leaves = command.fact.iter().flat_map(|fact| fact.leaves.iter());
            leaves.map(|leaf| Dynamic::from(command.leaf(leaf))).collect::<Array>()
        });
    engine
        .register_get("program", |leaf: &mut Leaf| text(&leaf.fact.words.program))
        .register_get("argv", |leaf: &mut Leaf| texts(&leaf.fact.words.argv))
        .register_get("flags", |leaf: &mut Leaf| texts(&leaf.fact.words.flags))
        .register_get("via", |leaf: &mut Leaf| texts(&leaf.fact.words.via))
        .register_get("cwd", |leaf: &mut Leaf| {
            text(leaf.fact.words.cwd.as_deref().unwrap_or_default())
        })
        .register_get("does", |leaf: &mut Leaf| {
            let does = leaf.fact.words.does.iter();
            does.map(|deed| Dynamic::from(text(deed.as_str()))).collect::<Array>()
        })
        .register_get("hosts", |leaf: &mut Leaf| {
            let hosts = leaf.fact.hosts.iter();
            hosts.map(|host| Dynamic::from(HostView(Arc::new(host.clone())))).collect::<Array>()
        })
        .register_get("opaque", |leaf: &mut Leaf| leaf.fact.words.opaque.is_some())
        .register_get("pipe_to", |leaf: &mut Leaf| {
            text(leaf.fact.words.pipe_to.as_deref().unwrap_or_default())
        })
        .register_get("pipe_from", |leaf: &mut Leaf| {
            text(leaf.fact.words.pipe_from.as_deref().unwrap_or_default())
        })
        .register_get("paths", |leaf: &mut Leaf| paths(&leaf.fact.paths, &leaf.root))
        .register_get("redirects", |leaf: &mut Leaf| paths(&leaf.fact.redirects, &leaf.root))
        .register_fn("has_flag", |leaf: &mut Leaf, name: &str| {
            leaf.fact.words.flags.iter().any(|flag| flag == name)
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

fn text(text: &str) -> ImmutableString {
    text.into()
}

fn texts(texts: &[String]) -> Array {
    texts.iter().map(|one| Dynamic::from(text(one))).collect()
}

fn paths(facts: &[PathFact], root: &Arc<PathBuf>) -> Array {
    let view = |fact: &PathFact| {
        Dynamic::from(PathView { fact: Arc::new(fact.clone()), root: Arc::clone(root) })
    };
    facts.iter().map(view).collect()
}

fn dynamic(value: &Value) -> Fallible<Dynamic> {
    rhai::serde::to_dynamic(value)
}
