//! What a directory is a project of, and the commands that build, test and look at it. None of them
//! needs a network.

use std::path::Path;

use super::args::Action;

struct Project {
    /// A file at the top that tells it.
    mark: &'static str,
    build: &'static [&'static str],
    test: &'static [&'static str],
    analyse: &'static [&'static str],
}

/// In the order in which they are looked for; an empty command is none.
const PROJECTS: [Project; 7] = [
    Project {
        mark: "Cargo.toml",
        build: &["cargo", "build", "--offline"],
        test: &["cargo", "test", "--offline"],
        analyse: &["cargo", "clippy", "--offline"],
    },
    Project {
        mark: "package.json",
        build: &["npm", "run", "build", "--offline"],
        test: &["npm", "test", "--offline"],
        analyse: &["npm", "run", "lint", "--offline"],
    },
    Project {
        mark: "go.mod",
        build: &["go", "build", "./..."],
        test: &["go", "test", "./..."],
        analyse: &["go", "vet", "./..."],
    },
    Project {
        mark: "pyproject.toml",
        build: &["pip", "wheel", "--no-deps", "--no-index", "--no-build-isolation", "."],
        test: &["python3", "-m", "pytest"],
        analyse: &["ruff", "check", "."],
    },
    Project {
        mark: "setup.py",
        build: &["pip", "wheel", "--no-deps", "--no-index", "--no-build-isolation", "."],
        test: &["python3", "-m", "pytest"],
        analyse: &["ruff", "check", "."],
    },
    Project {
        mark: "requirements.txt",
        build: &[],
        test: &["python3", "-m", "pytest"],
        analyse: &["ruff", "check", "."],
    },
    Project { mark: "Makefile", build: &["make"], test: &["make", "test"], analyse: &[] },
];

/// The command for `action` on what lies in `dir`.
///
/// # Errors
/// With what was looked for.
pub(super) fn command(action: Action, dir: &Path) -> Result<Vec<String>, String> {
    let of = |project: &Project| match action {
        Action::Build => project.build,
        Action::Test => project.test,
        Action::Analyse => project.analyse,
        Action::Download | Action::Unpack | Action::Scan | Action::Command => &[],
    };
    let found = PROJECTS.iter().filter(|project| dir.join(project.mark).is_file());
    let command = found.map(of).find(|command| !command.is_empty());
    command.map(|words| words.iter().map(|word| (*word).to_owned()).collect()).ok_or_else(|| {
        let marks: Vec<&str> = PROJECTS.iter().map(|project| project.mark).collect();
        let action = action.as_str();
        format!("nothing here says how to {action} it: none of `{}`", marks.join("`, `"))
    })
}

/// The marks, for dry runs.
pub(super) fn marks() -> String {
    PROJECTS.map(|project| project.mark).join(", ")
}
