//! The decision: every rule is asked, the strictest answer wins, and what is around the rules can
//! only tighten it. Pure; never panics.

use super::bounds::{beyond_permissions, widest};
use super::case::Case;
use super::finding::Finding;
use super::script::Audience;
use super::truth::Truth;
use super::{PolicySet, Request};
use crate::contracts::{ApprovalMode, Decision, Effect, Profile, Risk};

/// The rule that refuses what no rule is about.
const DEFAULT_DENY: &str = "default-deny";

/// What the rules said about one request.
#[derive(Debug, Default)]
pub(super) struct Judgement {
    /// Rules that matched, and what tightened them.
    pub(super) findings: Vec<Finding>,
    /// Whether a rule could not be judged because a value is missing.
    pub(super) open: bool,
    /// How many rules in scripts broke off or met a limit.
    pub(super) scripts_failed: u64,
}

impl PolicySet {
    /// Decides a call. `evaluated_us` is 0: this knows no clock, so the caller fills it in.
    #[must_use]
    pub fn decide(&self, request: &Request) -> Decision {
        self.decide_counting(request).0
    }

    /// The same, and how many rules in scripts broke off or met a limit.
    #[must_use]
    pub fn decide_counting(&self, request: &Request) -> (Decision, u64) {
        let judgement = self.judge(request);
        let failed = judgement.scripts_failed;
        (self.concluded(request, judgement), failed)
    }

    pub(super) fn judge(&self, request: &Request) -> Judgement {
        let mut judgement = Judgement::default();
        let case = self.case(request);
        self.ask_rules(&case, &mut judgement);
        if request.unknown.is_empty() {
            self.ask_scripts(&case, &mut judgement);
        }
        judgement
    }

    pub(super) fn concluded(&self, request: &Request, mut judgement: Judgement) -> Decision {
        let silent = judgement.findings.is_empty();
        if silent && !judgement.open {
            judgement.findings.push(self.nothing_matched(request));
        }
        self.tighten(request, &mut judgement.findings);
        self.nobody_there(request, &mut judgement.findings);
        judgement.findings.sort_by_key(|finding| std::cmp::Reverse(finding.rule.effect));
        let strictest = judgement.findings.first();
        let mut effect = strictest.map_or(Effect::Deny, |finding| finding.rule.effect);
        let mut reason = strictest.map_or_else(String::new, |finding| finding.reason.clone());
        if !request.unknown.is_empty() && (effect != Effect::Deny || strictest.is_none()) {
            effect = Effect::Depends;
            reason = format!(
                "depends on {}, known only when the run gets there",
                listed(&request.unknown)
            );
        }
        let mut obligations: Vec<_> =
            judgement.findings.iter().flat_map(|finding| finding.obligations.clone()).collect();
        obligations.sort_unstable();
        obligations.dedup();
        let asking = judgement.findings.iter().filter(|it| it.rule.effect == Effect::Ask);
        let approvers = asking.map(|finding| finding.approvers).max().unwrap_or(1);
        Decision {
            effect,
            reason,
            rules: judgement.findings.into_iter().map(|finding| finding.rule).collect(),
            policy_hash: self.hash,
            confinement: self.walls.of(&widest(request), &request.permissions),
            obligations,
            approvers,
            evaluated_us: 0,
        }
    }

    fn ask_rules(&self, case: &Case<'_>, judgement: &mut Judgement) {
        for rule in self.rules_about(case).filter(|rule| rule.counts) {
            match rule.matches(case) {
                Truth::No => {}
                Truth::Unknown => judgement.open |= !case.request.unknown.is_empty(),
                Truth::Yes => {
                    let (effect, reason) = rule.verdict(case);
                    judgement.findings.push(Finding {
                        rule: rule.named(effect),
                        reason,
                        obligations: rule.obligations.clone(),
                        approvers: rule.approvers,
                    });
                }
            }
        }
    }

    fn ask_scripts(&self, case: &Case<'_>, judgement: &mut Judgement) {
        if self.scripts.is_empty() {
            return;
        }
        let audience = Audience::of(case, &self.options, self.watch);
        for script in &self.scripts {
            for rule in &script.rules {
                judgement.findings.extend(match self.engine.ask(script, rule, &audience) {
                    Ok(said) => Finding::of_script(script, rule, said),
                    Err(broken) => {
                        judgement.scripts_failed += 1;
                        Finding::broken(script, rule, &broken)
                    }
                });
            }
        }
    }

    fn nothing_matched(&self, request: &Request) -> Finding {
        let mut reason = format!("no rule allows this call of `{}`", request.tool);
        if self.muted > 0 {
            reason.push_str(
                ", and what the workspace's own rules allow does not count until you run `bailiwick trust`",
            );
        }
        Finding::own(DEFAULT_DENY, Effect::Deny, reason)
    }

    /// What holds whatever the rules say.
    fn tighten(&self, request: &Request, findings: &mut Vec<Finding>) {
        // Before the word that no rule fits: why none can.
        let at = findings.iter().take_while(|it| it.rule.id != DEFAULT_DENY).count();
        let faults = request.faults.iter();
        let faults = faults.map(|it| Finding::own("bad-facts", Effect::Deny, it.message.clone()));
        findings.splice(at..at, faults);
        match self.is_enabled(&request.tool) {
            Some(true) => {}
            Some(false) => {
                let reason = format!("the tool `{}` is switched off", request.tool);
                findings.push(Finding::own("tool-disabled", Effect::Deny, reason));
            }
            None => {
                let reason = format!("there is no tool `{}`", request.tool);
                findings.push(Finding::own("unknown-tool", Effect::Deny, reason));
            }
        }
        findings.extend(beyond_permissions(request, self.vocabulary.get(&request.tool)));
        // A rule that asks or refuses already says it in its own words.
        let tight = findings.iter().any(|finding| finding.rule.effect >= Effect::Ask);
        let opaque = request.command.as_ref().and_then(|command| command.opaque.as_ref());
        if let Some(why) = opaque.filter(|_| !tight) {
            let reason = format!("what this command does cannot be seen: {why}");
            findings.push(Finding::own("command-opaque", Effect::Ask, reason));
        }
        let risk = self.risk(request);
        if self.options.approval_mode == ApprovalMode::RequireApproval && risk >= Risk::Medium {
            let reason =
                "approval mode `require_approval` asks about every call of medium or high risk";
            findings.push(Finding::own("approval-mode", Effect::Ask, reason.to_owned()));
        }
        if self.options.require_approval_for_risky && risk == Risk::High {
            let reason = "`require_approval_for_risky` asks about every call of high risk";
            findings.push(Finding::own(
                "require-approval-for-risky",
                Effect::Ask,
                reason.to_owned(),
            ));
        }
    }

    fn asks_person(&self, request: &Request) -> bool {
        self.vocabulary.get(&request.tool).is_some_and(|tool| tool.asks_person)
    }

    /// A question that nobody will answer is a no.
    fn nobody_there(&self, request: &Request, findings: &mut Vec<Finding>) {
        let unattended = request.unattended || self.options.profile == Profile::Ci;
        let asks = self.asks_person(request) && !request.args.contains_key("default");
        if unattended && asks {
            let reason = "nobody is there to answer: give a `default` that holds then".to_owned();
            findings.insert(0, Finding::own("unattended", Effect::Deny, reason));
        }
        let strictest = findings.iter().max_by_key(|finding| finding.rule.effect);
        let Some(question) = strictest.filter(|finding| finding.rule.effect == Effect::Ask) else {
            return;
        };
        if unattended {
            let reason = format!(
                "nobody is there to answer, and `{}` asks: {}",
                question.rule.id, question.reason,
            );
            findings.insert(0, Finding::own("unattended", Effect::Deny, reason));
        }
    }
}

fn listed(args: &[String]) -> String {
    args.iter().map(|arg| format!("`{arg}`")).collect::<Vec<_>>().join(", ")
}
