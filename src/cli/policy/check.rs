//! `policy check`: every mistake, before it is in force.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::PathBuf;

use crate::app::PolicyInputs;
use crate::cli::diagnostics::{Format, render};
use crate::cli::{CliError, Cx, Exit, output};
use crate::contracts::{Diagnostic, Severity};
use crate::live::read_rules;
use crate::policy::{built_in, compile};

/// What to check, and how to say it.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Files or directories of rules; the workspace's where none is named.
    paths: Vec<PathBuf>,
    /// How to write mistakes.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
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
            match compile(&sources, &inputs.vocabulary, &inputs.options) {
                Ok(set) => {
                    rules += set.rules().len();
                    found.extend_from_slice(set.warnings());
                }
                Err(all) => found.extend(all),
            }
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
