//! What a command gets from the network and then runs, builds or installs.

use super::{Deed, Leaf, Scope, Walker, Word, plain};
use crate::command::words::Sorted;

/// Programs that build by a recipe that they find by themselves.
const BUILDERS: [&str; 20] = [
    "make", "gmake", "npm", "yarn", "pnpm", "bun", "cargo", "just", "rake", "cmake", "mvn",
    "gradle", "pip", "pip3", "task", "bundle", "composer", "ninja", "poetry", "uv",
];

const RECIPES: [&str; 12] = [
    "Makefile",
    "makefile",
    "GNUmakefile",
    "package.json",
    "setup.py",
    "build.rs",
    "Cargo.toml",
    "justfile",
    "Rakefile",
    "CMakeLists.txt",
    "pom.xml",
    "Taskfile.yml",
];

/// Programs that run or install what their words name.
const INSTALLERS: [&str; 38] = [
    "dpkg",
    "rpm",
    "apt",
    "apt-get",
    "dnf",
    "yum",
    "zypper",
    "pacman",
    "apk",
    "snap",
    "flatpak",
    "installer",
    "brew",
    "pip",
    "pip3",
    "pipx",
    "uv",
    "npm",
    "pnpm",
    "yarn",
    "bun",
    "gem",
    "cargo",
    "code",
    "msiexec",
    "npx",
    "bunx",
    "uvx",
    "insmod",
    "gdebi",
    "alien",
    "helm",
    "docker",
    "podman",
    "kubectl",
    "oc",
    "ansible-playbook",
    "terraform",
];

/// Verbs by which they do.
const INSTALLS: [&str; 14] = [
    "install",
    "i",
    "add",
    "-i",
    "-U",
    "-ivh",
    "-Uvh",
    "--install",
    "localinstall",
    "load",
    "import",
    "apply",
    "-pkg",
    "create",
];

/// Programs that get what their words name, beside those whose hosts are known.
const DOWNLOADERS: [&str; 14] = [
    "lwp-download",
    "lwp-request",
    "aria2c",
    "axel",
    "fetch",
    "http",
    "https",
    "xh",
    "gdown",
    "get",
    "lftpget",
    "puf",
    "certutil",
    "bitsadmin",
];

/// Programs that run a package after getting it, whatever it is.
const RUNNERS: [&str; 6] = ["npx", "bunx", "pnpx", "uvx", "pipx", "go"];

/// Packages that so many projects run that nobody needs to look.
const KNOWN_PACKAGES: [&str; 62] = [
    "eslint",
    "prettier",
    "tsc",
    "typescript",
    "jest",
    "vitest",
    "vite",
    "prisma",
    "playwright",
    "cypress",
    "webpack",
    "rollup",
    "esbuild",
    "mocha",
    "nx",
    "turbo",
    "lerna",
    "serve",
    "http-server",
    "nodemon",
    "concurrently",
    "lint-staged",
    "husky",
    "black",
    "ruff",
    "mypy",
    "isort",
    "flake8",
    "pytest",
    "tox",
    "nox",
    "pre-commit",
    "build",
    "twine",
    "cookiecutter",
    "poetry",
    "pipenv",
    "cowsay",
    "ts-node",
    "tsx",
    "swc",
    "@biomejs/biome",
    "stylelint",
    "markdownlint",
    "markdownlint-cli",
    "markdownlint-cli2",
    "depcheck",
    "npm-check-updates",
    "ncu",
    "sort-package-json",
    "typedoc",
    "storybook",
    "tailwindcss",
    "next",
    "nuxt",
    "astro",
    "sass",
    "drizzle-kit",
    "knip",
    "c8",
    "pyright",
    "yamllint",
];

impl Walker {
    /// Whether a program runs what the command got from the network: the recipe that it finds by
    /// itself, a package among its words, or what a URL among them has.
    pub(super) fn builds_fetched(&self, leaf: &Leaf) -> bool {
        const RUNNERS: [&str; 4] = ["npx", "bunx", "uvx", "pipx"];
        let program = leaf.program.as_str();
        let recipe = || RECIPES.iter().any(|name| self.wrote(name) == Some(true));
        let url = || leaf.positional.iter().any(|word| word.contains("://"));
        let builds_url = || {
            matches!(program, "docker" | "podman" | "buildah" | "nerdctl")
                && leaf.positional.iter().any(|word| word == "build" || word == "bud")
                && url()
        };
        let installs = || {
            leaf.argv.iter().any(|word| INSTALLS.contains(&word.as_str()))
                && leaf.argv.iter().any(|word| self.wrote(word) == Some(true))
        };
        BUILDERS.contains(&program) && recipe()
            || builds_url()
            || RUNNERS.contains(&program) && url()
            || INSTALLERS.contains(&program) && installs()
    }

    /// Whether a program reads what the command itself got from the network.
    pub(super) fn reads_fetched(&self, leaf: &Leaf, fetched: bool) -> bool {
        fetched || leaf.argv.iter().any(|word| self.wrote(word) == Some(true))
    }

    /// Remembers what is saved under the last part of its URL, and directories that are cloned.
    pub(super) fn remember_downloads(&mut self, scope: &Scope, leaf: &Leaf) {
        let clones = matches!(leaf.program.as_str(), "git" | "hg" | "svn")
            && leaf
                .positional
                .iter()
                .take(1)
                .any(|verb| matches!(verb.as_str(), "clone" | "checkout" | "co" | "export"))
            || matches!(leaf.program.as_str(), "gh" | "glab")
                && leaf.positional.get(1).is_some_and(|verb| verb == "clone");
        let downloads =
            leaf.does.contains(&Deed::Fetch) || DOWNLOADERS.contains(&leaf.program.as_str());
        let copies = matches!(leaf.program.as_str(), "scp" | "rsync" | "sftp");
        let names = leaf.positional.iter().skip(usize::from(clones));
        let remote = |word: &str| word.contains("://") || copies && word.contains(':');
        for word in names.filter(|word| clones || downloads && remote(word)) {
            let name = word.split(['?', '#']).next().unwrap_or_default();
            let name = name.trim_end_matches('/').rsplit(['/', ':']).next().unwrap_or_default();
            let name = name.strip_suffix(".git").unwrap_or(name);
            if name.is_empty() || name == "." {
                continue;
            }
            for path in scope.paths(name).into_iter().flatten() {
                let path = plain(&path).to_owned();
                if clones {
                    self.cloned.push(path);
                } else {
                    self.written.push((path, true));
                }
            }
        }
        if BUILDERS.contains(&leaf.program.as_str())
            && leaf.cwd.as_deref().is_some_and(|cwd| self.is_cloned(cwd))
        {
            self.hide(format!("`{}` runs what was just cloned", leaf.program));
        }
    }
}

/// Whether a program makes files out of one that it reads.
pub(super) fn unpacks(leaf: &Leaf) -> bool {
    const UNPACKERS: [&str; 18] = [
        "tar",
        "gtar",
        "bsdtar",
        "unzip",
        "7z",
        "cpio",
        "gunzip",
        "bunzip2",
        "unxz",
        "unzstd",
        "ar",
        "unrar",
        "dpkg-deb",
        "zipfile",
        "tarfile",
        "unar",
        "cabextract",
        "unsquashfs",
    ];
    UNPACKERS.contains(&leaf.program.as_str())
        || matches!(leaf.program.as_str(), "gzip" | "xz" | "bzip2" | "zstd")
            && leaf.flags.iter().any(|flag| flag == "d" || flag == "decompress")
}

/// Whether a wrapper gets a package that nobody knows, and runs it.
pub(super) fn gets_and_runs(program: &str, sorted: &Sorted) -> bool {
    let Some(package) = sorted.operands.first() else { return false };
    let asked = program == "npx" && !sorted.has("yes") && !sorted.has("package");
    let given = sorted.value("package").or_else(|| sorted.value("from"));
    let names = given.into_iter().chain([package]);
    let versioned = package.text.trim_start_matches('@').contains('@');
    RUNNERS.contains(&program)
        && (!asked || versioned)
        && names.into_iter().any(|name| !is_known(name))
}

/// The same for `pnpm dlx`, `pipx run` and `go run`.
pub(super) fn gets_and_runs_package(program: &str, verb: &str, after: &[Word]) -> bool {
    let Some(package) = after.iter().find(|word| !word.text.starts_with('-')) else { return false };
    let remote = match (program, verb) {
        ("pnpm" | "yarn", "dlx") | ("pipx", "run") => true,
        ("npm", "exec" | "x") => {
            after.iter().any(|word| matches!(word.text.as_str(), "-y" | "--yes"))
                || package.text.trim_start_matches('@').contains('@')
        }
        ("go", "run") => package.text.contains('@'),
        ("deno", "run") => package.text.starts_with("npm:") || package.text.starts_with("jsr:"),
        _ => false,
    };
    remote && !is_known(package)
}

fn is_known(package: &Word) -> bool {
    let text = package.text.as_str();
    let scoped = text.strip_prefix('@');
    let name = match scoped {
        Some(rest) => text.split_at(1 + rest.find('@').unwrap_or(rest.len())).0,
        None => text.split(['@', '=', '[']).next().unwrap_or_default(),
    };
    !package.open && (KNOWN_PACKAGES.contains(&name) || name.starts_with("create-"))
}
