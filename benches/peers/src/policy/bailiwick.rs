//! This program's own engine, with rules in YAML or in a script.

use bailiwick::contracts::Effect;
use bailiwick::policy::{Layer, Options, PolicySet, Request, Source, compile};

use super::workload::vocabulary;
use super::{Judge, Verdict};
use crate::Failure;

const RULES: &str = include_str!("../../rules/policy.yaml");
const SCRIPT: &str = include_str!("../../rules/one.rhai");
const TWENTY: &str = include_str!("../../rules/twenty.rhai");

pub struct Ours<'a> {
    set: PolicySet,
    requests: &'a [Request],
}

impl Judge for Ours<'_> {
    fn verdict(&mut self, index: usize) -> Verdict {
        match self.set.decide(&self.requests[index]).effect {
            Effect::Allow => Verdict::Allow,
            Effect::Ask => Verdict::Ask,
            Effect::Deny | Effect::Depends => Verdict::Deny,
        }
    }
}

/// The rules in YAML.
pub fn yaml(requests: &[Request]) -> Result<Ours<'_>, Failure> {
    Ok(Ours { set: compiled(&[("rules.yaml", RULES)])?, requests })
}

/// The rules as one function of a script.
pub fn script(requests: &[Request]) -> Result<Ours<'_>, Failure> {
    let tools: String = vocabulary()
        .tools()
        .map(|tool| format!("  {}: {{ scripts_may_allow: true }}\n", tool.name))
        .collect();
    let tools = format!("schema: 1\ntools:\n{tools}");
    Ok(Ours { set: compiled(&[("tools.yaml", &tools), ("one.rhai", SCRIPT)])?, requests })
}

/// Twenty rules in YAML and twenty in a script.
pub fn both() -> Result<PolicySet, Failure> {
    compiled(&[("rules.yaml", RULES), ("twenty.rhai", TWENTY)])
}

fn compiled(files: &[(&str, &str)]) -> Result<PolicySet, Failure> {
    let source = |(name, text): &(&str, &str)| Source {
        layer: Layer::User,
        path: (*name).to_owned(),
        bytes: text.as_bytes().to_vec(),
    };
    let sources: Vec<Source> = files.iter().map(source).collect();
    compile(&sources, &vocabulary(), &Options::default())
        .map_err(|mistakes| format!("the rules have mistakes: {mistakes:?}").into())
}
