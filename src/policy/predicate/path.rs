//! `path: {zone, access, glob, under}`.

use std::fmt;
use std::path::{Path, PathBuf};

use super::{Globs, choices};
use crate::contracts::Diagnostic;
use crate::policy::case::Case;
use crate::policy::lexical::without_dots;
use crate::policy::truth::{Reading, Truth};
use crate::policy::{PathFact, Zone};
use crate::ports::PathAccess;
use crate::yaml::{Fields, Node, Place};

pub(in crate::policy) const ACCESS: [(&str, PathAccess); 4] = [
    ("read", PathAccess::Read),
    ("write", PathAccess::Write),
    ("delete", PathAccess::Delete),
    ("exec", PathAccess::Exec),
];

/// What a path must be.
#[derive(Debug, Clone)]
pub(in crate::policy) struct PathIs {
    zone: Option<Vec<Zone>>,
    access: Option<Vec<PathAccess>>,
    glob: Option<Globs>,
    under: Option<Vec<String>>,
}

impl PathIs {
    pub(super) fn read(file: &str, node: &Node, mistakes: &mut Vec<Diagnostic>) -> Option<Self> {
        let mut fields = Fields::of(file, "`path`", node, mistakes)?;
        let zone = choices(file, &mut fields, "zone", &Zone::WORDS, mistakes);
        let access = choices(file, &mut fields, "access", &ACCESS, mistakes);
        let glob = fields.texts("glob", mistakes);
        let glob = glob.map(|texts| Globs::compile(file, "glob", texts, mistakes));
        let under = fields.texts("under", mistakes).map(|texts| places(file, texts, mistakes));
        fields.finish(mistakes);
        if zone.is_none() && access.is_none() && glob.is_none() && under.is_none() {
            let message = "`path` names nothing: give it `zone`, `access`, `glob` or `under`";
            mistakes.push(node.error(file, "empty-predicate", message));
        }
        Some(Self { zone, access, glob, under })
    }

    pub(super) fn holds(&self, case: &Case<'_>, reading: Reading) -> Truth {
        let missing = case.paths_missing();
        reading.over(&case.request.paths, missing, |path| Truth::of(self.fits(case, path)))
    }

    /// Whether one path meets it.
    pub(super) fn fits(&self, case: &Case<'_>, path: &PathFact) -> bool {
        self.zone.as_ref().is_none_or(|zones| zones.contains(&path.zone))
            && self.access.as_ref().is_none_or(|accesses| accesses.contains(&path.access))
            && self.glob.as_ref().is_none_or(|globs| matches_glob(globs, path))
            && self.under.as_ref().is_none_or(|places| {
                places.iter().any(|place| is_under(place, path, &case.request.walls.root))
            })
    }

    pub(super) fn found(case: &Case<'_>) -> String {
        describe(&case.request.paths)
    }
}

/// Paths in messages: `reports/a.md (write, workspace)`.
pub(in crate::policy) fn describe(paths: &[PathFact]) -> String {
    if paths.is_empty() {
        return "no path".to_owned();
    }
    let each = paths.iter().map(|path| {
        format!("`{}` ({}, {})", path.text, access_word(path.access), path.zone.as_str())
    });
    each.collect::<Vec<_>>().join(", ")
}

/// The word for an access.
pub(in crate::policy) fn access_word(access: PathAccess) -> &'static str {
    ACCESS.iter().find(|(_, known)| *known == access).map_or("", |(word, _)| word)
}

fn places(file: &str, texts: Vec<(&str, Place)>, mistakes: &mut Vec<Diagnostic>) -> Vec<String> {
    let mut places = Vec::new();
    for (text, place) in texts {
        if text.is_empty() || text.contains(['*', '?', '[']) {
            let message = format!("`under` takes directories, and `{text}` is none");
            mistakes
                .push(place.error(file, "bad-value", message).suggest("use `glob` for patterns"));
        } else {
            places.push(text.to_owned());
        }
    }
    places
}

fn matches_glob(globs: &Globs, path: &PathFact) -> bool {
    globs.is_match(&path.resolved.to_string_lossy())
        || path.relative.as_ref().is_some_and(|relative| globs.is_match(relative))
        || (path.text.starts_with('~') && globs.is_match(&path.text))
}

/// Whether `path` is inside `place`: absolute, or from the workspace root.
pub(in crate::policy) fn is_under(place: &str, path: &PathFact, root: &Path) -> bool {
    if let Some(rest) = place.strip_prefix("~/") {
        let text = path.text.strip_prefix("~/").map(|text| without_dots(Path::new(text)));
        return text.is_some_and(|text| text.starts_with(without_dots(Path::new(rest))));
    }
    let place: PathBuf = without_dots(&root.join(place));
    path.resolved.starts_with(place)
}

impl fmt::Display for PathIs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if let Some(zones) = &self.zone {
            let words: Vec<_> = zones.iter().map(|zone| zone.as_str()).collect();
            parts.push(format!("zone {}", words.join(" or ")));
        }
        if let Some(accesses) = &self.access {
            let words: Vec<_> = accesses.iter().map(|access| access_word(*access)).collect();
            parts.push(format!("access {}", words.join(" or ")));
        }
        if let Some(globs) = &self.glob {
            parts.push(format!("glob {}", globs.written().join(" or ")));
        }
        if let Some(places) = &self.under {
            parts.push(format!("under {}", places.join(" or ")));
        }
        write!(f, "a path with {}", parts.join(", "))
    }
}
