//! How layers join. Every `deny` and `ask` of every layer counts. An `allow` counts where its layer
//! is trusted: system, user, built-in, and the workspace once the user said so.
//!
//! A rule of the workspace that says word for word what a built-in rule of the same id says *is*
//! that rule, and counts: the shipped set works in an untrusted clone, and is named by its own
//! files. A trusted workspace, the user and the system replace built-in rules by their ids.

use std::collections::{BTreeMap, BTreeSet};

use super::compile::LayerRules;
use super::rule::Rule;
use super::script::Script;
use super::{Layer, Options, Terms};
use crate::contracts::{Effect, Hash};
use crate::ports::Vocabulary;

/// The rules that are in force, and how many `allow` rules are muted.
pub(super) fn join_rules(
    layers: BTreeMap<Layer, LayerRules>,
    options: &Options,
) -> (Vec<Rule>, usize) {
    let all: Vec<Rule> = layers
        .into_values()
        .flat_map(|layer| layer.documents)
        .flat_map(|document| document.rules)
        .collect();
    let entries = all.iter().map(|rule| (rule.layer, rule.id.as_str(), rule.digest));
    let standing = Standing::of(entries.collect(), options.trusted);
    let verdicts: Vec<Place> =
        all.iter().map(|rule| standing.place(rule.layer, &rule.id, rule.digest)).collect();
    let mut muted = 0;
    let mut kept = Vec::new();
    for (mut rule, place) in all.into_iter().zip(verdicts) {
        match place {
            Place::Replaced => continue,
            Place::Full => {}
            Place::Tightening => {
                rule.counts = rule.effect != Effect::Allow;
                muted += usize::from(!rule.counts);
            }
        }
        kept.push(rule);
    }
    (kept, muted)
}

/// The scripts that are in force. A script is one thing: its rules share
/// helpers, so it stands or is replaced as a whole, by its file's name.
pub(super) fn join_scripts(
    layers: &mut BTreeMap<Layer, LayerRules>,
    options: &Options,
) -> Vec<Script> {
    let all: Vec<Script> =
        layers.values_mut().flat_map(|layer| std::mem::take(&mut layer.scripts)).collect();
    let stems: Vec<String> = all.iter().map(|script| stem(&script.file).to_owned()).collect();
    let entries = all.iter().zip(&stems);
    let entries = entries.map(|(script, stem)| (script.layer, stem.as_str(), script.digest));
    let standing = Standing::of(entries.collect(), options.trusted);
    let verdicts: Vec<Place> = all
        .iter()
        .zip(&stems)
        .map(|(script, stem)| standing.place(script.layer, stem, script.digest))
        .collect();
    let mut kept = Vec::new();
    for (mut script, place) in all.into_iter().zip(verdicts) {
        if place == Place::Replaced {
            continue;
        }
        script.counts = place == Place::Full;
        kept.push(script);
    }
    kept
}

/// What is known about tools: the built-in words first, then each trusted layer over the lower
/// ones, then what an untrusted workspace tightens.
pub(super) fn join_tools(
    layers: &BTreeMap<Layer, LayerRules>,
    vocabulary: &Vocabulary,
    options: &Options,
) -> BTreeMap<String, Terms> {
    let mut joined: BTreeMap<String, Terms> = BTreeMap::new();
    for layer in [Layer::BuiltIn, Layer::Workspace, Layer::User, Layer::System] {
        if layer == Layer::Workspace && !options.trusted {
            continue;
        }
        for (name, terms) in said(layers, layer, vocabulary) {
            joined.entry(name).or_default().replaced_by(terms);
        }
    }
    if !options.trusted {
        for (name, terms) in said(layers, Layer::Workspace, vocabulary) {
            let own = vocabulary.get(&name).map(|tool| tool.risk);
            joined.entry(name).or_default().tightened_by(terms, own);
        }
    }
    joined
}

fn said<'a>(
    layers: &'a BTreeMap<Layer, LayerRules>,
    layer: Layer,
    vocabulary: &'a Vocabulary,
) -> impl Iterator<Item = (String, &'a Terms)> {
    let documents = layers.get(&layer).map_or(&[][..], |rules| rules.documents.as_slice());
    documents.iter().flat_map(|document| &document.tools).map(|(name, terms)| {
        let own = vocabulary.get(name).map_or(name.as_str(), |tool| tool.name.as_str());
        (own.to_owned(), terms)
    })
}

/// How far something counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Full,
    Tightening,
    Replaced,
}

/// Who says what under which name.
struct Standing<'a> {
    trusted: bool,
    built_in: BTreeMap<&'a str, Hash>,
    /// Names that the system or the user took.
    above: BTreeSet<&'a str>,
    workspace: BTreeMap<&'a str, Hash>,
}

impl<'a> Standing<'a> {
    fn of(entries: Vec<(Layer, &'a str, Hash)>, trusted: bool) -> Self {
        let of_layer = |wanted: Layer| {
            let found = entries.iter().filter(move |(layer, ..)| *layer == wanted);
            found.map(|(_, name, digest)| (*name, *digest)).collect::<BTreeMap<_, _>>()
        };
        let above =
            entries.iter().filter(|(layer, ..)| matches!(layer, Layer::System | Layer::User));
        Self {
            trusted,
            built_in: of_layer(Layer::BuiltIn),
            above: above.map(|(_, name, _)| *name).collect(),
            workspace: of_layer(Layer::Workspace),
        }
    }

    fn place(&self, layer: Layer, name: &str, digest: Hash) -> Place {
        match layer {
            Layer::System | Layer::User => Place::Full,
            Layer::BuiltIn if self.above.contains(name) => Place::Replaced,
            Layer::BuiltIn => match self.workspace.get(name) {
                Some(theirs) if self.trusted || *theirs == digest => Place::Replaced,
                _ => Place::Full,
            },
            Layer::Workspace if self.built_in.get(name) == Some(&digest) => {
                if self.above.contains(name) { Place::Replaced } else { Place::Full }
            }
            Layer::Workspace if self.trusted => Place::Full,
            Layer::Workspace => Place::Tightening,
        }
    }
}

fn stem(file: &str) -> &str {
    let name = file.rsplit('/').next().unwrap_or_default();
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}
