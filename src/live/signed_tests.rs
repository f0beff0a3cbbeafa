//! Rules that must be signed, and what becomes of those that are not as they were signed.

use std::fs;

use super::tests::{Ground, NO_REPORTS};
use super::{LivePolicy, read_rules};
use crate::contracts::Effect;
use crate::policy::{PrivateKey, sign};

/// Signs the workspace's rules as they are now.
fn sign_with(ground: &Ground, number: u8) {
    let dir = ground.dir.path().join("ws/policies");
    let (sources, mistakes) = read_rules(&dir, "policies");
    assert_eq!(mistakes, []);
    let manifest = sign(&sources, &PrivateKey::from_seed(&[number; 32]));
    ground.put("ws/policies/manifest.json", manifest.to_text().unwrap());
}

/// A ground where the machine's owner demands a signature and trusts key 7.
fn demanding() -> Ground {
    let ground = Ground::bare();
    for dir in ["etc", "own"] {
        fs::create_dir_all(ground.dir.path().join(dir)).unwrap();
    }
    ground.put("etc/require_signed", "");
    let key = PrivateKey::from_seed(&[7; 32]).public();
    ground.put("etc/trusted_keys", format!("# ours\n{key} the owner\n"));
    ground.put("ws/policies/10-other.yaml", NO_REPORTS.replace("reports", "drafts"));
    ground.put("ws/policies/99-mine.yaml", NO_REPORTS);
    ground
}

fn codes(live: &LivePolicy) -> Vec<String> {
    live.errors().into_iter().map(|it| format!("{} {}", it.file, it.code)).collect()
}

#[test]
fn signed_rules_are_in_force_and_unsigned_ones_are_not() {
    let ground = demanding();
    let live = ground.open(true);
    assert_eq!(codes(&live), ["policies/manifest.json unsigned"]);
    // The built-in rules decide: there is nothing that was good before.
    assert_eq!(ground.write(&live, "reports/a.md").effect, Effect::Allow);
    sign_with(&ground, 7);
    assert_eq!(ground.write(&live, "reports/a.md").effect, Effect::Deny);
    assert_eq!(codes(&live), [""; 0]);
}

#[test]
fn every_tampering_leaves_what_was_signed_in_force() {
    let looser = NO_REPORTS.replace("[reports]", "[docs]").replace("reports/a", "docs/a");
    let at = "policies/manifest.json";
    for (what, change, code) in [
        (
            "changed",
            ("ws/policies/99-mine.yaml", looser.as_str()),
            "policies/99-mine.yaml signed-changed",
        ),
        ("added", ("ws/policies/00-new.yaml", looser.as_str()), "policies/00-new.yaml not-signed"),
        ("no manifest", (at, "{}"), "policies/manifest.json bad-manifest"),
        ("no key file", ("etc/trusted_keys", "# nobody\n"), "policies/manifest.json unknown-key"),
        ("a broken key file", ("etc/trusted_keys", "who knows\n"), "etc/trusted_keys trusted-key"),
    ] {
        let ground = demanding();
        sign_with(&ground, 7);
        let live = ground.open(true);
        let good = live.current().hash();
        let name = change.0.replace(at, "ws/policies/manifest.json");
        ground.put(&name, change.1);
        assert_eq!(ground.write(&live, "reports/a.md").effect, Effect::Deny, "{what}");
        assert_eq!(live.current().hash(), good, "{what}");
        let found = codes(&live);
        assert!(found.iter().any(|it| it.ends_with(code)), "{what}: {found:?}");
        // Across a restart as well: what is kept tightens.
        drop(live);
        let again = ground.open(true);
        assert_eq!(ground.write(&again, "reports/a.md").effect, Effect::Deny, "{what}");
        assert_eq!(codes(&again), found, "{what}");
    }
}

#[test]
fn a_file_that_is_gone_a_foreign_key_and_an_empty_place_hold_nothing() {
    let ground = demanding();
    sign_with(&ground, 7);
    let live = ground.open(true);
    fs::remove_file(ground.dir.path().join("ws/policies/99-mine.yaml")).unwrap();
    assert_eq!(ground.write(&live, "reports/a.md").effect, Effect::Deny);
    assert_eq!(codes(&live), ["policies/99-mine.yaml signed-missing"]);
    sign_with(&ground, 8);
    assert_eq!(ground.write(&live, "reports/a.md").effect, Effect::Deny);
    assert_eq!(codes(&live), ["policies/manifest.json unknown-key"]);
    // Whoever takes the directory away takes no rule away with it.
    drop(live);
    fs::remove_dir_all(ground.dir.path().join("ws/policies")).unwrap();
    let again = ground.open(true);
    assert_eq!(codes(&again), ["policies/manifest.json unsigned"]);
    assert_eq!(ground.write(&again, "reports/a.md").effect, Effect::Deny);
}

#[test]
fn a_workspace_cannot_name_its_own_keys() {
    let ground = demanding();
    let key = PrivateKey::from_seed(&[8; 32]).public();
    for name in ["ws/policies/trusted_keys", "ws/trusted_keys", "ws/.bailiwick/trusted_keys"] {
        fs::create_dir_all(ground.dir.path().join("ws/.bailiwick")).unwrap();
        ground.put(name, format!("{key} me\n"));
    }
    sign_with(&ground, 8);
    let live = ground.open(true);
    assert_eq!(codes(&live), ["policies/manifest.json unknown-key"]);
}
