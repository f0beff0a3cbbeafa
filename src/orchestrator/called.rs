//! The playbook that a step calls, as it was kept when the topmost run began.

use super::services::Services;
use crate::contracts::ErrorKind;
use crate::playbook::{self, CALL_DEPTH_MAX, Library, LintLimits, Pinned, Playbook};

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
    let linted = playbook::lint(&found.path, &found.text, &services.tools, &limits, library);
    let wrong = |message| Refused::new(ErrorKind::BadContent, message);
    Ok(Called { playbook: linted.into_playbook().map_err(wrong)?, text: found.text })
}
