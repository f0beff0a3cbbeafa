//! From files to a set that decides: parse, check, try the examples, join the layers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::document::{self, Document};
use super::fingerprint::policy_hash;
use super::layers::{join_rules, join_scripts, join_tools};
use super::lint::lint;
use super::rule::Rule;
use super::script::{Script, ScriptEngine, load};
use super::source::SourceKind;
use super::{Layer, Options, PolicySet, Source};
use crate::contracts::{Diagnostic, Severity};
use crate::ports::{ToolDescriptor, Vocabulary};

/// Files that were read before. Reading one tries its examples, which is most of the work of compiling:
/// an edit of one file reads no other again. Good for one vocabulary and one profile.
#[derive(Debug, Default)]
pub struct ReadFiles(BTreeMap<(Layer, String), ReadFile>);

/// A file with what it says, and what is wrong with it by itself.
#[derive(Debug)]
struct ReadFile {
    bytes: Vec<u8>,
    says: Says,
    mistakes: Vec<Diagnostic>,
}

#[derive(Debug, Clone)]
enum Says {
    Rules(Document),
    Script(Option<Script>),
    Nothing,
}

impl ReadFiles {
    /// Forgets every file that is none of these.
    pub fn keep<'a>(&mut self, sources: impl Iterator<Item = &'a Source>) {
        let names: BTreeSet<(Layer, &str)> =
            sources.map(|source| (source.layer, source.path.as_str())).collect();
        self.0.retain(|(layer, path), _| names.contains(&(*layer, path.as_str())));
    }

    fn read(
        &mut self,
        source: &Source,
        engine: &ScriptEngine,
        vocabulary: &Vocabulary,
        options: &Options,
    ) -> &ReadFile {
        let read = || {
            let mut mistakes = Vec::new();
            let says = match source.kind() {
                SourceKind::Rules => {
                    Says::Rules(document::read(source, vocabulary, options, &mut mistakes))
                }
                SourceKind::Script => Says::Script(load(engine, source, &mut mistakes)),
                SourceKind::Tests | SourceKind::Other => Says::Nothing,
            };
            ReadFile { bytes: source.bytes.clone(), says, mistakes }
        };
        let key = (source.layer, source.path.clone());
        let known = self.0.entry(key).or_insert_with(read);
        if known.bytes != source.bytes {
            *known = read();
        }
        known
    }
}

/// What one layer says.
#[derive(Debug, Default)]
pub(super) struct LayerRules {
    pub(super) documents: Vec<Document>,
    pub(super) scripts: Vec<Script>,
}

/// Compiles `sources` for `options`. Nothing of them is used unless all of it is sound.
///
/// # Errors
/// Every mistake in every file, with warnings among them.
pub fn compile(
    sources: &[Source],
    vocabulary: &Vocabulary,
    options: &Options,
) -> Result<PolicySet, Vec<Diagnostic>> {
    compile_with(&mut ReadFiles::default(), sources, vocabulary, options)
}

/// The same, reading only files that are not as they were in `known`.
///
/// # Errors
/// As [`compile`].
pub fn compile_with(
    known: &mut ReadFiles,
    sources: &[Source],
    vocabulary: &Vocabulary,
    options: &Options,
) -> Result<PolicySet, Vec<Diagnostic>> {
    let engine = ScriptEngine::shared();
    let mut mistakes = Vec::new();
    let mut layers: BTreeMap<Layer, LayerRules> = BTreeMap::new();
    let mut sorted: Vec<&Source> = sources.iter().collect();
    sorted.sort_by(|a, b| (a.layer, &a.path).cmp(&(b.layer, &b.path)));
    for source in &sorted {
        let layer = layers.entry(source.layer).or_default();
        let read = known.read(source, &engine, vocabulary, options);
        mistakes.extend_from_slice(&read.mistakes);
        match read.says.clone() {
            Says::Rules(document) => layer.documents.push(document),
            Says::Script(script) => layer.scripts.extend(script),
            Says::Nothing => {}
        }
    }
    for (layer, rules) in &layers {
        duplicates(rules, &mut mistakes);
        empty(*layer, rules, &sorted, &mut mistakes);
    }
    lint(&layers, vocabulary, &mut mistakes);
    if layers.is_empty() {
        mistakes.push(Diagnostic::error("zero-rules", "there are no rules at all", "", 1, 1));
    }
    mistakes.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
    if mistakes.iter().any(|mistake| mistake.severity == Severity::Error) {
        return Err(mistakes);
    }
    let tools = join_tools(&layers, vocabulary, options);
    let scripts = join_scripts(&mut layers, options);
    let (rules, muted) = join_rules(layers, options);
    Ok(PolicySet {
        about: about(&rules, vocabulary),
        watch: None,
        walls: Arc::default(),
        hash: policy_hash(&sorted, vocabulary, options),
        rules,
        scripts,
        engine,
        tools,
        vocabulary: vocabulary.clone(),
        options: Arc::new(options.clone()),
        warnings: mistakes,
        muted,
    })
}

/// Which rules may be about which tool: most are about few, and are not asked about others.
pub(super) fn about(rules: &[Rule], vocabulary: &Vocabulary) -> BTreeMap<String, Vec<usize>> {
    let of = |tool: &ToolDescriptor| {
        let names = || std::iter::once(&tool.name).chain(&tool.aliases).map(String::as_str);
        let may = |rule: &Rule| rule.on.as_ref().is_none_or(|on| on.is_about(names()));
        rules.iter().enumerate().filter(|(_, rule)| may(rule)).map(|(at, _)| at).collect()
    };
    vocabulary.tools().map(|tool| (tool.name.clone(), of(tool))).collect()
}

/// The same id twice in one layer: which one would a reason name?
fn duplicates(layer: &LayerRules, mistakes: &mut Vec<Diagnostic>) {
    let mut first: BTreeMap<&str, (&str, u32)> = BTreeMap::new();
    let rules = layer.documents.iter().flat_map(|document| &document.rules);
    let named = rules.map(|rule| (rule.id.as_str(), rule.file.as_str(), rule.place.line));
    let scripted = layer.scripts.iter().flat_map(|script| {
        script.rules.iter().map(|rule| (rule.id.as_str(), script.file.as_str(), rule.line))
    });
    for (id, file, line) in named.chain(scripted) {
        match first.get(id) {
            Some((other, at)) => {
                let message = format!("the id `{id}` is taken: {other}:{at} has it too");
                mistakes.push(Diagnostic::error("duplicate-id", message, file, line, 1));
            }
            None => {
                first.insert(id, (file, line));
            }
        }
    }
}

/// Files without a rule between them: more likely a slip than a wish.
fn empty(layer: Layer, rules: &LayerRules, sources: &[&Source], mistakes: &mut Vec<Diagnostic>) {
    let broken: BTreeSet<&str> = mistakes.iter().map(|mistake| mistake.file.as_str()).collect();
    let files: Vec<&str> = sources
        .iter()
        .filter(|source| source.layer == layer)
        .map(|source| source.path.as_str())
        .collect();
    let none = rules.documents.iter().all(|document| document.rules.is_empty())
        && rules.scripts.iter().all(|script| script.rules.is_empty());
    if none && !files.iter().any(|file| broken.contains(file)) {
        let file = files.first().copied().unwrap_or_default();
        let message =
            format!("there is no rule in the {} layer: that would decide nothing", layer.as_str());
        let help = "remove the files, or write a rule";
        mistakes.push(Diagnostic::error("zero-rules", message, file, 1, 1).suggest(help));
    }
}
