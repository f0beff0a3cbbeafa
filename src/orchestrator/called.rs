//! The playbook that a step calls, as it was kept when the topmost run began.

use super::goal::GoalPlaybook;
use super::services::Services;
use crate::contracts::{Budget, ErrorKind};
use crate::playbook::{
    self, Action, CALL_DEPTH_MAX, Library, LintLimits, NoLibrary, Pinned, Playbook, Step,
};

/// A playbook that is called.
pub(super) struct Called {
    pub playbook: Playbook,
    pub text: String,
}

/// Why a run that is called does not begin.
pub(super) struct Refused {
    pub kind: ErrorKind,
    pub message: String,
}

impl Refused {
    pub(super) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// The playbook called `name`, below `depth` runs that call one another.
pub(super) fn called(
    services: &Services,
    library: &Pinned,
    name: &str,
    depth: usize,
) -> Result<Called, Refused> {
    if depth >= CALL_DEPTH_MAX {
        let message = format!("playbooks call one another at most {CALL_DEPTH_MAX} deep");
        return Err(Refused::new(ErrorKind::Forbidden, message));
    }
    let missing = |message| Refused::new(ErrorKind::NotFound, message);
    let found = library.playbook(name).map_err(missing)?;
    let limits = LintLimits::from(services.config().as_ref());
    let linted = playbook::lint(&found.path, &found.text, &services.callable(), &limits, library);
    let wrong = |message| Refused::new(ErrorKind::BadContent, message);
    Ok(Called { playbook: linted.into_playbook().map_err(wrong)?, text: found.text })
}

/// The playbook that a step with a goal stands for: a planner finds its steps, with the step's tools and
/// as many calls.
pub(super) fn goal_called(
    services: &Services,
    caller: &Playbook,
    step: &Step,
) -> Result<Called, Refused> {
    let Action::Goal { tools, max_steps, .. } = &step.action else {
        return Err(Refused::new(ErrorKind::NotFound, "the step has no goal"));
    };
    let tools = if tools.is_empty() { &caller.permissions.tools } else { tools };
    let source = GoalPlaybook {
        name: &format!("{}-{}", caller.name, step.id),
        tools,
        secrets: &caller.permissions.secrets,
        budget: Budget { steps: *max_steps, ..caller.budget.clone() },
        remember: false,
    };
    let text = source.text();
    let limits = LintLimits::from(services.config().as_ref()).of_taken();
    let linted = playbook::lint("goal", &text, &services.callable(), &limits, &NoLibrary);
    let wrong = |message| Refused::new(ErrorKind::BadContent, message);
    Ok(Called { playbook: linted.into_playbook().map_err(wrong)?, text })
}
