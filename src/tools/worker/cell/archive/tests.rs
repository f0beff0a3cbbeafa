//! Sound archives, in each format.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::forge::*;
use super::unpack;
use crate::tools::worker::cell::words::Unpacked;
use crate::tools::worker::unpack::LIMITS;

fn unpacked(bytes: &[u8], look: impl FnOnce(&Path)) -> Unpacked {
    let dir = tempfile::tempdir().unwrap();
    let (archive, into) = (dir.path().join("a"), dir.path().join("into"));
    fs::create_dir(&into).unwrap();
    fs::write(&archive, bytes).unwrap();
    let unpacked = unpack(&archive, &into, &LIMITS).unwrap();
    look(&into);
    unpacked
}

fn sample() -> Vec<u8> {
    tar(&[
        dir("./"),
        dir("pkg/"),
        file("pkg/a.txt", b"hello"),
        tar_entry(b"pkg/run", b'0', b"", 0o6755, b"#!/bin/sh\n"),
        file("pkg/deep/er/b.txt", b"implied"),
        symlink("pkg/link", "deep/er/b.txt"),
        symlink("pkg/deep/up", "../a.txt"),
        hard_link("pkg/again", "pkg/a.txt"),
        dir("pkg/"),
    ])
}

fn look(into: &Path) {
    let read = |name: &str| fs::read_to_string(into.join(name)).unwrap();
    assert_eq!(read("pkg/a.txt"), "hello");
    assert_eq!(read("pkg/link"), "implied");
    assert_eq!(read("pkg/deep/up"), "hello");
    assert_eq!(read("pkg/again"), "hello");
    let mode = |name: &str| fs::metadata(into.join(name)).unwrap().permissions().mode();
    assert_eq!(mode("pkg/run") & 0o7777, 0o755, "runs, and as nobody else");
    assert_eq!(mode("pkg/a.txt") & 0o7111, 0);
    assert_eq!(fs::metadata(into.join("pkg/again")).unwrap().nlink(), 2);
}

fn xz_by_program(bytes: &[u8]) -> Option<Vec<u8>> {
    by_program("xz", bytes)
}

#[allow(clippy::disallowed_methods, reason = "a test that compresses with the usual programs")]
fn by_program(program: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    use std::process::{Command, Stdio};
    let child =
        Command::new(program).args(["-c"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let Ok(mut child) = child else {
        eprintln!("skipped: there is no `{program}` here");
        return None;
    };
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    Some(child.wait_with_output().unwrap().stdout)
}

#[test]
fn a_tar_file_comes_out_in_every_compression() {
    let plain = sample();
    let formats = [
        ("tar", Some(plain.clone())),
        ("tar.gz", Some(gzip(&plain))),
        ("tar.bz2", Some(bzip2(&plain))),
        ("tar.xz", xz_by_program(&plain)),
        ("tar.zst", by_program("zstd", &plain)),
    ];
    for (format, bytes) in formats {
        let Some(bytes) = bytes else { continue };
        let found = unpacked(&bytes, look);
        let counted = (found.files, found.dirs, found.links, found.bytes);
        assert_eq!((found.format.as_str(), counted), (format, (4, 3, 2, 22)));
        assert_eq!(found.stripped, ["pkg/run"]);
    }
}

#[test]
fn a_zip_file_comes_out() {
    let bytes = zip(&[
        zip_file("d/", 0o040_755, b""),
        zip_file("d/a", 0o100_644, b"hello"),
        zip_file("d/run", 0o104_755, b"#!"),
        zip_file("d/l", 0o120_777, b"a"),
        zip_file("plain", 0, b"no mode"),
    ]);
    let found = unpacked(&bytes, |into| {
        assert_eq!(fs::read_to_string(into.join("d/l")).unwrap(), "hello");
        let mode = fs::metadata(into.join("d/run")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o755);
    });
    assert_eq!((found.files, found.dirs, found.links), (3, 1, 1));
    assert_eq!(found.format, "zip");
    assert_eq!(unpacked(&zip(&[]), |_| {}).files, 0);
}

#[test]
fn one_compressed_file_is_called_content() {
    let found = unpacked(&gzip(b"just text"), |into| {
        assert_eq!(fs::read_to_string(into.join("content")).unwrap(), "just text");
    });
    assert_eq!((found.format.as_str(), found.files, found.bytes), ("gz", 1, 9));
    assert_eq!(unpacked(&[gzip(b"a"), gzip(b"b")].concat(), |_| {}).bytes, 2);
}

#[test]
fn names_of_other_languages_and_notes_of_git_are_fine() {
    let bytes = tar(&[
        tar_entry(
            b"pax_global_header",
            b'g',
            b"",
            0o644,
            b"52 comment=0123456789012345678901234567890123456789\n",
        ),
        file("ä/日本.txt", b"x"),
        file("unit\\x2dname.slice", b"x"),
        file("Readme", b"1"),
        file("README", b"2"),
    ]);
    let found = unpacked(&bytes, |into| {
        assert!(into.join("ä/日本.txt").exists());
    });
    assert_eq!(found.files, 4);
}
