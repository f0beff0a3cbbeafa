//! The one engine: what the language has, and the limits it runs in.

use std::fmt;
use std::sync::{Arc, LazyLock};

use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicFnPackage, BasicIteratorPackage, BasicStringPackage,
    LogicPackage, MoreStringPackage, Package,
};
use rhai::{Engine, OptimizationLevel};

use super::meter::{OPERATIONS_MAX, progress};
use super::{api, comparing, depth, mended, views};

const CALL_LEVELS_MAX: usize = 16;
const EXPRESSION_DEPTH_MAX: usize = 32;
pub(super) const STRING_BYTES_MAX: usize = 64 * 1024;
const ARRAY_ITEMS_MAX: usize = 4096;
const MAP_ENTRIES_MAX: usize = 256;
const VARIABLES_MAX: usize = 256;
const FUNCTIONS_MAX: usize = 256;

/// Words of the language that would look outside, print, or build programs from texts; and two that
/// make values grow where nothing counts them: `curry` copies all that a function holds, and `this`
/// is no variable that could be looked at.
const SWITCHED_OFF: [&str; 7] = ["eval", "print", "debug", "import", "export", "curry", "this"];

/// Compiles and runs scripts, on any thread.
#[derive(Clone)]
pub(in crate::policy) struct ScriptEngine(pub(super) Arc<Engine>);

/// Made once: it never changes, and making it takes longer than compiling a set.
static SHARED: LazyLock<ScriptEngine> = LazyLock::new(ScriptEngine::build);

impl ScriptEngine {
    pub(in crate::policy) fn shared() -> Self {
        SHARED.clone()
    }

    fn build() -> Self {
        // Nothing is on board but what is registered here: no clock, file, random number, sleep.
        let mut engine = Engine::new_raw();
        ArithmeticPackage::new().register_into_engine(&mut engine);
        LogicPackage::new().register_into_engine(&mut engine);
        BasicStringPackage::new().register_into_engine(&mut engine);
        MoreStringPackage::new().register_into_engine(&mut engine);
        BasicArrayPackage::new().register_into_engine(&mut engine);
        BasicIteratorPackage::new().register_into_engine(&mut engine);
        BasicFnPackage::new().register_into_engine(&mut engine);
        for word in SWITCHED_OFF {
            engine.disable_symbol(word);
        }
        engine
            .set_optimization_level(OptimizationLevel::None)
            .set_strict_variables(true)
            .set_fail_on_invalid_map_property(true)
            .set_max_operations(OPERATIONS_MAX)
            .set_max_call_levels(CALL_LEVELS_MAX)
            .set_max_expr_depths(EXPRESSION_DEPTH_MAX, EXPRESSION_DEPTH_MAX)
            .set_max_string_size(STRING_BYTES_MAX)
            .set_max_array_size(ARRAY_ITEMS_MAX)
            .set_max_map_size(MAP_ENTRIES_MAX)
            .set_max_variables(VARIABLES_MAX)
            .set_max_functions(FUNCTIONS_MAX);
        views::register(&mut engine);
        api::register(&mut engine);
        mended::register(&mut engine);
        comparing::register(&mut engine);
        depth::register(&mut engine);
        engine.on_progress(progress);
        Self(Arc::new(engine))
    }
}

impl fmt::Debug for ScriptEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ScriptEngine")
    }
}
