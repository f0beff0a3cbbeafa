//! `policy check`: every mistake, before it is in force.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;

use super::tested::{above, place};
use crate::app::PolicyInputs;
use crate::cli::diagnostics::{Format, render};
use crate::cli::{CliError, Cx, Exit, output};
use crate::contracts::{Diagnostic, Severity};
use crate::live::read_rules;
use crate::policy::{Source, SourceKind, built_in, check_tests, compile};

/// What to check, and how to say it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files or directories of rules; the workspace's where none is named.
    paths: Vec<PathBuf>,
    /// How to write mistakes.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Leave out the tests beside the rules.
    #[arg(long)]
    no_tests: bool,
}

pub(super) fn run(
    args: &Args,
    cx: &Cx,
    inputs: &PolicyInputs,
    out: &mut dyn Write,
) -> Result<Exit, CliError> {
    let (mistakes, rules, files) = look(args, cx, inputs)?;
    let format = if cx.json && args.format == Format::Text { Format::Json } else { args.format };
    let source = |file: &str| content(file, &files);
    output::painted(out, &render(&mistakes, &source, format, cx.color))?;
    if format == Format::Text {
        output::text(out, &summary(&mistakes, rules))?;
    }
    let broken = mistakes.iter().any(|mistake| mistake.severity == Severity::Error);
    Ok(if broken { Exit::Usage } else { Exit::Done })
}

type Files = Vec<(String, Vec<u8>)>;

/// Each named path is a set of its own; the workspace's directory is one, as it is when it decides.
fn look(
    args: &Args,
    cx: &Cx,
    inputs: &PolicyInputs,
) -> Result<(Vec<Diagnostic>, usize, Files), CliError> {
    let mut places: Vec<(PathBuf, String)> = Vec::new();
    for path in &args.paths {
        let absolute = cx.cwd.join(path);
        if !absolute.exists() {
            let message = format!("there is no file or directory `{}`", path.display());
            return Err(CliError::usage(message));
        }
        places.push((absolute, path.display().to_string()));
    }
    let workspace = inputs.dirs.workspace.iter().filter(|dir| places.is_empty() && dir.exists());
    let workspace: Vec<_> = workspace.map(|dir| (dir.clone(), "policies".to_owned())).collect();
    places.extend(workspace);
    let (mut mistakes, mut rules, mut files) = (Vec::new(), 0, Files::new());
    for (path, shown) in &places {
        let (sources, mut found) = read_rules(path, shown);
        if found.is_empty() {
            rules += judged(&sources, args.no_tests, inputs, &mut found);
        }
        files.extend(sources.into_iter().map(|source| (source.path, source.bytes)));
        mistakes.extend(found);
    }
    if places.is_empty() {
        rules = compile(&built_in(), &inputs.vocabulary, &inputs.options)
            .map_err(|found| CliError::usage("the built-in rules are broken").with(found))?
            .rules()
            .len();
    }
    Ok((mistakes, rules, files))
}

/// Notes what is wrong with the rules of one place, seen beside those of the layers above, and with
/// its tests. Returns how many rules it has.
fn judged(
    sources: &[Source],
    no_tests: bool,
    inputs: &PolicyInputs,
    found: &mut Vec<Diagnostic>,
) -> usize {
    let own = |one: &Diagnostic| sources.iter().any(|source| source.path == one.file);
    let above = match above(inputs) {
        Ok(above) => above,
        Err(error) => {
            found.extend(error.diagnostics);
            Vec::new()
        }
    };
    let alone = |extra: &[Source]| {
        let all: Vec<Source> = extra.iter().chain(sources).cloned().collect();
        compile(&all, &inputs.vocabulary, &inputs.options)
    };
    // By itself first: rules of other layers do not make up for what is missing here.
    let rules = match alone(&[]) {
        Ok(set) => set.rules().len(),
        Err(all) => {
            found.extend(all);
            return 0;
        }
    };
    match alone(&above) {
        Ok(set) => found.extend(set.warnings().iter().filter(|one| own(one)).cloned()),
        Err(all) => found.extend(all.into_iter().filter(|one| !own(one))),
    }
    if no_tests || !sources.iter().any(|source| source.kind() == SourceKind::Tests) {
        return rules;
    }
    match place(sources.to_vec(), Vec::new(), inputs) {
        Ok(tested) => found.extend(check_tests(&tested.set, &tested.tests)),
        Err(error) => found.extend(error.diagnostics.into_iter().filter(|one| !own(one))),
    }
    rules
}

fn content(file: &str, files: &Files) -> Option<String> {
    let (_, bytes) = files.iter().find(|(path, _)| path == file)?;
    Some(String::from_utf8_lossy(bytes).into_owned())
}

fn summary(mistakes: &[Diagnostic], rules: usize) -> String {
    let errors = mistakes.iter().filter(|found| found.severity == Severity::Error).count();
    let warnings = mistakes.len() - errors;
    let files: BTreeSet<&str> = mistakes.iter().map(|found| found.file.as_str()).collect();
    match (errors, warnings) {
        (0, 0) => format!("{rules} rules, no mistakes\n"),
        (0, _) => format!("{rules} rules, {warnings} warnings\n"),
        _ => format!("{errors} errors and {warnings} warnings in {} files\n", files.len()),
    }
}
