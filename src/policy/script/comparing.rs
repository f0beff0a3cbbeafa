//! Comparing what can never be the same is a mistake, not a `false`: a rule that compares a number
//! with a text would else simply never speak.

use rhai::{Array, Engine, EvalAltResult, FLOAT, INT, ImmutableString, Variant};

use super::views::{Command, Ctx, HostView, Leaf, PathView, Req, Run};

const SAME: [&str; 2] = ["==", "!="];
const ORDER: [&str; 4] = ["<", "<=", ">", ">="];

pub(super) fn register(engine: &mut Engine) {
    // The engine's own operators would not ask ours.
    engine.set_fast_operators(false);
    for operator in SAME.into_iter().chain(ORDER) {
        plain(engine, operator);
        facts(engine, operator);
    }
    // Whether there is nothing can be asked; what is more than nothing cannot.
    for operator in ORDER {
        mixed::<(), INT>(engine, operator, "nothing", "a number");
        mixed::<(), FLOAT>(engine, operator, "nothing", "a number");
        mixed::<(), ImmutableString>(engine, operator, "nothing", "a text");
    }
}

fn plain(engine: &mut Engine, operator: &'static str) {
    mixed::<ImmutableString, INT>(engine, operator, "a text", "a number");
    mixed::<ImmutableString, FLOAT>(engine, operator, "a text", "a number");
    mixed::<ImmutableString, bool>(engine, operator, "a text", "a yes or no");
    mixed::<bool, INT>(engine, operator, "a yes or no", "a number");
    mixed::<bool, FLOAT>(engine, operator, "a yes or no", "a number");
    mixed::<Array, ImmutableString>(engine, operator, "a list", "a text");
    mixed::<Array, INT>(engine, operator, "a list", "a number");
    mixed::<Array, bool>(engine, operator, "a list", "a yes or no");
}

fn facts(engine: &mut Engine, operator: &'static str) {
    mixed::<Req, ImmutableString>(engine, operator, "a request", "a text");
    mixed::<Ctx, ImmutableString>(engine, operator, "a context", "a text");
    mixed::<Run, ImmutableString>(engine, operator, "a run", "a text");
    mixed::<Command, ImmutableString>(engine, operator, "a command", "a text");
    mixed::<Leaf, ImmutableString>(engine, operator, "a program", "a text");
    mixed::<PathView, ImmutableString>(engine, operator, "a path", "a text");
    mixed::<HostView, ImmutableString>(engine, operator, "a host", "a text");
}

fn mixed<A: Variant + Clone, B: Variant + Clone>(
    engine: &mut Engine,
    operator: &'static str,
    one: &'static str,
    other: &'static str,
) {
    let mistake = move || -> Result<bool, Box<EvalAltResult>> {
        Err(format!("`{operator}` is given {one} and {other}, which are never the same").into())
    };
    engine.register_fn(operator, move |_: A, _: B| mistake());
    engine.register_fn(operator, move |_: B, _: A| mistake());
}
