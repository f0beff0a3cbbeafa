//! Code that programs are told to load: `java -javaagent:x.jar`, `gradle -I init.gradle`.

use super::{Scope, Walker, Word};
use crate::command::table::{LOADS, Loads};

/// Plugins of a build whose purpose is to run anything.
const RUNNING_GOALS: [&str; 6] = [
    "exec:exec",
    "antrun:run",
    "groovy:execute",
    "gmaven:execute",
    "gmavenplus:execute",
    "script:execute",
];

/// Groups whose plugins of a build are known.
const KNOWN_GROUPS: [&str; 4] = [
    "org.apache.maven.plugins",
    "org.codehaus.mojo",
    "org.springframework.boot",
    "com.diffplug.spotless",
];

impl Walker {
    /// Notes the files that `program` is told to run, and what hides what it does.
    pub(super) fn loads(&mut self, scope: &Scope, program: &str, args: &[Word]) {
        for (_, flags, loads) in LOADS.iter().filter(|(names, ..)| names.contains(&program)) {
            for (at, word) in args.iter().enumerate().filter(|(_, word)| word.text.starts_with('-'))
            {
                let Some(file) = value(flags, word, args.get(at + 1)) else { continue };
                match loads {
                    Loads::Hidden => self.hide(format!("`{program} {}` loads code", word.text)),
                    Loads::File => self.loaded(scope, program, &file),
                }
            }
        }
        if matches!(program, "mvn" | "mvnw") && args.iter().any(|word| runs_anything(&word.text)) {
            self.hide(format!("`{program}` is told to run a program"));
        }
        if args.iter().any(|word| {
            ["pre-invoke", "post-invoke", "pre-install-pkgs"]
                .iter()
                .any(|hook| word.text.to_ascii_lowercase().contains(hook))
        }) {
            self.hide(format!("`{program}` is told what runs before or after"));
        }
    }

    fn loaded(&mut self, scope: &Scope, program: &str, file: &Word) {
        if file.open {
            self.hide(format!("`{program}` loads a file that is not known: `{}`", file.text));
            return;
        }
        let Some(mut leaf) = self.leaves.pop() else { return };
        for path in file.text.split([':', '=', ',']).filter(|path| !path.is_empty()) {
            self.executes(scope, &mut leaf, path);
        }
        self.leaves.push(leaf);
    }
}

/// What stands behind one of `flags`: attached, or the next word.
fn value(flags: &[&str], word: &Word, next: Option<&Word>) -> Option<Word> {
    let text = word.text.as_str();
    flags.iter().find_map(|flag| {
        let rest = text.strip_prefix(flag)?;
        if flag.ends_with([':', '=']) {
            return Some(word.after(flag.len()));
        }
        if rest.is_empty() {
            return next.cloned();
        }
        if rest.starts_with('=') {
            return Some(word.after(flag.len() + 1));
        }
        (flag.len() == 2 && rest.starts_with(['/', '.', '~'])).then(|| word.after(2))
    })
}

/// Whether a goal of a build runs any program.
fn runs_anything(goal: &str) -> bool {
    let foreign = goal.matches(':').count() >= 2
        && !goal.starts_with('-')
        && !KNOWN_GROUPS.iter().any(|group| goal.starts_with(group));
    foreign
        || RUNNING_GOALS.contains(&goal)
        || goal.contains("exec-maven-plugin") && goal.ends_with(":exec")
        || goal.contains("antrun")
}
