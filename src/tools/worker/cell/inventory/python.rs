//! `requirements.txt` and its kin.

use super::stock::Notes;

/// Options that say where packages come from.
const SOURCES: [&str; 6] =
    ["-i", "--index-url", "--extra-index-url", "-f", "--find-links", "--trusted-host"];

pub(super) fn is_requirements(name: &str) -> bool {
    name.strip_suffix(".txt").is_some_and(|stem| {
        stem == "requirements"
            || stem.starts_with("requirements-")
            || stem.starts_with("requirements_")
            || stem.ends_with("-requirements")
            || stem.ends_with("_requirements")
    })
}

pub(super) fn requirements(text: &str, notes: &mut Notes<'_>) -> Result<(), String> {
    let joined = text.replace("\\\r\n", " ").replace("\\\n", " ");
    joined.lines().map(without_comment).filter(|line| !line.is_empty()).for_each(|line| {
        if line.starts_with('-') {
            option(line, notes);
        } else {
            requirement(line, notes);
        }
    });
    Ok(())
}

/// A `#` begins a comment at the start of a line or behind a blank; elsewhere it is part of an address.
fn without_comment(line: &str) -> &str {
    let line = line.trim();
    match line.find(" #") {
        _ if line.starts_with('#') => "",
        Some(at) => line.get(..at).unwrap_or(line).trim(),
        None => line,
    }
}

fn option(line: &str, notes: &mut Notes<'_>) {
    let (name, value) = line.split_once([' ', '=']).unwrap_or((line, ""));
    let value = value.trim();
    match name {
        "-e" | "--editable" => requirement(value, notes),
        _ if SOURCES.contains(&name) => notes.finds("foreign_source", line),
        _ => {}
    }
}

fn requirement(line: &str, notes: &mut Notes<'_>) {
    let spec = line.split(" --").next().unwrap_or(line);
    let spec = spec.split(';').next().unwrap_or(spec).trim();
    if let Some((name, source)) = spec.split_once(" @ ") {
        return foreign(name.trim(), source.trim(), notes);
    }
    let is_path =
        spec.starts_with(['.', '/']) || spec.ends_with(".whl") || spec.ends_with(".tar.gz");
    if spec.contains("://") || is_path {
        let name = spec.split("#egg=").nth(1).unwrap_or(spec);
        return foreign(name, spec, notes);
    }
    let end = spec.find(|c: char| "=<>!~ [(".contains(c)).unwrap_or(spec.len());
    let (name, rest) = spec.split_at(end);
    let asked = rest.find(|c: char| "=<>!~".contains(c)).and_then(|at| rest.get(at..));
    let asked = asked.unwrap_or_default().trim();
    let exact = asked.strip_prefix("==").map(|it| it.trim_start_matches('=').trim());
    let pinned = exact.filter(|version| !version.contains(['*', ',', '<', '>']));
    notes.depends(name, pinned.unwrap_or(asked), "registry");
    if pinned.is_none() {
        let asked = if asked.is_empty() { "any version" } else { asked };
        notes.finds("unpinned", &format!("{name}: {asked}"));
    }
}

fn foreign(name: &str, source: &str, notes: &mut Notes<'_>) {
    notes.depends(name, "", source);
    notes.finds("foreign_source", &format!("{name} from {source}"));
}
