//! A program with its words, as facts.

use super::deed;
use super::fact::{Access, FileUse, Leaf};
use super::found;
use super::network;
use super::service;
use super::table::{Operands, Program, program as known};
use super::vcs;
use super::walk::{Scope, Word};
use super::words::{Sorted, Style, Takes, sort};

/// What surrounds a program.
#[derive(Debug)]
pub(super) struct Given<'a> {
    /// Variables and directories.
    pub(super) scope: &'a Scope,
    /// How it was reached.
    pub(super) via: Vec<String>,
    /// What it is redirected to and from.
    pub(super) redirects: Vec<FileUse>,
}

const UNKNOWN: Program = Program {
    names: &[],
    flags: &[],
    operands: Operands::Anything,
    style: Style { stops: false, words: false },
    grave: false,
};

/// The facts of `program` with `args`.
pub(super) fn build(program: &str, args: &[Word], given: Given<'_>) -> Leaf {
    let table = known(program).unwrap_or(&UNKNOWN);
    let args = undashed(program, args);
    let mut sorted = sort(table.flags, &args, table.style);
    let mut leaf = Leaf {
        program: program.to_owned(),
        argv: args.iter().map(|word| word.text.clone()).collect(),
        via: given.via,
        cwd: given.scope.cwd(),
        files: given.redirects,
        ..Leaf::default()
    };
    if program == "git" {
        vcs::git(&mut leaf, &mut sorted, &args, given.scope);
    }
    leaf.flags.clone_from(&sorted.flags);
    leaf.positional = sorted.operands.iter().map(|word| word.text.clone()).collect();
    let mut files = Files { scope: given.scope, leaf: &mut leaf };
    files.values(&sorted);
    files.operands(table.operands, &sorted, &args);
    network::note(&mut leaf, &sorted, table.operands, given.scope);
    deed::note(&mut leaf, &sorted, table.operands);
    found::below(&mut leaf);
    grave(&mut leaf, table, &sorted, &args);
    leaf
}

/// `tar xf` is `tar -xf`.
fn undashed(program: &str, args: &[Word]) -> Vec<Word> {
    let mut args = args.to_vec();
    if matches!(program, "tar" | "gtar" | "bsdtar")
        && let Some(first) =
            args.first_mut().filter(|first| !first.text.starts_with('-') && !first.open)
    {
        first.text.insert(0, '-');
        first.bare.insert(0, '-');
    }
    args
}

/// What a program that destroys does with words that are not known cannot be seen.
fn grave(leaf: &mut Leaf, table: &Program, sorted: &Sorted, args: &[Word]) {
    let verb_open =
        table.operands == Operands::Verb && sorted.operands.iter().take(2).any(|word| word.open);
    // Which pod is looked at may be unknown; what is done may not.
    let matters = (table.grave && !service::looks(leaf, sorted)) || verb_open;
    if matters && leaf.opaque.is_none() {
        if let Some(open) = args.iter().find(|word| word.open) {
            leaf.opaque =
                Some(format!("what `{}` gets is not known: `{}`", leaf.program, open.text));
        } else if table.operands == Operands::Delete
            && sorted.has("recursive")
            && sorted.operands.is_empty()
        {
            leaf.opaque = Some(format!("what `{}` removes is not named", leaf.program));
        }
    }
    if let Some((flag, ..)) = sorted.values.iter().find(|(_, takes, _)| *takes == Takes::Exec) {
        leaf.opaque
            .get_or_insert_with(|| format!("`--{flag}` of `{}` names what runs", leaf.program));
    }
}

/// Collects the files of a leaf.
struct Files<'a> {
    scope: &'a Scope,
    leaf: &'a mut Leaf,
}

impl Files<'_> {
    fn add(&mut self, word: &Word, access: Access) {
        if word.open {
            let makes = matches!(self.leaf.program.as_str(), "mkdir" | "touch");
            if matches!(access, Access::Write | Access::Delete)
                && !makes
                && self.leaf.opaque.is_none()
            {
                let why = format!(
                    "`{}` changes a file that is not known: `{}`",
                    self.leaf.program, word.text
                );
                self.leaf.opaque = Some(why);
            }
            return;
        }
        if word.source.is_some()
            || matches!(
                word.text.as_str(),
                "-" | "/dev/null"
                    | "/dev/stdin"
                    | "/dev/stdout"
                    | "/dev/stderr"
                    | "/dev/tty"
                    | "/dev/zero"
                    | "/dev/urandom"
                    | "/dev/random"
            )
        {
            return;
        }
        for text in self.scope.paths(&word.text) {
            match text {
                Some(text) => self.leaf.files.push(FileUse { text, access, redirect: false }),
                None if access != Access::Read => {
                    let why = format!(
                        "`{}` changes files in a directory that is not known",
                        self.leaf.program
                    );
                    self.leaf.opaque.get_or_insert(why);
                }
                None => {}
            }
        }
    }

    fn values(&mut self, sorted: &Sorted) {
        for (_, takes, word) in &sorted.values {
            match takes {
                Takes::Read => self.add(word, Access::Read),
                Takes::Write => self.add(word, Access::Write),
                _ => {}
            }
        }
    }

    fn all(&mut self, words: &[Word], access: Access) {
        words.iter().for_each(|word| self.add(word, access));
    }

    fn operands(&mut self, operands: Operands, sorted: &Sorted, args: &[Word]) {
        let words = sorted.operands.as_slice();
        match operands {
            Operands::Texts | Operands::Hosts => {}
            Operands::Read if self.leaf.program.ends_with("find") => self.find(words, sorted),
            Operands::Read => self.all(words, Access::Read),
            Operands::Write => self.all(words, Access::Write),
            Operands::Delete => self.all(words, Access::Delete),
            Operands::Copy => self.last(words, sorted, Access::Read),
            Operands::Move => self.last(words, sorted, Access::Delete),
            Operands::PatternRead => {
                let skip = usize::from(
                    !sorted.has("regexp") && !sorted.has("file") && !sorted.has("files"),
                );
                self.all(words.get(skip..).unwrap_or_default(), Access::Read);
            }
            Operands::ModeWrite => {
                let skip = usize::from(!sorted.has("reference"));
                self.all(words.get(skip..).unwrap_or_default(), Access::Write);
            }
            Operands::Assignments => self.assignments(words),
            Operands::RemoteCopy => self.remote(words, sorted),
            Operands::Anything
                if matches!(self.leaf.program.as_str(), "tar" | "gtar" | "bsdtar") =>
            {
                self.tar(sorted)
            }
            Operands::Anything | Operands::Verb => self.anything(args),
        }
    }

    /// `find -delete` takes away what is below its starting points.
    fn find(&mut self, words: &[Word], sorted: &Sorted) {
        let here = [Word::known(".")];
        let starts = words.iter().take_while(|word| !word.text.starts_with(['(', '!']));
        let starts: Vec<Word> = starts.cloned().collect();
        let starts = if starts.is_empty() { &here[..] } else { starts.as_slice() };
        for start in starts {
            self.add(start, Access::Read);
            if sorted.has("delete") {
                let below = format!("{}/*", start.text.trim_end_matches('/'));
                self.add(&Word { text: below, ..start.clone() }, Access::Delete);
            }
        }
    }

    fn last(&mut self, words: &[Word], sorted: &Sorted, others: Access) {
        let to_directory = sorted.has("target-directory") || sorted.has("directory");
        match words.split_last() {
            _ if sorted.has("directory") => self.all(words, Access::Write),
            _ if to_directory => self.all(words, others),
            Some((last, firsts)) => {
                self.all(firsts, others);
                self.add(last, Access::Write);
            }
            None => {}
        }
    }

    fn assignments(&mut self, words: &[Word]) {
        for word in words {
            if word.text.starts_with("if=") {
                self.add(&word.after(3), Access::Read);
            } else if word.text.starts_with("of=") {
                self.add(&word.after(3), Access::Write);
            }
        }
    }

    fn remote(&mut self, words: &[Word], sorted: &Sorted) {
        let looks = sorted.has("dry-run") || sorted.has("list-only") || words.len() < 2;
        let Some((last, firsts)) = words.split_last() else { return };
        for word in firsts.iter().filter(|word| network::remote_host(&word.text).is_none()) {
            self.add(word, Access::Read);
        }
        if network::remote_host(&last.text).is_none() {
            self.add(last, if looks { Access::Read } else { Access::Write });
        }
    }

    fn tar(&mut self, sorted: &Sorted) {
        let makes = sorted.has("create")
            || sorted.has("append")
            || sorted.has("update")
            || sorted.has("delete");
        if let Some(archive) = sorted.value("file") {
            self.add(archive, if makes { Access::Write } else { Access::Read });
        }
        if makes {
            self.all(
                &sorted.operands,
                if sorted.has("remove-files") { Access::Delete } else { Access::Read },
            );
        }
        if sorted.has("extract") && sorted.has("absolute-names") {
            self.add(&Word::known("/"), Access::Write);
        }
    }

    /// Every word that could name a file, and what stands after `=` or `@`.
    fn anything(&mut self, args: &[Word]) {
        for word in args.iter().filter(|word| !word.open) {
            if !word.text.starts_with('-') {
                self.add(word, Access::Read);
            }
            if let Some(at) = word.text.find(['=', '@'])
                && at + 1 < word.text.len()
            {
                self.add(&word.after(at + 1), Access::Read);
            }
            if let Some(path) = word.text.strip_prefix("file://") {
                self.add(&Word::known(path), Access::Read);
            }
        }
        self.volumes(args);
        self.copied(args);
        self.outputs(args);
    }

    /// `gcc -o /usr/bin/x`: most programs write where this flag says. Names in the workspace are
    /// left alone: for some it is a format.
    fn outputs(&mut self, args: &[Word]) {
        const OUTPUTS: [&str; 16] = [
            "-o",
            "--output",
            "--outfile",
            "--out",
            "--target",
            "--output-dir",
            "--outdir",
            "-dest",
            "--dest",
            "--destdir",
            "--root",
            "--install-dir",
            "--log-file",
            "--logfile",
            "--pidfile",
            "-outdir",
        ];
        const UNPACKED_TO: [&str; 6] = ["-d", "-D", "-C", "--directory", "--extract-to", "-od"];
        const UNPACKERS: [&str; 11] = [
            "cpio",
            "unsquashfs",
            "cabextract",
            "unar",
            "unrar",
            "patch",
            "jar",
            "pax",
            "rpm2archive",
            "ar",
            "bsdcpio",
        ];
        self.extracted(args);
        let unpacks = UNPACKERS.contains(&self.leaf.program.as_str());
        let names = |flag: &str| OUTPUTS.contains(&flag) || unpacks && UNPACKED_TO.contains(&flag);
        let elsewhere = |text: &str| text.starts_with(['/', '~']) || text.starts_with("../");
        for (at, word) in args.iter().enumerate() {
            let attached = word.text.split_once('=').filter(|(name, _)| names(name));
            let path = match attached {
                Some((name, _)) => Some(word.after(name.len() + 1)),
                None if names(&word.text) => args.get(at + 1).cloned(),
                None => None,
            };
            if let Some(path) = path.filter(|path| elsewhere(&path.text)) {
                self.add(&path, Access::Write);
            }
        }
    }

    /// `python -m zipfile -e x.zip DIR`, `dpkg-deb -x a.deb DIR`: the last word is a directory.
    fn extracted(&mut self, args: &[Word]) {
        const FLAGS: [&str; 6] = ["-e", "--extract", "-x", "-X", "-R", "x"];
        let unpacks = matches!(
            self.leaf.program.as_str(),
            "zipfile" | "tarfile" | "dpkg-deb" | "dpkg" | "unrar" | "patool"
        );
        if unpacks
            && args.iter().any(|word| FLAGS.contains(&word.text.as_str()))
            && let Some(last) = args.last().filter(|_| args.len() > 2)
        {
            self.add(last, Access::Write);
        }
    }

    /// `docker cp web:/x /etc/x` and `kubectl cp` write where their last word says.
    fn copied(&mut self, args: &[Word]) {
        let copies = matches!(self.leaf.program.as_str(), "docker" | "podman" | "kubectl" | "oc")
            && args.iter().take(2).any(|word| word.text == "cp");
        if copies && args.last().is_some_and(|last| last.text.contains(':')) {
            self.leaf.note(super::fact::Deed::Change);
        }
        if let Some(last) = args.last().filter(|last| copies && !last.text.contains(':')) {
            self.add(last, Access::Write);
        }
    }

    /// `-v /host:/container` gives a container the host's files.
    fn volumes(&mut self, args: &[Word]) {
        if !super::wrapper::CONTAINERS.contains(&self.leaf.program.as_str()) {
            return;
        }
        let mut previous = "";
        for word in args {
            let text = word.text.as_str();
            let attached = text.strip_prefix("--volume=").or_else(|| text.strip_prefix("--mount="));
            let spec = attached
                .or_else(|| matches!(previous, "-v" | "--volume" | "--mount").then_some(text));
            if let Some(spec) = spec {
                let mounted = spec.split(',').find_map(|part| {
                    part.strip_prefix("source=").or_else(|| part.strip_prefix("src="))
                });
                let path = mounted.unwrap_or_else(|| spec.split(':').next().unwrap_or_default());
                let reads = spec.ends_with(":ro") || spec.contains("readonly");
                if path.starts_with(['/', '.', '~']) {
                    self.add(&Word::known(path), if reads { Access::Read } else { Access::Write });
                }
            }
            previous = text;
        }
    }
}
