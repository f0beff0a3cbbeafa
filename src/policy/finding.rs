//! One thing that was found about a request: which rule, what it says, why.

use super::script::{Broken, Said, Script, ScriptRule, Spoken};
use crate::contracts::{Effect, MatchedRule, Obligation};

/// The file named for what is not in any.
const OWN: &str = "<built-in>";

/// The id of what is found when a script had to be stopped because of the time: somebody must look.
pub const SCRIPT_OVERTIME: &str = "script-overtime";

/// A rule that matched, with its words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) rule: MatchedRule,
    pub(super) reason: String,
    pub(super) obligations: Vec<Obligation>,
    /// How many people must say yes where it asks.
    pub(super) approvers: u32,
}

impl Finding {
    /// Something that no file says.
    pub(super) fn own(id: &str, effect: Effect, reason: String) -> Self {
        let rule = MatchedRule { id: id.to_owned(), file: OWN.to_owned(), line: 0, effect };
        Self { rule, reason, obligations: Vec::new(), approvers: 1 }
    }

    /// What a script rule said. Notes decide nothing; an `allow` counts where the script does.
    pub(super) fn of_script(script: &Script, rule: &ScriptRule, said: Vec<Said>) -> Vec<Self> {
        let finding = |said: Said| {
            let effect = match said.spoken {
                Spoken::Deny => Effect::Deny,
                Spoken::Ask => Effect::Ask,
                Spoken::Allow if script.counts => Effect::Allow,
                Spoken::Allow | Spoken::Note => return None,
            };
            Some(Self::scripted(script, rule, effect, said.reason))
        };
        said.into_iter().filter_map(finding).collect()
    }

    /// A script rule that failed; one that was stopped because of the time says so apart.
    pub(super) fn broken(script: &Script, rule: &ScriptRule, broken: &Broken) -> Vec<Self> {
        let Broken { why, overtime } = broken;
        let reason = format!("the rule `{}` failed, which denies: {why}", rule.id);
        let mut found = vec![Self::scripted(script, rule, Effect::Deny, reason.clone())];
        if *overtime {
            found.push(Self::own(SCRIPT_OVERTIME, Effect::Deny, reason));
        }
        found
    }

    fn scripted(script: &Script, rule: &ScriptRule, effect: Effect, reason: String) -> Self {
        let rule =
            MatchedRule { id: rule.id.clone(), file: script.file.clone(), line: rule.line, effect };
        Self { rule, reason, obligations: Vec::new(), approvers: 1 }
    }
}
