//! Archives that want out, or want everything: each is refused with its reason, and nothing is written
//! outside.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use super::forge::*;
use super::unpack;
use crate::tools::worker::cell::words::{Limits, Refusal, Unpacked, Why};
use crate::tools::worker::unpack::LIMITS;

/// Unpacks into a directory beside a file that must stay as it is.
fn attempt(bytes: &[u8]) -> Result<Unpacked, Refusal> {
    attempt_within(bytes, &LIMITS)
}

fn attempt_within(bytes: &[u8], limits: &Limits) -> Result<Unpacked, Refusal> {
    let dir = tempfile::tempdir().unwrap();
    let (archive, into) = (dir.path().join("a"), dir.path().join("outer/into"));
    fs::create_dir_all(&into).unwrap();
    fs::write(dir.path().join("outer/victim"), "whole").unwrap();
    fs::write(&archive, bytes).unwrap();
    let outcome = unpack(&archive, &into, limits);
    let names = |dir: &Path| {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names(dir.path()), ["a", "outer"]);
    assert_eq!(names(&dir.path().join("outer")), ["into", "victim"]);
    assert_eq!(fs::read_to_string(dir.path().join("outer/victim")).unwrap(), "whole");
    outcome
}

#[track_caller]
fn refused(what: &str, bytes: &[u8], why: Why, says: &str) {
    let refusal = attempt(bytes).err().unwrap_or_else(|| panic!("{what} was unpacked"));
    assert_eq!(refusal.why, why, "{what}: {}", refusal.message);
    assert!(refusal.message.contains(says), "{what}: {}", refusal.message);
}

#[test]
fn tar_entries_that_want_out_are_refused_by_name() {
    for (what, entries, says) in [
        ("traversal", vec![file("../victim", b"x")], "entry `../victim` has `..` in its name"),
        ("traversal inside", vec![file("a/../../victim", b"x")], "has `..`"),
        ("backslashes", vec![file("a\\..\\..\\victim", b"x")], "has `..`"),
        ("absolute", vec![file("/tmp/x", b"x")], "entry `/tmp/x` has an absolute name"),
        ("drive", vec![file("C:\\x", b"x")], "has an absolute name"),
        ("link out", vec![symlink("l", "../victim")], "outside of the archive"),
        ("absolute link", vec![symlink("l", "/etc/passwd")], "outside of the archive"),
        (
            "chain of links",
            vec![dir("d"), symlink("d/a", "."), symlink("d/x", "a/../../..")],
            "with `..` behind a name",
        ),
        (
            "through a link",
            vec![dir("d"), symlink("l", "d"), file("l/x", b"x")],
            "entry `l/x` goes through a symbolic link",
        ),
        ("through a link to here", vec![symlink("l", "."), file("l/l/x", b"x")], "goes through"),
        ("link replaced", vec![symlink("l", "d"), dir("l")], "is there twice"),
        ("hard link out", vec![hard_link("h", "../victim")], "has `..` in its name"),
        ("hard link to the system", vec![hard_link("h", "/etc/passwd")], "has an absolute name"),
        (
            "hard link to a link",
            vec![symlink("l", "d"), hard_link("h", "l")],
            "is no file that came",
        ),
        ("hard link to nothing", vec![hard_link("h", "none")], "is no file that came"),
        ("device", vec![tar_entry(b"null", b'3', b"", 0o666, b"")], "is a device"),
        ("block device", vec![tar_entry(b"sda", b'4', b"", 0o666, b"")], "is a device"),
        ("fifo", vec![tar_entry(b"pipe", b'6', b"", 0o666, b"")], "is a named pipe"),
        ("unknown kind", vec![tar_entry(b"x", b'Z', b"", 0o666, b"")], "unknown kind"),
        ("twice", vec![file("a", b"1"), file("a", b"2")], "entry `a` is there twice"),
        ("twice, spelled apart", vec![file("a", b"1"), file("./a", b"2")], "is there twice"),
        ("file under a file", vec![file("a", b"1"), file("a/b", b"2")], "goes through a file"),
        ("control character", vec![file("a\x1b[2J", b"")], "control character"),
        ("not UTF-8", vec![tar_entry(b"\xff", b'0', b"", 0o644, b"")], "not UTF-8"),
        ("deep", vec![file(&"d/".repeat(49), b""), long_name(&"d/".repeat(70))], "deep"),
        ("long", vec![long_name(&"n".repeat(2_000))], "longer than 1024 bytes"),
    ] {
        let why = Why::Forbidden;
        refused(what, &tar(&entries), why, says);
        refused(what, &gzip(&tar(&entries)), why, says);
    }
}

/// A file with a name that is written before it, as GNU tar does.
fn long_name(name: &str) -> Vec<u8> {
    let mut content = name.as_bytes().to_vec();
    content.push(b'x');
    let mut both = tar_entry(b"././@LongLink", b'L', b"", 0o644, &content);
    both.extend(file("short", b""));
    both
}

#[test]
fn zip_entries_that_want_out_are_refused_by_name() {
    for (what, entries, says) in [
        ("traversal", vec![zip_file("../victim", 0o100_644, b"x")], "has `..` in its name"),
        ("absolute", vec![zip_file("/tmp/x", 0o100_644, b"x")], "has an absolute name"),
        ("link out", vec![zip_file("l", 0o120_777, b"../victim")], "outside of the archive"),
        (
            "through a link",
            vec![zip_file("l", 0o120_777, b"."), zip_file("l/x", 0o100_644, b"x")],
            "goes through a symbolic link",
        ),
        ("device", vec![zip_file("null", 0o020_666, b"")], "is a device"),
        ("fifo", vec![zip_file("pipe", 0o010_666, b"")], "is a device, a pipe"),
        (
            "twice",
            vec![zip_file("a", 0o100_644, b"1"), zip_file("a", 0o100_644, b"2")],
            "entry `a` is there twice",
        ),
        ("NUL", vec![zip_file("a\0b", 0o100_644, b"")], "NUL"),
    ] {
        refused(what, &zip(&entries), Why::Forbidden, says);
    }
}

#[test]
fn two_headers_of_one_entry_must_agree() {
    let mut bytes = zip(&[zip_file("harmless", 0o100_644, b"x")]);
    bytes[30..38].copy_from_slice(b"dreadful");
    refused("two names", &bytes, Why::Damaged, "damaged");
}

#[test]
fn a_bomb_stops_early() {
    // A hundred thousand to one: 64 MiB of zeros, packed twice.
    let zeros = vec![0_u8; 64 << 20];
    let bombs = [
        ("gz", gzip(&gzip(&zeros)).len(), gzip(&zeros)),
        ("tar.gz", 0, gzip(&tar(&[file("zeros", &zeros)]))),
        ("bz2", 0, bzip2(&zeros)),
        ("zip", 0, zip(&[zip_file("zeros", 0o100_644, &zeros)])),
    ];
    for (what, _, bomb) in &bombs {
        let began = Instant::now();
        refused(what, bomb, Why::TooLarge, "bytes come out of it");
        assert!(began.elapsed() < Duration::from_secs(5), "{what}: {:?}", began.elapsed());
    }
}

#[test]
fn a_bomb_of_a_hundred_thousand_to_one_stops_at_a_mebibyte() {
    let bomb = bzip2(&vec![0_u8; 100 << 20]);
    assert!((100_usize << 20) / bomb.len() > 100_000, "{} bytes", bomb.len());
    refused("bz2", &bomb, Why::TooLarge, "more than 1048576 bytes");
}

#[test]
fn a_million_entries_stop_at_the_limit() {
    let one = dir("d");
    let mut many = Vec::with_capacity(512 * 1_000_000);
    (0..1_000_000).for_each(|_| many.extend_from_slice(&one));
    let began = Instant::now();
    refused("the same a million times", &many, Why::TooLarge, "more than 100000 entries");
    let mut zip64 = Vec::new();
    zip64.extend(b"PK\x03\x04");
    zip64.resize(60 << 20, 0);
    let directory_at = zip64.len() as u64;
    let entry = [b"PK\x01\x02".as_slice(), &[0; 42]].concat();
    (0..1_000_000).for_each(|_| zip64.extend_from_slice(&entry));
    let size = zip64.len() as u64 - directory_at;
    let end_at = zip64.len() as u64;
    zip64.extend(b"PK\x06\x06");
    zip64.extend(44_u64.to_le_bytes());
    zip64.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    zip64.extend([1_000_000_u64, 1_000_000, size, directory_at].map(u64::to_le_bytes).concat());
    zip64.extend(b"PK\x06\x07\0\0\0\0");
    zip64.extend(end_at.to_le_bytes());
    zip64.extend([1, 0, 0, 0]);
    zip64.extend(b"PK\x05\x06\0\0\0\0");
    zip64.extend([0xff; 12]);
    zip64.extend([0, 0]);
    refused("zip", &zip64, Why::TooLarge, "more than 100000 entries");
    assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
}

#[test]
fn files_and_directories_that_are_only_implied_count() {
    let few = Limits { entries: 10, file_bytes: 100, bytes: 150, path_bytes: 40, ..LIMITS };
    let numbered =
        |count: usize| (0..count).map(|n| file(&format!("{n}"), b"")).collect::<Vec<_>>();
    for (what, entries, says) in [
        ("files", numbered(11), "more than 10 entries (at `10`)"),
        ("implied", vec![file("a/b/c/d/e/f", b""), file("g/h/i/j/k", b"")], "more than 10 entries"),
        ("a large file", vec![file("a", &[0; 101])], "entry `a` is larger than 100 bytes"),
        ("many bytes", vec![file("a", &[0; 90]), file("b", &[0; 90])], "more than 150 bytes"),
    ] {
        let refusal = attempt_within(&tar(&entries), &few).unwrap_err();
        assert_eq!(refusal.why, Why::TooLarge, "{what}");
        assert!(refusal.message.contains(says), "{what}: {}", refusal.message);
    }
    assert!(attempt_within(&tar(&numbered(10)), &few).is_ok());
}

#[test]
fn what_is_cut_off_or_no_archive_is_damaged() {
    let whole = gzip(&tar(&[file("a", &[7; 10_000]), file("b", &[9; 10_000])]));
    for at in [10, whole.len() / 2, whole.len() - 9, whole.len() - 1] {
        refused("cut off", &whole[..at], Why::Damaged, "");
    }
    let plain = tar(&[file("a", &[7; 10_000])]);
    refused("cut off in a file", &plain[..5_000], Why::Damaged, "");
    let packed = zip(&[zip_file("a", 0o100_644, &[7; 10_000])]);
    refused("cut off zip", &packed[..packed.len() - 10], Why::Damaged, "damaged");
    let sparse = tar(&[tar_entry(b"x", b'S', b"", 0o666, b"")]);
    refused("sparse, and no header for it", &sparse, Why::Damaged, "sparse");
    let mut turned = packed.clone();
    turned[40] ^= 0xff;
    refused("turned bits", &turned, Why::Damaged, "");
    for garbage in [
        &b""[..],
        b"hello",
        &[0; 4_096],
        &[0xaa; 4_096],
        b"PK\x03\x04",
        b"\x1f\x8b",
        b"BZh9",
        b"\xfd7zXZ\0",
        b"\x28\xb5\x2f\xfd",
    ] {
        refused("garbage", garbage, Why::Damaged, "");
    }
}

#[test]
fn random_garbage_never_breaks_it() {
    let seeds = [
        tar(&[file("a", b"text"), symlink("l", "a"), dir("d")]),
        gzip(&tar(&[file("a", b"text")])),
        bzip2(&tar(&[file("a", b"text")])),
        zip(&[zip_file("a", 0o100_644, b"text"), zip_file("l", 0o120_777, b"a")]),
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for seed in &seeds {
        for _ in 0..100 {
            let mut bytes = seed.clone();
            for _ in 0..4 {
                let at = usize::try_from(next()).unwrap() % bytes.len();
                bytes[at] = next().to_le_bytes()[0];
            }
            // Whatever comes of it, nothing is outside: `attempt` looks.
            let _ = attempt(&bytes);
        }
    }
}
