//! How deeply a value may hold others. Values are copied, measured and dropped one level inside the
//! other, so a value that is nested without bound would use up the stack and end the program.
//!
//! A value grows from one operation to the next only through a variable that holds it, so each
//! variable is looked at when a script names it. What one expression adds before the next look is
//! bounded by the depth of expressions and of calls.

use rhai::{Array, Dynamic, Engine, EvalAltResult, EvalContext, FnPtr, Map};

use super::meter::charge_steps;

/// Values inside each other. Arguments come as JSON, which is read to 128.
pub(super) const VALUE_DEPTH_MAX: usize = 160;

/// Values of one variable, those that functions hold included, which the engine does not count.
pub(super) const VALUES_MAX: usize = 16 * 1024;

/// Values that are looked at as fast as one operation is done.
const VALUES_PER_OPERATION: usize = 1024;

type Fallible<T> = Result<T, Box<EvalAltResult>>;

pub(super) fn register(engine: &mut Engine) {
    #[expect(deprecated, reason = "marked so because it may change, not because it goes away")]
    engine.on_var(|name, at, context| look(name, at, &context).map(|()| None));
}

/// Refuses to go on when the variable `name`, the `at`th from the end of the scope, is too deep.
fn look(name: &str, at: usize, context: &EvalContext<'_, '_, '_, '_, '_, '_>) -> Fallible<()> {
    let scope = context.scope();
    let by_place = (at > 0).then(|| scope.iter_raw().nth(scope.len().saturating_sub(at))).flatten();
    let value = by_place.map(|(_, _, value)| value).or_else(|| scope.get(name));
    let Some(value) = value else { return Ok(()) };
    let mut values = 0;
    measure(value, 0, &mut values)?;
    charge_steps(values / VALUES_PER_OPERATION)
}

fn measure(value: &Dynamic, depth: usize, values: &mut usize) -> Fallible<()> {
    *values = values.saturating_add(1);
    if depth > VALUE_DEPTH_MAX {
        return Err(format!("values are nested too deeply: {VALUE_DEPTH_MAX} is the most").into());
    }
    if *values > VALUES_MAX {
        return Err(format!("a value is too large: it holds more than {VALUES_MAX} others").into());
    }
    let next = depth + 1;
    if value.is_array() {
        each(value.read_lock::<Array>().iter().flat_map(|list| list.iter()), next, values)
    } else if value.is_map() {
        each(value.read_lock::<Map>().iter().flat_map(|map| map.values()), next, values)
    } else if value.is_fnptr() {
        each(value.read_lock::<FnPtr>().iter().flat_map(|taken| taken.iter_curry()), next, values)
    } else {
        Ok(())
    }
}

fn each<'a>(
    inner: impl Iterator<Item = &'a Dynamic>,
    depth: usize,
    values: &mut usize,
) -> Fallible<()> {
    for value in inner {
        measure(value, depth, values)?;
    }
    Ok(())
}
