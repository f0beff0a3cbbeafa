use super::fixture::*;
use crate::contracts::Hash;
use crate::store::audit::{audit_hash, parse_line};
use crate::store::{Append, FindingKind, Opened, Store};

fn lines(root: &std::path::Path) -> Vec<String> {
    let text = std::fs::read_to_string(audit_path(root)).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn entries_are_in_the_file_chained_and_in_the_shape_of_the_interface() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for number in 1..4 {
        let events = vec![accepted(number)];
        let append = Append::new(run(number).to_string(), 0, at(0), events);
        store.append(append.audit(entry(number))).unwrap();
    }
    let mut denied = entry(4);
    (denied.run_id, denied.call_id, denied.ok) = (None, None, false);
    denied.error = Some("denied".to_owned());
    store.audit(&denied).unwrap();
    let mut prev = Hash::ZERO;
    let lines = lines(dir.path());
    assert_eq!(lines.len(), 4);
    for line in &lines {
        let (entry, hash) = parse_line(line).unwrap();
        assert_eq!(audit_hash(&prev, &entry), hash);
        prev = hash;
    }
    let last: serde_json::Value = serde_json::from_str(&lines[3]).unwrap();
    let keys: Vec<_> = last.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(
        keys,
        [
            "at",
            "run_id",
            "call_id",
            "tool",
            "args_summary",
            "decision",
            "dry_run",
            "ok",
            "error",
            "duration_ms",
            "hash"
        ]
    );
    let tail = store.reader().audit_tail(2).unwrap();
    assert_eq!(tail.iter().map(|line| line.audit_seq).collect::<Vec<_>>(), [4, 3]);
    assert_eq!(tail[0].json, lines[3]);
    assert_eq!(store.reader().audit_tail(100).unwrap().len(), 4);
}

#[test]
fn what_a_crash_left_out_is_caught_up_at_any_cut() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    (1..4).for_each(|number| fill(&store, number));
    let whole = std::fs::read(audit_path(dir.path())).unwrap();
    // As a power cut leaves it, at the first start: nothing of the file was synced.
    for cut in (0..whole.len()).step_by(37).chain([whole.len() - 1]) {
        let crashed = tempfile::tempdir().unwrap();
        copy(dir.path(), crashed.path());
        std::fs::write(audit_path(crashed.path()), &whole[..cut]).unwrap();
        assert_eq!(verify(crashed.path()).findings, [], "a crash at {cut} is no damage");
        drop(open(crashed.path()));
        assert!(std::fs::read(audit_path(crashed.path())).unwrap() == whole, "cut at {cut}");
        assert_eq!(verify(crashed.path()).findings, []);
    }
}

#[test]
fn a_changed_file_is_put_aside_and_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    (1..4).for_each(|number| fill(&store, number));
    drop(store);
    let whole = std::fs::read_to_string(audit_path(dir.path())).unwrap();
    let line = whole.lines().next().unwrap();
    let forged = [
        whole.replacen("write_text", "read_text", 1),
        whole.replace(line, ""),
        format!("{whole}{line}\n"),
        format!("{whole}{{}}\n"),
        whole.lines().rev().map(|line| format!("{line}\n")).collect(),
    ];
    for forged in forged {
        std::fs::write(audit_path(dir.path()), &forged).unwrap();
        let kinds: Vec<_> = verify(dir.path()).findings.iter().map(|f| f.kind).collect();
        assert_eq!(kinds, [FindingKind::AuditFile], "{forged}");
        let (store, findings) = open_damaged(dir.path()).unwrap();
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].kind, FindingKind::AuditFile);
        store.acknowledge_findings("me", at(9)).unwrap();
        drop(store);
        assert_eq!(std::fs::read_to_string(audit_path(dir.path())).unwrap(), whole);
    }
}

#[test]
fn a_file_changed_under_a_running_host_is_noticed_at_the_next_entry() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    fill(&store, 1);
    std::fs::write(audit_path(dir.path()), "nothing to see here\n").unwrap();
    fill(&store, 2);
    assert_eq!(lines(dir.path()).len(), 2);
    std::fs::remove_file(audit_path(dir.path())).unwrap();
    fill(&store, 3);
    assert_eq!(lines(dir.path()).len(), 3);
    let found = verify(dir.path()).findings;
    assert_eq!(found.len(), 2, "both were recorded before they were repaired: {found:?}");
    assert!(found.iter().all(|finding| finding.kind == FindingKind::AuditFile));
}

#[test]
fn a_full_file_is_kept_and_the_chain_goes_on_in_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path());
    options.audit_file_bytes_max = 1_000;
    let Opened { store, .. } = Store::open(&options).unwrap();
    for _ in 0..10 {
        store.audit(&entry(1)).unwrap();
    }
    drop(store);
    let mut names: Vec<_> = std::fs::read_dir(dir.path().join("logs"))
        .unwrap()
        .map(|item| item.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(names.len() >= 3, "{names:?}");
    assert!(names[0].starts_with("tools_audit.0000"), "{names:?}");
    let mut all = String::new();
    for name in &names {
        all += &std::fs::read_to_string(dir.path().join("logs").join(name)).unwrap();
    }
    assert_eq!(all.lines().count(), 10);
    assert_eq!(verify(dir.path()).findings, []);
    std::fs::remove_file(audit_path(dir.path())).unwrap();
    let Opened { store, findings } = Store::open(&options).unwrap();
    assert!(findings.len() == 1 && findings[0].message.contains("ends with"), "{findings:?}");
    store.acknowledge_findings("me", at(9)).unwrap();
    drop(store);
    assert_eq!(verify(dir.path()).findings, []);
    let kept = dir.path().join("logs").join(&names[0]);
    let altered = std::fs::read_to_string(&kept).unwrap().replacen("write_text", "x", 1);
    std::fs::write(&kept, altered).unwrap();
    assert_eq!(verify(dir.path()).findings.len(), 1);
}

#[test]
fn logs_of_an_earlier_database_do_not_confuse_a_new_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut options = options(dir.path());
    options.audit_file_bytes_max = 1_000;
    let Opened { store, .. } = Store::open(&options).unwrap();
    for number in 1..9 {
        store.audit(&entry(number)).unwrap();
    }
    drop(store);
    std::fs::remove_dir_all(dir.path().join(".bailiwick")).unwrap();
    let Opened { store, findings } = Store::open(&options).unwrap();
    assert_eq!(findings.len(), 1, "{findings:?}");
    for number in 11..30 {
        store.audit(&entry(number)).unwrap();
    }
    assert_eq!(verify(dir.path()).findings.len(), 1);
    store.acknowledge_findings("me", at(9)).unwrap();
    drop(store);
    assert_eq!(verify(dir.path()).findings, []);
    assert_eq!(verify(dir.path()).audit_entries, 19);
}
