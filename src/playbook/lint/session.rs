//! One lint: a playbook and those it calls, each looked at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::contracts::{Diagnostic, Hash, Severity, SourceKind};
use crate::playbook::check;
use crate::playbook::library::{Library, LibraryPlaybook, Used};
use crate::playbook::limits::LintLimits;
use crate::playbook::model::{Action, Playbook};
use crate::playbook::read::{Fragments, MISTAKES_MAX, Reader, document};
use crate::ports::Vocabulary;
use crate::yaml;

/// Most playbooks that call one another, the first one aside.
pub const CALL_DEPTH_MAX: usize = 8;

/// Most different playbooks that one calls, directly or not.
const CALLED_MAX: usize = 100;

/// Codes of mistakes that say enough about a call by themselves.
const PASSED_ON: [&str; 2] = ["call-cycle", "calls-too-deep"];

/// A playbook that was looked at.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) playbook: Option<Playbook>,
    pub(super) diagnostics: Vec<Diagnostic>,
    height: usize,
    asks: Option<String>,
    shell_inputs: BTreeSet<String>,
}

/// A playbook that is called, as far as its callers need to know.
#[derive(Debug, Clone)]
pub(in crate::playbook) enum Met {
    Good {
        playbook: Arc<Playbook>,
        /// Where a person is asked, in it or in what it calls.
        asks: Option<String>,
        /// Its inputs that get into command lines.
        shell_inputs: Vec<String>,
    },
    Bad {
        code: &'static str,
        message: String,
    },
}

/// What is kept while a playbook and those it calls are looked at.
pub(in crate::playbook) struct Session<'s> {
    vocabulary: &'s Vocabulary,
    limits: &'s LintLimits,
    library: &'s dyn Library,
    /// Files that are being looked at, each called by the one before.
    open: Vec<String>,
    /// What came of each file, and how deep calls go below it.
    met: BTreeMap<String, (Met, usize)>,
    /// How deep calls go below the file that is looked at.
    height: usize,
    sources: BTreeMap<(SourceKind, String), Used>,
    called: BTreeMap<String, Arc<Playbook>>,
}

impl<'s> Session<'s> {
    pub(super) const fn new(
        vocabulary: &'s Vocabulary,
        limits: &'s LintLimits,
        library: &'s dyn Library,
    ) -> Self {
        Self {
            vocabulary,
            limits,
            library,
            open: Vec::new(),
            met: BTreeMap::new(),
            height: 0,
            sources: BTreeMap::new(),
            called: BTreeMap::new(),
        }
    }

    pub(super) fn into_used(self) -> (Vec<Used>, BTreeMap<String, Arc<Playbook>>) {
        (self.sources.into_values().collect(), self.called)
    }

    /// The playbook that a call names.
    pub(in crate::playbook) fn playbook(&mut self, name: &str) -> Result<Named, String> {
        let found = self.library.playbook(name)?;
        let LibraryPlaybook { path, text } = found;
        Ok(Named { name: name.to_owned(), path, text })
    }

    /// Names to suggest.
    pub(in crate::playbook) fn names(&self) -> Vec<String> {
        self.library.names()
    }

    /// Looks at a playbook that the one in hand calls.
    pub(in crate::playbook) fn met(&mut self, named: &Named) -> Met {
        let path = plain(&named.path).to_owned();
        if let Some(from) = self.open.iter().position(|open| *open == path) {
            let chain: Vec<&str> =
                self.open.iter().skip(from).map(String::as_str).chain([path.as_str()]).collect();
            let message = format!("playbooks call one another: {}", chain.join(" calls "));
            return Met::Bad { code: "call-cycle", message };
        }
        let height = match self.met.get(&path) {
            Some((_, height)) => *height,
            None if self.open.len() > CALL_DEPTH_MAX => CALL_DEPTH_MAX,
            None if self.met.len() >= CALLED_MAX => {
                let message = format!("more than {CALLED_MAX} playbooks are called");
                return Met::Bad { code: "too-many-calls", message };
            }
            None => self.visit(&path, named),
        };
        self.height = self.height.max(height + 1);
        if height + self.open.len() > CALL_DEPTH_MAX {
            let message = format!("playbooks call one another more than {CALL_DEPTH_MAX} deep");
            return Met::Bad { code: "calls-too-deep", message };
        }
        let gone = || Met::Bad { code: "called-playbook", message: format!("`{path}` is gone") };
        let met = self.met.get(&path).map_or_else(gone, |(met, _)| met.clone());
        self.keep(named, &met);
        met
    }

    fn keep(&mut self, named: &Named, met: &Met) {
        let Named { name, path, text } = named.clone();
        if let Met::Good { playbook, .. } = met {
            self.called.insert(name.clone(), Arc::clone(playbook));
        }
        let kind = SourceKind::Playbook;
        self.sources.insert((kind, name.clone()), Used { kind, name, path, text });
    }

    /// Looks at a file for the first time. Returns how deep calls go below it.
    fn visit(&mut self, path: &str, named: &Named) -> usize {
        let outer = std::mem::take(&mut self.height);
        let looked = self.look(&named.path, &named.text);
        self.height = outer;
        let first = looked.diagnostics.iter().find(|one| one.severity == Severity::Error);
        let met = match (looked.playbook, first) {
            (Some(playbook), _) => Met::Good {
                asks: looked.asks,
                shell_inputs: looked.shell_inputs.into_iter().collect(),
                playbook: Arc::new(playbook),
            },
            (None, Some(first)) => bad(&named.name, first),
            (None, None) => {
                let message = format!("`{}` cannot be read", named.name);
                Met::Bad { code: "called-playbook", message }
            }
        };
        self.met.insert(path.to_owned(), (met, looked.height));
        looked.height
    }

    /// Reads and checks one file.
    pub(super) fn look(&mut self, file: &str, text: &str) -> Looked {
        if let Some(place) = nul(text) {
            let message = "the file has a NUL character, which no playbook has";
            return Looked::broken(vec![place.error(file, "nul", message)]);
        }
        let root = match yaml::parse(file, text, self.limits.yaml()) {
            Ok(root) => root,
            Err(diagnostics) => return Looked::broken(sorted(file, diagnostics)),
        };
        let fragments = Fragments::fetch(&root, self.library, self.limits.yaml());
        for (name, fragment) in fragments.there() {
            let (kind, name) = (SourceKind::Fragment, name.to_owned());
            let (path, text) = (fragment.file.clone(), fragment.text.clone());
            self.sources.insert((kind, name.clone()), Used { kind, name, path, text });
        }
        let mut reader = Reader::new(file, text, self.vocabulary, self.limits, &fragments);
        let playbook = document(&mut reader, Hash::of(text.as_bytes()), &root);
        self.open.push(plain(file).to_owned());
        if let Some(playbook) = &playbook {
            check::graph(&mut reader);
            check::calls(&mut reader, playbook, self);
            check::names(&mut reader, playbook);
            check::arguments(&mut reader, playbook);
            check::whole(&mut reader, playbook);
        }
        self.open.pop();
        let asks = playbook.as_ref().and_then(|playbook| asks(playbook, &reader));
        let shell_inputs = std::mem::take(&mut reader.shell_inputs);
        let diagnostics = sorted(file, reader.mistakes);
        let refused = diagnostics.iter().any(|one| one.severity == Severity::Error);
        let playbook = playbook.filter(|_| !refused);
        Looked { playbook, diagnostics, height: self.height, asks, shell_inputs }
    }
}

/// A playbook as a call names it.
#[derive(Debug, Clone)]
pub(in crate::playbook) struct Named {
    name: String,
    path: String,
    text: String,
}

impl Looked {
    const fn broken(diagnostics: Vec<Diagnostic>) -> Self {
        let shell_inputs = BTreeSet::new();
        Self { playbook: None, diagnostics, height: 0, asks: None, shell_inputs }
    }
}

/// The path without what does not change it.
fn plain(path: &str) -> &str {
    path.strip_prefix("./").unwrap_or(path)
}

/// One mistake at the call for all that is wrong with the called playbook.
fn bad(name: &str, first: &Diagnostic) -> Met {
    if let Some(code) = PASSED_ON.into_iter().find(|code| *code == first.code) {
        return Met::Bad { code, message: first.message.clone() };
    }
    let Diagnostic { file, line, column, message, .. } = first;
    let message = format!("`{name}` has mistakes; the first is {file}:{line}:{column}: {message}");
    Met::Bad { code: "called-playbook", message }
}

/// Where `playbook` or what it calls asks a person.
fn asks(playbook: &Playbook, reader: &Reader<'_>) -> Option<String> {
    playbook.all_steps().find_map(|step| match &step.action {
        Action::Approval { .. } => Some(format!("`{}`", step.id)),
        Action::Call { playbook, .. } => {
            reader.asking.get(playbook).map(|gate| format!("`{}` calls {gate}", step.id))
        }
        _ => None,
    })
}

/// The place of the first NUL: a YAML parser would take it for the end of the file.
fn nul(text: &str) -> Option<yaml::Place> {
    let before = text.split_once('\0')?.0;
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let narrow = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Some(yaml::Place { line: narrow(line), column: narrow(column) })
}

fn sorted(file: &str, mut diagnostics: Vec<Diagnostic>) -> Vec<Diagnostic> {
    diagnostics.sort_by(|one, other| {
        let key = |d: &Diagnostic| (d.file != file, d.file.clone(), d.line, d.column);
        key(one)
            .cmp(&key(other))
            .then_with(|| (&one.code, &one.message).cmp(&(&other.code, &other.message)))
    });
    diagnostics.dedup();
    if let Some(next) = diagnostics.get(MISTAKES_MAX).cloned() {
        diagnostics.truncate(MISTAKES_MAX);
        let message = format!("there are more than {MISTAKES_MAX} mistakes; the rest is left out");
        diagnostics.push(Diagnostic::error(
            "too-many-mistakes",
            message,
            &next.file,
            next.line,
            next.column,
        ));
    }
    diagnostics
}
