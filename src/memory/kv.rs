//! Settings that people keep in `memory/kv/*.yaml`: a file is a group, a key in it a typed value. Changed one at
//! a time, atomically, with comments left where they are; each change has a line in a history.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::contracts::{KvSetting, Timestamp};
use crate::durable;
use crate::yaml::{self, Entry, Node};

/// Longest group, key and value, in bytes.
const NAME_BYTES_MAX: usize = 128;
const VALUE_BYTES_MAX: usize = 64 * 1024;
/// Files of settings are for their owner to write.
const MODE: u32 = 0o644;

/// Why a setting could not be read or changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KvError {
    /// What was handed in is no setting, or a file has a mistake.
    #[error("{0}")]
    Bad(String),
    /// There is no such setting.
    #[error("there is no setting `{0}`")]
    Missing(String),
    /// A file could not be read or written.
    #[error("{0}")]
    Io(String),
}

/// One change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SettingChange {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub by: String,
    /// Which setting.
    pub name: String,
    /// What it was; absent when there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub old: Option<Value>,
    /// What it became; absent when it was taken away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<Value>,
}

/// The settings of a workspace.
#[derive(Debug, Clone)]
pub struct Kv {
    dir: PathBuf,
    history: PathBuf,
}

impl Kv {
    /// Settings in `dir`, with their history in the file `history`.
    #[must_use]
    pub const fn new(dir: PathBuf, history: PathBuf) -> Self {
        Self { dir, history }
    }

    /// Every setting, by name.
    ///
    /// # Errors
    /// When a file cannot be read, or has a mistake.
    pub fn all(&self) -> Result<Vec<KvSetting>, KvError> {
        let mut all = Vec::new();
        for group in self.groups()? {
            for entry in self.read(&group)?.entries() {
                let name = format!("{group}.{}", entry.key);
                all.push(KvSetting { value: value(&name, &entry.value)?, name });
            }
        }
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    /// One setting.
    ///
    /// # Errors
    /// [`KvError::Missing`], or as [`Kv::all`].
    pub fn get(&self, name: &str) -> Result<Value, KvError> {
        let (group, key) = parts(name)?;
        let group = self.read(group)?;
        let entry = group.entries().iter().find(|entry| entry.key == key);
        value(name, &entry.ok_or_else(|| KvError::Missing(name.to_owned()))?.value)
    }

    /// Whether something could be a setting: its name, and its value where it has one.
    ///
    /// # Errors
    /// [`KvError::Bad`].
    pub fn check(&self, name: &str, new: Option<&Value>) -> Result<(), KvError> {
        let (_, key) = parts(name)?;
        new.map_or(Ok(()), |new| written(key, new).map(drop))
    }

    /// Sets one, or takes it away, durably; gives what it was.
    ///
    /// # Errors
    /// [`KvError::Bad`] when the name or the value is none, [`KvError::Missing`] when what is to be taken
    /// away is not there, or that a file cannot be written.
    pub fn change(
        &self,
        name: &str,
        new: Option<Value>,
        by: &str,
        at: Timestamp,
    ) -> Result<Option<Value>, KvError> {
        let (group, key) = parts(name)?;
        let line = new.as_ref().map(|new| written(key, new)).transpose()?;
        fs::create_dir_all(&self.dir).map_err(|error| unwritten(&self.dir, &error))?;
        // Held until it goes: one change at a time, whatever processes there are.
        let _alone = self.lock()?;
        let read = self.read(group)?;
        let there = read.entries().iter().position(|entry| entry.key == key);
        let old = there.and_then(|at| read.entries().get(at));
        let old = old.map(|entry| value(name, &entry.value)).transpose()?;
        if new.is_none() && old.is_none() {
            return Err(KvError::Missing(name.to_owned()));
        }
        if old == new {
            return Ok(old);
        }
        let text = read.edited(there, line.as_deref());
        // Read back before it counts: what would have a mistake is not written.
        let path = self.path(group);
        Group::read(&path, text.clone())?;
        let change =
            SettingChange { at, by: by.to_owned(), name: name.to_owned(), old: old.clone(), new };
        self.remember(&change)?;
        durable::replace(&path, text.as_bytes(), MODE).map_err(|error| unwritten(&path, &error))?;
        Ok(old)
    }

    /// The changes of one setting, or of all, oldest first.
    ///
    /// # Errors
    /// When the history cannot be read.
    pub fn history(&self, name: Option<&str>) -> Result<Vec<SettingChange>, KvError> {
        let text = match fs::read_to_string(&self.history) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unread(&self.history, &error)),
        };
        // A line that a crash cut off is no change: the file behind it was not written.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let mut changes = Vec::new();
        for line in whole.lines().filter(|line| !line.trim().is_empty()) {
            let change: Result<SettingChange, _> = serde_json::from_str(line);
            match change {
                Ok(change) if name.is_none_or(|name| change.name == name) => changes.push(change),
                Ok(_) => {}
                Err(error) => {
                    let shown = self.history.display();
                    return Err(KvError::Bad(format!(
                        "`{shown}` has a line that is no change: {error}"
                    )));
                }
            }
        }
        Ok(changes)
    }

    fn remember(&self, change: &SettingChange) -> Result<(), KvError> {
        let line = serde_json::to_string(change)
            .map_err(|error| KvError::Bad(format!("the change cannot be written: {error}")))?;
        let append = || -> std::io::Result<()> {
            let mut file =
                OpenOptions::new().create(true).read(true).append(true).open(&self.history)?;
            // What a crash cut off ends here, so that it stays a line of its own.
            let cut = fs::read(&self.history)?.last().is_some_and(|last| *last != b'\n');
            let line = if cut { format!("\n{line}\n") } else { format!("{line}\n") };
            file.write_all(line.as_bytes())?;
            file.sync_all()
        };
        append().map_err(|error| unwritten(&self.history, &error))
    }

    fn lock(&self) -> Result<File, KvError> {
        let path = self.dir.join(".lock");
        let locked = || -> std::io::Result<File> {
            let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
            rustix::fs::flock(&file, rustix::fs::FlockOperation::LockExclusive)?;
            Ok(file)
        };
        locked().map_err(|error| unwritten(&path, &error))
    }

    fn path(&self, group: &str) -> PathBuf {
        self.dir.join(format!("{group}.yaml"))
    }

    fn groups(&self) -> Result<Vec<String>, KvError> {
        let entries = match fs::read_dir(&self.dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(unread(&self.dir, &error)),
        };
        let mut groups = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| unread(&self.dir, &error))?;
            let name = entry.file_name();
            let group = name.to_str().and_then(|name| name.strip_suffix(".yaml"));
            groups.extend(group.filter(|group| is_name(group)).map(str::to_owned));
        }
        Ok(groups)
    }

    fn read(&self, group: &str) -> Result<Group, KvError> {
        let path = self.path(group);
        match fs::symlink_metadata(&path) {
            Ok(about) if about.is_file() => {}
            Ok(_) => return Err(KvError::Bad(format!("`{}` is no regular file", path.display()))),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Group::read(&path, String::new());
            }
            Err(error) => return Err(unread(&path, &error)),
        }
        let text = fs::read_to_string(&path).map_err(|error| unread(&path, &error))?;
        Group::read(&path, text)
    }
}

/// A file and what stands in it.
struct Group {
    text: String,
    node: Node,
}

impl Group {
    fn read(path: &Path, text: String) -> Result<Self, KvError> {
        let shown = path.display().to_string();
        let node = yaml::parse(&shown, &text, yaml::Limits::default()).map_err(|mistakes| {
            let told = mistakes.iter().map(|it| format!("{shown}:{}: {}", it.line, it.message));
            KvError::Bad(told.collect::<Vec<_>>().join("; "))
        })?;
        if node.value != yaml::Value::Null && node.as_map().is_none() {
            return Err(KvError::Bad(format!("`{shown}` must be a mapping of keys and values")));
        }
        Ok(Self { text, node })
    }

    fn entries(&self) -> &[Entry] {
        self.node.as_map().unwrap_or_default()
    }

    /// The text with the lines of one entry replaced by `line`, or with `line` at its end.
    fn edited(&self, entry: Option<usize>, line: Option<&str>) -> String {
        let mut lines: Vec<&str> = self.text.lines().collect();
        match entry.and_then(|at| self.span(at, &lines)) {
            Some(span) => drop(lines.splice(span, line)),
            None => lines.extend(line),
        }
        let mut text = lines.join("\n");
        if !text.is_empty() {
            text.push('\n');
        }
        text
    }

    /// The lines of an entry: to the next one, without the comments and empty lines above that.
    fn span(&self, at: usize, lines: &[&str]) -> Option<std::ops::Range<usize>> {
        let first = |entry: &Entry| (entry.place.line as usize).saturating_sub(1);
        let from = first(self.entries().get(at)?);
        let mut to = self.entries().get(at + 1).map_or(lines.len(), first);
        let empty = |line: &&str| line.trim().is_empty() || line.trim_start().starts_with('#');
        while to > from + 1 && lines.get(to - 1).is_some_and(&empty) {
            to -= 1;
        }
        Some(from..to)
    }
}

/// A name is `group.key`.
fn parts(name: &str) -> Result<(&str, &str), KvError> {
    let bad = || {
        KvError::Bad(format!("`{name}` is no setting: write `group.key`, such as `identity.name`"))
    };
    let (group, key) = name.split_once('.').ok_or_else(bad)?;
    if is_name(group) && is_name(key) { Ok((group, key)) } else { Err(bad()) }
}

fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    name.len() <= NAME_BYTES_MAX
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(plain)
}

/// A node as a value: a text, a number, true or false, or a list of these.
fn value(name: &str, node: &Node) -> Result<Value, KvError> {
    let value = node.to_json();
    if fits(&value) {
        return Ok(value);
    }
    Err(KvError::Bad(format!(
        "`{name}` is neither a text, a number, true or false, nor a list of these"
    )))
}

fn fits(value: &Value) -> bool {
    let scalar = |value: &Value| value.is_string() || value.is_number() || value.is_boolean();
    scalar(value) || value.as_array().is_some_and(|items| items.iter().all(scalar))
}

/// A setting as a line; what is JSON is YAML as well.
fn written(key: &str, value: &Value) -> Result<String, KvError> {
    if !fits(value) {
        let why = "a setting is a text, a number, true or false, or a list of these";
        return Err(KvError::Bad(why.to_owned()));
    }
    let text = value.to_string();
    if text.len() > VALUE_BYTES_MAX {
        return Err(KvError::Bad(format!("a setting has at most {VALUE_BYTES_MAX} bytes")));
    }
    Ok(format!("{key}: {text}"))
}

fn unread(path: &Path, error: &std::io::Error) -> KvError {
    KvError::Io(format!("`{}` cannot be read: {error}", path.display()))
}

fn unwritten(path: &Path, error: &std::io::Error) -> KvError {
    KvError::Io(format!("`{}` cannot be written: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn kv(dir: &Path) -> Kv {
        Kv::new(dir.join("kv"), dir.join("kv-history.jsonl"))
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_ms(ms)
    }

    #[test]
    fn values_are_typed_and_every_change_has_its_line() {
        let dir = tempfile::tempdir().unwrap();
        let kv = kv(dir.path());
        let values = [json!("Ann: \"x\" # y"), json!(3), json!(0.5), json!(true), json!(["a", 1])];
        let mut before = None;
        for (ms, value) in (1..).zip(&values) {
            let old = kv.change("identity.name", Some(value.clone()), "user:ann", at(ms)).unwrap();
            assert_eq!(old, before);
            assert_eq!(kv.get("identity.name").unwrap(), *value);
            before = Some(value.clone());
        }
        kv.change("identity.name", before.clone(), "user:ann", at(9)).unwrap();
        assert_eq!(kv.change("identity.name", None, "user:bob", at(10)).unwrap(), before);
        assert_eq!(kv.get("identity.name"), Err(KvError::Missing("identity.name".into())));
        let history = kv.history(Some("identity.name")).unwrap();
        assert_eq!(history.len(), 6, "what changes nothing has no line");
        assert_eq!(
            (history[5].by.as_str(), &history[5].old, &history[5].new),
            ("user:bob", &before, &None)
        );
        assert_eq!(kv.history(Some("identity.other")).unwrap(), []);
    }

    #[test]
    fn comments_and_other_settings_stay_where_they_are() {
        let dir = tempfile::tempdir().unwrap();
        let kv = kv(dir.path());
        fs::create_dir(dir.path().join("kv")).unwrap();
        let path = dir.path().join("kv/identity.yaml");
        fs::write(
            &path,
            "# who we are\nname: Ann\n\n# where\nplaces:\n  - Leeds\n  - York\nage: 7\n",
        )
        .unwrap();
        kv.change("identity.places", Some(json!(["Hull"])), "a", at(1)).unwrap();
        kv.change("identity.name", None, "a", at(2)).unwrap();
        kv.change("identity.new", Some(json!(1)), "a", at(3)).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, "# who we are\n\n# where\nplaces: [\"Hull\"]\nage: 7\nnew: 1\n");
        let names: Vec<String> = kv.all().unwrap().into_iter().map(|it| it.name).collect();
        assert_eq!(names, ["identity.age", "identity.new", "identity.places"]);
    }

    #[test]
    fn what_is_no_setting_is_refused_and_nothing_is_written() {
        let dir = tempfile::tempdir().unwrap();
        let kv = kv(dir.path());
        let change = |name: &str, value: Value| kv.change(name, Some(value), "a", at(1));
        for name in ["a", "a.", ".b", "../x.y", "a.b.c", "a.b c", "1.b", ""] {
            assert!(matches!(change(name, json!(1)), Err(KvError::Bad(_))), "{name}");
        }
        for value in [json!(null), json!({"a": 1}), json!([[1]]), json!("x".repeat(70_000))] {
            assert!(matches!(change("a.b", value), Err(KvError::Bad(_))));
        }
        assert_eq!(kv.change("a.b", None, "a", at(1)), Err(KvError::Missing("a.b".into())));
        assert_eq!((kv.all().unwrap(), kv.history(None).unwrap()), (vec![], vec![]));
        fs::write(dir.path().join("kv/bad.yaml"), "- a\n").unwrap();
        assert!(matches!(kv.all(), Err(KvError::Bad(_))));
        assert!(matches!(change("bad.b", json!(1)), Err(KvError::Bad(_))));
    }
}
