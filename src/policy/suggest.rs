//! The smallest rule that would allow a call that was refused or asked about: for a person to review.
//!
//! It names the tool and what the call touches: its files and hosts, and exactly the other arguments that
//! say so, a command among them. What differs in one of these is not allowed by it. What no rule can allow
//! is said instead.

mod form;

use form::Form;
use serde_json::{Value, json};

use super::bounds::PERMISSIONS;
use super::{Layer, PolicySet, Request, Source, Zone, compile};
use crate::contracts::{Effect, Hash, Map, MatchedRule};

/// A rule to review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// Its id.
    pub id: String,
    /// A file with it alone.
    pub yaml: String,
    /// Rules that stand against it: each needs [`Suggestion::exclusion`] in its `when`.
    pub against: Vec<MatchedRule>,
    /// What takes exactly this call out of a rule.
    pub exclusion: String,
    /// The `when` of a wider rule that a person may mean, such as the whole directory.
    pub wider: Option<String>,
}

/// Findings that no rule can do anything about, and what to do instead.
const BEYOND_RULES: [(&str, &str); 8] = [
    ("bad-facts", "the call cannot be understood: correct it"),
    ("unknown-tool", "there is no such tool: correct the call"),
    ("tool-disabled", "the tool is switched off: `bailiwick tools enable`"),
    (PERMISSIONS, "the playbook allows itself less: widen its `permissions`"),
    (
        "command-opaque",
        "what the command does cannot be seen: write it plainly, or have a person say yes",
    ),
    ("approval-mode", "the approval mode asks, whatever the rules say"),
    ("require-approval-for-risky", "`require_approval_for_risky` asks, whatever the rules say"),
    ("script-failed", "a script failed: mend it"),
];

impl PolicySet {
    /// The rule.
    ///
    /// # Errors
    /// With why none is suggested.
    pub fn suggest(&self, request: &Request) -> Result<Suggestion, String> {
        let decision = self.decide(request);
        if decision.effect == Effect::Allow {
            return Err("it is allowed as it is".to_owned());
        }
        for rule in &decision.rules {
            if let Some((_, what)) = BEYOND_RULES.iter().find(|(id, _)| *id == rule.id) {
                return Err(format!(
                    "no rule can allow it: {what} (`{}`: {})",
                    rule.id, decision.reason
                ));
            }
        }
        if let Some(why) = request.command.as_ref().and_then(|command| command.opaque.as_ref()) {
            return Err(format!(
                "no rule can allow it: what the command does cannot be seen: {why}"
            ));
        }
        guarded(request)?;
        let args = self.telling(request);
        let id = name(request, &args);
        // What it touches says best what is meant; where that cannot be written, the call as it is.
        let forms = [
            Form::touching(request, &args),
            Form::program(request, &args),
            Form::exact(request, &args),
        ];
        let mut why = "nothing in the call tells it from every other call of the tool".to_owned();
        let sound = forms.into_iter().flatten().find_map(|form| {
            let yaml = file(&id, request, &form);
            let holds = self.holds(&yaml, request).map_err(|found| why = found);
            holds.is_ok().then_some((form, yaml))
        });
        let (form, yaml) = sound.ok_or(why)?;
        let own = ["default-deny", "unattended"];
        let against = decision
            .rules
            .into_iter()
            .filter(|rule| rule.effect >= Effect::Ask && !own.contains(&rule.id.as_str()));
        let (exclusion, wider) = (form.when, form.wider);
        Ok(Suggestion { id, yaml, against: against.collect(), exclusion, wider })
    }

    /// Arguments that say what the call touches; all of them where the tool declares none.
    fn telling(&self, request: &Request) -> Map {
        let tool = self.vocabulary.get(&request.tool);
        let declared = |arg: &String| {
            tool.is_some_and(|tool| {
                tool.names_files(arg)
                    || tool.hosts.iter().any(|host| host.arg == *arg)
                    || tool.command.as_ref() == Some(arg)
                    || tool.sinks.contains(arg)
            })
        };
        let told: Map = request
            .args
            .iter()
            .filter(|(arg, _)| declared(arg))
            .map(|(arg, value)| (arg.clone(), value.clone()))
            .collect();
        if told.is_empty() { request.args.clone() } else { told }
    }

    /// What takes exactly this call out of a rule that is about it.
    pub(super) fn exclusion(&self, request: &Request) -> String {
        let args = self.telling(request);
        let form = Form::touching(request, &args).or_else(|| Form::program(request, &args));
        form.map_or_else(|| form::equal(&args).to_string(), |it| it.when)
    }

    /// Whether the rule is sound, and alone allows the call.
    fn holds(&self, yaml: &str, request: &Request) -> Result<(), String> {
        let source = Source {
            layer: Layer::User,
            path: "suggested.yaml".to_owned(),
            bytes: yaml.as_bytes().to_vec(),
        };
        let alone = compile(&[source], &self.vocabulary, &self.options).map_err(|mistakes| {
            let first = mistakes.first().map_or_else(String::new, ToString::to_string);
            format!("no rule can be written for it: {first}")
        })?;
        match alone.decide(request) {
            decision if decision.effect == Effect::Allow => Ok(()),
            decision => Err(format!("no rule can allow it: {}", decision.reason)),
        }
    }
}

/// What no rule that is suggested opens: secrets, and what governs this program.
fn guarded(request: &Request) -> Result<(), String> {
    let leaves = request.command.iter().flat_map(|command| &command.leaves);
    let paths = request.paths.iter().chain(leaves.flat_map(|leaf| &leaf.paths));
    let guarded = |zone| matches!(zone, Zone::Secret | Zone::Itself);
    match paths.into_iter().find(|path| guarded(path.zone)) {
        None => Ok(()),
        Some(path) => Err(format!(
            "nothing is suggested for `{}`: it is in zone {}",
            path.text,
            path.zone.as_str()
        )),
    }
}

/// Named by what it allows, so that the same call has the same name.
fn name(request: &Request, args: &Map) -> String {
    let said = json!([request.tool, args]).to_string();
    let hash = Hash::of(said.as_bytes()).to_string();
    let tool: String = request
        .tool
        .chars()
        .map(|c| if c.is_ascii_lowercase() || c.is_ascii_digit() { c } else { '-' })
        .collect();
    format!("suggested.{tool}-{}", hash.get(..8).unwrap_or_default())
}

/// JSON is YAML; nothing in a value can leave its place.
fn file(id: &str, request: &Request, form: &Form) -> String {
    let tool = Value::from(request.tool.as_str());
    let example = |args: &Map| json!({ "tool": request.tool, "args": args }).to_string();
    format!(
        "schema: 1\nrules:\n  - id: {id}\n    effect: allow\n    on: {{ tool: [{tool}] }}\n    when: {}\n    \
         reason: suggested for one call; write here why it may happen, or do not use it\n    \
         match: [ {} ]\n    not_match: [ {} ]\n",
        form.when,
        example(&form.like),
        example(&form.unlike),
    )
}
