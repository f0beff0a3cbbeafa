//! Where cases are judged: the set as the case wants it, on the imagined machine.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::coverage::Spot;
use super::file::{Case, TestFile};
use super::outcome::{Outcome, Result, Spoke};
use crate::contracts::{Diagnostic, Profile};
use crate::policy::arguments::unknown_arguments;
use crate::policy::compile::about as rules_about;
use crate::policy::example::{COMMAND, imagined};
use crate::policy::terms::stand_in;
use crate::policy::{
    Asked, Explanation, Options, PolicySet, Say, Terms, Trace, gather, resolve_lexically,
};
use crate::ports::{ToolDescriptor, Vocabulary};
use crate::yaml::did_you_mean;

/// A set made ready for the cases of one file.
pub(super) struct Bench {
    set: PolicySet,
    profile: Profile,
    file: String,
}

impl Bench {
    /// The rules of `set` that `file` is about, with a stand-in for each tool that only rules speak
    /// of. What the user configured does not count: a test says itself what it depends on.
    pub(super) fn of(set: &PolicySet, path: &str, file: &TestFile) -> Self {
        let mut set = set.clone();
        if let Some(of) = &file.of {
            let about = |path: &str| of.iter().any(|stem| stem == stem_of(path));
            set.rules.retain(|rule| about(&rule.file));
            set.scripts.retain(|script| about(&script.file));
            // Which rule is about which tool is known by their places, and those moved.
            set.about = rules_about(&set.rules, &set.vocabulary);
        }
        let declared = set.tools.iter().filter(|(name, _)| set.vocabulary.get(name).is_none());
        let stand_ins: Vec<ToolDescriptor> =
            declared.map(|(name, terms)| stand_in(name, terms)).collect();
        if !stand_ins.is_empty() {
            let own = set.vocabulary.tools().map(|tool| tool.as_ref().clone());
            set.vocabulary = Vocabulary::new(own.chain(stand_ins).collect::<Vec<_>>());
        }
        Self { profile: set.options.profile, set, file: path.to_owned() }
    }

    /// Judges one case, and counts in `spoken` which rules spoke. What is wrong with its call is a
    /// mistake and no outcome.
    pub(super) fn judge(
        &mut self,
        case: &Case,
        spoken: &mut BTreeMap<Spot, usize>,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Option<Outcome> {
        let profile = case.profile.unwrap_or(self.profile);
        let before = mistakes.len();
        let Some(tool) = self.tool(case, mistakes) else {
            let looks_like_a_slip = mistakes.len() > before;
            let why = format!("there is no tool `{}`", case.tool);
            return (!looks_like_a_slip)
                .then(|| self.outcome(case, profile, Result::NotTried, "", vec![why]));
        };
        unknown_arguments(&self.file, &tool, &case.arg_places, mistakes);
        if mistakes.len() > before {
            return None;
        }
        let explanation = self.explain(case, &tool, profile);
        let misses = case.expect.misses(&explanation.decision);
        let result = if misses.is_empty() { Result::Passed } else { Result::Failed };
        let got = explanation.decision.effect.as_str();
        let mut outcome = self.outcome(case, profile, result, got, misses);
        outcome.rules = spoke(&explanation, spoken);
        Some(outcome)
    }

    /// Everything about the decision on the call of `case`.
    fn explain(&mut self, case: &Case, tool: &ToolDescriptor, profile: Profile) -> Explanation {
        self.set.options = Arc::new(Options {
            profile,
            approval_mode: case.situation.mode,
            require_approval_for_risky: case.situation.require_approval_for_risky,
            enabled: BTreeMap::new(),
            ..self.set.options.as_ref().clone()
        });
        let mut args = case.args.clone();
        if let Some(command) = args.remove(COMMAND) {
            args.insert(tool.command.clone().unwrap_or_else(|| "command".to_owned()), command);
        }
        let mut asked = Asked::of(tool, &args);
        case.situation.surround(&mut asked);
        let places = imagined();
        let request = gather(asked, &places, &mut |text| resolve_lexically(text, &places));
        self.set.explain(&request)
    }

    fn outcome(
        &self,
        case: &Case,
        profile: Profile,
        result: Result,
        got: &'static str,
        why: Vec<String>,
    ) -> Outcome {
        Outcome {
            name: case.name.clone(),
            file: self.file.clone(),
            line: case.place.line,
            column: case.place.column,
            profile: profile.as_str(),
            result,
            expected: case.expect.verdict(),
            got,
            why,
            rules: Vec::new(),
        }
    }

    /// The tool of a case. A name that looks like a slip is a mistake; another one, of which the case
    /// does not say that it is unknown, is not tried: tools of other servers come and go.
    fn tool(&self, case: &Case, mistakes: &mut Vec<Diagnostic>) -> Option<Arc<ToolDescriptor>> {
        let name = case.tool.as_str();
        if let Some(tool) = self.set.vocabulary.get(name) {
            return Some(Arc::clone(tool));
        }
        if case.expect.knows_no_tool() {
            return Some(Arc::new(stand_in(name, &Terms::default())));
        }
        if let Some(like) = did_you_mean(name, self.set.vocabulary.names()) {
            let message = format!("no tool is called `{name}`");
            let error = case.tool_place.error(&self.file, "unknown-tool", message);
            mistakes.push(error.suggest(like));
        }
        None
    }
}

/// What spoke, counted once for each rule in `spoken`: a script's rule may say several things.
fn spoke(explanation: &Explanation, spoken: &mut BTreeMap<Spot, usize>) -> Vec<Spoke> {
    let mut all: Vec<Spoke> = Vec::new();
    let heard = |trace: &&Trace| !matches!(trace.said, Say::Nothing | Say::Depends);
    for trace in explanation.rules.iter().filter(heard) {
        let (id, file, line) = (trace.id.clone(), trace.file.clone(), trace.line);
        if !all.iter().any(|other| other.id == id && other.file == file) {
            *spoken.entry((id.clone(), file.clone(), line)).or_default() += 1;
        }
        all.push(Spoke { id, file, line, said: trace.said.as_str(), why: trace.why.clone() });
    }
    for rule in explanation.decision.rules.iter().filter(|rule| rule.line == 0) {
        let (id, file, said) = (rule.id.clone(), rule.file.clone(), rule.effect.as_str());
        let why = "holds whatever the rules say".to_owned();
        all.push(Spoke { id, file, line: 0, said, why });
    }
    all
}

/// A file's name without directory and ending.
pub(super) fn stem_of(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or_default();
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}
