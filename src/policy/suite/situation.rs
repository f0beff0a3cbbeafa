//! What is around the call of a case: `context:`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::contracts::{ApprovalMode, Diagnostic, Origin, Timestamp};
use crate::policy::example::{imagined, labels, run_facts, time};
use crate::policy::vocabulary::ORIGINS;
use crate::policy::{Asked, Permissions, RunFacts, resolve_lexically};
use crate::yaml::{Fields, Node};

pub(super) const MODES: [(&str, ApprovalMode); 2] =
    [("auto", ApprovalMode::Auto), ("require_approval", ApprovalMode::RequireApproval)];

/// Everything about a case but its call.
#[derive(Debug, Clone)]
pub(super) struct Situation {
    pub(super) mode: ApprovalMode,
    pub(super) require_approval_for_risky: bool,
    origin: Origin,
    unattended: bool,
    unknown: Vec<String>,
    now: Timestamp,
    labels: BTreeMap<String, Vec<String>>,
    run: RunFacts,
    permissions: Vec<Permissions>,
}

impl Default for Situation {
    fn default() -> Self {
        Self {
            mode: ApprovalMode::Auto,
            require_approval_for_risky: false,
            origin: Origin::Playbook,
            unattended: false,
            unknown: Vec::new(),
            now: Timestamp::from_ms(0),
            labels: BTreeMap::new(),
            run: RunFacts { steps_left: u32::MAX, ..RunFacts::default() },
            permissions: Vec::new(),
        }
    }
}

impl Situation {
    pub(super) fn read(file: &str, node: &Node, mistakes: &mut Vec<Diagnostic>) -> Option<Self> {
        let mut fields = Fields::of(file, "`context`", node, mistakes)?;
        let mut this = Self::default();
        this.mode = fields.choice("approval_mode", &MODES, mistakes).unwrap_or(this.mode);
        let risky = fields.boolean("require_approval_for_risky", mistakes);
        this.require_approval_for_risky = risky.unwrap_or(false);
        this.origin = fields.choice("origin", &ORIGINS, mistakes).unwrap_or(this.origin);
        this.unattended = fields.boolean("unattended", mistakes).unwrap_or(false);
        let unknown = fields.texts("unknown", mistakes).unwrap_or_default();
        this.unknown = unknown.into_iter().map(|(arg, _)| arg.to_owned()).collect();
        this.now = time(file, &mut fields, mistakes);
        this.labels = labels(file, &mut fields, mistakes);
        if let Some(node) = fields.node("run") {
            run_facts(file, node, this.now, &mut this.run, mistakes);
        }
        let bound = fields.node("permissions").and_then(|node| permissions(file, node, mistakes));
        this.permissions.extend(bound);
        fields.finish(mistakes);
        Some(this)
    }

    /// Puts the call of `asked` into this situation.
    pub(super) fn surround(&self, asked: &mut Asked<'_>) {
        asked.origin = self.origin;
        asked.unattended = self.unattended;
        asked.now = self.now;
        asked.unknown.clone_from(&self.unknown);
        asked.labels.clone_from(&self.labels);
        asked.run.clone_from(&self.run);
        asked.permissions.clone_from(&self.permissions);
    }
}

/// The upper bound of a playbook, with paths of the imagined machine.
fn permissions(file: &str, node: &Node, mistakes: &mut Vec<Diagnostic>) -> Option<Permissions> {
    let mut fields = Fields::of(file, "`permissions`", node, mistakes)?;
    let mut names = |key: &'static str, mistakes: &mut Vec<Diagnostic>| {
        let texts = fields.texts(key, mistakes)?;
        Some(texts.into_iter().map(|(text, place)| (text.to_owned(), place)).collect::<Vec<_>>())
    };
    let tools = names("tools", mistakes);
    let network = names("network", mistakes);
    let places = imagined();
    let mut paths = |key: &'static str, mistakes: &mut Vec<Diagnostic>| {
        let texts = names(key, mistakes)?;
        let mut found: Vec<PathBuf> = Vec::new();
        for (text, place) in texts {
            match resolve_lexically(&text, &places) {
                Ok(path) => found.push(path),
                Err(fault) => mistakes.push(place.error(file, "bad-value", fault.to_string())),
            }
        }
        Some(found)
    };
    let read = paths("read", mistakes);
    let write = paths("write", mistakes);
    fields.finish(mistakes);
    let plain = |all: Option<Vec<(String, _)>>| {
        all.map(|all| all.into_iter().map(|(text, _)| text).collect())
    };
    Some(Permissions {
        tools: plain(tools),
        network: plain(network),
        read,
        write,
        ..Permissions::default()
    })
}
