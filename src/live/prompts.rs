//! Prompts that people edit: the file of the workspace where it is good, else its last good version, else
//! the one inside the program.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::contracts::Hash;
use crate::prompt::{Template, TemplateError};

/// The directory inside a workspace.
pub const DIRECTORY: &str = "prompts";

/// The prompts inside the program, by name.
pub const SHIPPED: [(&str, &str); 1] = [("plan.md", include_str!("../../prompts/plan.md"))];

/// Largest prompt, in bytes.
const BYTES_MAX: u64 = 64 * 1024;

/// The prompts of a workspace.
#[derive(Debug)]
pub struct LivePrompts {
    /// Absent where the workspace is not trusted: a prompt governs what is planned.
    dir: Option<PathBuf>,
    good: Mutex<BTreeMap<&'static str, Good>>,
}

/// A version that is good, and the newest text that was looked at.
#[derive(Debug, Clone)]
struct Good {
    seen: Hash,
    template: Arc<Template>,
}

impl LivePrompts {
    /// Those of the workspace at `root`, where it is trusted; else those inside the program.
    #[must_use]
    pub fn new(root: &Path, trusted: bool) -> Self {
        let dir = trusted.then(|| root.join(DIRECTORY));
        Self { dir, good: Mutex::new(BTreeMap::new()) }
    }

    /// The prompt `name` as it counts now. Blocks.
    ///
    /// # Errors
    /// When there is no such prompt inside the program, or that one is broken.
    pub fn get(&self, name: &str) -> Result<Arc<Template>, TemplateError> {
        let Some((name, shipped)) = SHIPPED.into_iter().find(|(known, _)| *known == name) else {
            let reason = "the program has no such prompt".to_owned();
            return Err(TemplateError::FrontMatter { name: name.to_owned(), reason });
        };
        let mut good = self.good.lock().unwrap_or_else(PoisonError::into_inner);
        let text = self.text(name).unwrap_or_else(|| shipped.to_owned());
        let seen = Hash::of(text.as_bytes());
        if let Some(known) = good.get(name).filter(|known| known.seen == seen) {
            return Ok(Arc::clone(&known.template));
        }
        let template = match (Template::parse(name, &text), good.get(name)) {
            (Ok(template), _) => Arc::new(template),
            (Err(error), Some(known)) => {
                tracing::warn!("{error}; its last good version counts");
                Arc::clone(&known.template)
            }
            (Err(error), None) => {
                tracing::warn!("{error}; the one inside the program counts");
                Arc::new(Template::parse(name, shipped)?)
            }
        };
        good.insert(name, Good { seen, template: Arc::clone(&template) });
        Ok(template)
    }

    /// What the workspace has, if it has one that can be read.
    fn text(&self, name: &str) -> Option<String> {
        let path = self.dir.as_ref()?.join(name);
        match read(&path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => {
                tracing::warn!("cannot read `{}`: {error}", path.display());
                None
            }
        }
    }
}

fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > BYTES_MAX {
        return Err(io::Error::other(format!("it is larger than {BYTES_MAX} bytes")));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::contracts::Map;

    const EDITED: &str = "---\ndescription: d\ntokens_max: 50\n---\nPlan little.\n";

    fn shown(prompts: &LivePrompts) -> String {
        let template = prompts.get("plan.md").unwrap();
        template.render(&Map::new()).unwrap_or_else(|_| "the program's own".to_owned())
    }

    #[test]
    fn an_edit_counts_from_the_next_use_and_a_broken_one_never() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(DIRECTORY)).unwrap();
        let file = dir.path().join("prompts/plan.md");
        let prompts = LivePrompts::new(dir.path(), true);
        assert_eq!(shown(&prompts), "the program's own");
        fs::write(&file, "no front matter").unwrap();
        assert_eq!(shown(&prompts), "the program's own");
        fs::write(&file, EDITED).unwrap();
        assert_eq!(shown(&prompts), "Plan little.\n");
        fs::write(&file, EDITED.replace("little", "{{ little")).unwrap();
        assert_eq!(shown(&prompts), "Plan little.\n");
        fs::write(&file, "x".repeat(100_000)).unwrap();
        assert_eq!(shown(&prompts), "the program's own");
        assert!(prompts.get("other.md").is_err());
    }

    #[test]
    fn a_workspace_that_nobody_trusts_has_no_prompts_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join(DIRECTORY)).unwrap();
        fs::write(dir.path().join("prompts/plan.md"), EDITED).unwrap();
        assert_eq!(shown(&LivePrompts::new(dir.path(), false)), "the program's own");
    }

    #[test]
    fn every_prompt_inside_the_program_is_good() {
        for (name, text) in SHIPPED {
            Template::parse(name, text).unwrap_or_else(|error| panic!("{error}"));
        }
    }
}
