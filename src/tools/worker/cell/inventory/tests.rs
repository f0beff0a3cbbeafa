//! Taking stock of directories.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use super::scan;
use super::stock::{Notes, Scanned};
use super::{cargo, npm, python};

fn write(root: &Path, name: &str, content: impl AsRef<[u8]>) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

type Reader = fn(&str, &mut Notes<'_>) -> Result<(), String>;

/// Dependencies and findings as short lines.
fn read(reader: Reader, text: &str) -> (Vec<String>, Vec<String>) {
    let mut notes = Notes::new("f", "e");
    reader(text, &mut notes).unwrap();
    let dependencies = notes.dependencies.iter();
    let dependencies =
        dependencies.map(|it| format!("{} {} {}", it.name, it.version, it.source)).collect();
    let findings = notes.findings.iter().map(|it| format!("{}: {}", it.kind, it.detail)).collect();
    (dependencies, findings)
}

#[test]
fn a_cargo_lock_is_read() {
    let (dependencies, findings) = read(
        cargo::lock,
        r#"
version = 4
[[package]]
name = "mine"
version = "0.1.0"
[[package]]
name = "serde"
version = "1.0.0"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "ab"
[[package]]
name = "odd"
version = "2.0.0"
source = "git+https://example.org/odd?rev=1#2"
[[package]]
name = "bare"
version = "1.0.0"
source = "registry+https://github.com/rust-lang/crates.io-index"
"#,
    );
    assert_eq!(
        dependencies,
        [
            "mine 0.1.0 path",
            "serde 1.0.0 registry",
            "odd 2.0.0 git+https://example.org/odd?rev=1#2",
            "bare 1.0.0 registry",
        ]
    );
    assert_eq!(
        findings,
        [
            "foreign_source: odd 2.0.0 from git+https://example.org/odd?rev=1#2",
            "no_integrity: bare 1.0.0 has no checksum",
        ]
    );
}

#[test]
fn a_package_lock_of_each_version_is_read() {
    let newer = r#"{"lockfileVersion": 3, "packages": {
        "": {"name": "mine"},
        "node_modules/a": {"version": "1.0.0", "resolved": "https://registry.npmjs.org/a/-/a-1.0.0.tgz", "integrity": "sha512-x", "hasInstallScript": true},
        "node_modules/a/node_modules/@s/b": {"version": "2.0.0", "resolved": "git+ssh://git@example.org/b.git#1", "integrity": "sha512-x"},
        "node_modules/l": {"resolved": "packages/l", "link": true},
        "node_modules/n": {"version": "3.0.0", "resolved": "https://registry.npmjs.org/n/-/n-3.0.0.tgz"}
    }}"#;
    let (dependencies, findings) = read(npm::lock, newer);
    assert_eq!(
        dependencies,
        [
            "a 1.0.0 registry",
            "@s/b 2.0.0 git+ssh://git@example.org/b.git#1",
            "l  path",
            "n 3.0.0 registry"
        ]
    );
    assert_eq!(
        findings,
        [
            "install_script: a 1.0.0 runs a script when installed",
            "foreign_source: @s/b from git+ssh://git@example.org/b.git#1",
            "no_integrity: n 3.0.0 has no integrity hash",
        ]
    );
    let older = r#"{"lockfileVersion": 1, "dependencies": {
        "a": {"version": "1.0.0", "integrity": "x", "resolved": "https://registry.npmjs.org/a.tgz",
              "dependencies": {"b": {"version": "https://evil.example/b.tgz", "integrity": "x"}}}
    }}"#;
    let (dependencies, findings) = read(npm::lock, older);
    assert_eq!(dependencies.len(), 2);
    assert_eq!(findings, ["foreign_source: b from https://evil.example/b.tgz"]);
    let both = r#"{"lockfileVersion": 2, "packages": {}, "dependencies": {"a": {}}}"#;
    assert_eq!(read(npm::lock, both).0.len(), 0, "version 2 says all twice");
}

#[test]
fn requirements_are_read() {
    let (dependencies, findings) = read(
        python::requirements,
        "# a comment\n\
         requests==2.31.0 \\\n    --hash=sha256:abc\n\
         flask[async] >=2 # why\n\
         bare\n\
         pinned===1.0 ; python_version < '3'\n\
         star==1.*\n\
         -e git+https://example.org/x.git#egg=x\n\
         wheel @ https://example.org/w.whl\n\
         ./local\n\
         --extra-index-url https://example.org/simple\n\
         -r other.txt\n",
    );
    assert_eq!(
        dependencies,
        [
            "requests 2.31.0 registry",
            "flask >=2 registry",
            "bare  registry",
            "pinned 1.0 registry",
            "star ==1.* registry",
            "x  git+https://example.org/x.git#egg=x",
            "wheel  https://example.org/w.whl",
            "./local  ./local",
        ]
    );
    let kinds: Vec<&str> = findings.iter().map(|it| it.split(':').next().unwrap()).collect();
    assert_eq!(
        kinds,
        [
            "unpinned",
            "unpinned",
            "unpinned",
            "foreign_source",
            "foreign_source",
            "foreign_source",
            "foreign_source"
        ]
    );
}

#[test]
fn stock_is_taken_of_files_kinds_and_what_to_look_at() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    write(root, "a.txt", "text");
    write(root, "bin/tool", b"\x7fELF\x02");
    write(root, "build.rs", "fn main() {}");
    write(root, "package.json", r#"{"scripts": {"postinstall": "curl x | sh", "test": "x"}}"#);
    write(root, "sub/Cargo.lock", "not toml [");
    write(root, "-rf", "");
    write(root, "invoice.pdf.exe", "MZ");
    write(root, "x\u{202e}txt.exe", "x");
    write(root, "Readme", "x");
    write(root, "README", "x");
    write(root, "s", "x");
    fs::set_permissions(root.join("s"), fs::Permissions::from_mode(0o4755)).unwrap();
    symlink("/etc/passwd", root.join("link")).unwrap();
    let Scanned { files, dirs, links, kinds, listed, findings, truncated, .. } =
        scan(root, 3).unwrap();
    assert_eq!((files, dirs, links, truncated), (11, 2, 1, true));
    assert_eq!((kinds["elf"], kinds["empty"], kinds["pe"]), (1, 1, 1));
    assert_eq!(
        listed.iter().map(|it| it.path.as_str()).collect::<Vec<_>>(),
        ["-rf", "README", "Readme"]
    );
    let mut found: Vec<(&str, &str)> =
        findings.iter().map(|it| (it.kind.as_str(), it.path.as_str())).collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("binary", "bin/tool"),
            ("binary", "invoice.pdf.exe"),
            ("build_script", "build.rs"),
            ("install_script", "package.json"),
            ("set_id", "s"),
            ("suspicious_name", "-rf"),
            ("suspicious_name", "Readme"),
            ("suspicious_name", "invoice.pdf.exe"),
            ("suspicious_name", "x\u{202e}txt.exe"),
            ("unreadable", "sub/Cargo.lock"),
        ]
    );
}

#[test]
fn very_many_findings_are_counted_and_not_all_listed() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "requirements.txt", "x\n".repeat(3_000));
    let scanned = scan(dir.path(), 10).unwrap();
    assert_eq!((scanned.dependencies.len(), scanned.dependencies_total), (2_000, 3_000));
    assert_eq!((scanned.findings.len(), scanned.findings_total), (500, 3_000));
    assert!(scanned.truncated);
}
