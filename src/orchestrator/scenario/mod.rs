//! Playing a playbook's own tests: the real core and the real expressions, scripted results, no
//! store, no policy, no tools. Files that a step has written exist; no other does.

mod events;
mod reads;
mod stage;

use stage::Stage;

use super::story::Story;
use crate::agent::{self, Command};
use crate::playbook::expression::Evaluator;
use crate::playbook::{self, Observed, Playbook, Scenario};

/// More events than any scenario of bounded steps can have.
const EVENTS_MAX: usize = 100_000;

/// Plays a scenario. What could be at work side by side is done one after the other, in the order in
/// which it is written.
///
/// # Errors
/// Why it could not be played: inputs that do not fit, or a step that ran without a scripted result.
pub fn play(
    playbook: &Playbook,
    scenario: &Scenario,
    evaluator: &Evaluator,
) -> Result<Observed, String> {
    let inputs = playbook::resolve_inputs(playbook, &scenario.inputs)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
    let mut stage = Stage::new(playbook, scenario, evaluator, inputs);
    stage.take(&events::started(&playbook.budget))?;
    for _ in 0..EVENTS_MAX {
        let Some(command) = agent::wanted(stage.state()).into_iter().next() else {
            return Err(format!("the run stops as `{}`", stage.state().status().as_str()));
        };
        if let Command::Report { outcome } = command {
            return Ok(stage.observed(outcome));
        }
        for event in stage.execute(command)? {
            stage.take(&event)?;
        }
    }
    Err("the run does not end".to_owned())
}
