//! Signing rules and demanding signatures, with the commands that people use.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::harness::Space;
use super::policies::DENY;

/// A workspace with rules of its own, and a user who has a key and trusts it.
fn signed() -> (Space, String) {
    let space = Space::new();
    space.run(&["init"]).expect(0);
    space.write("policies/90-mine.yaml", DENY);
    let key = space.outside().join("ann.key").display().to_string();
    let public = space.run(&["policy", "sign", "--new-key", &key]).expect(0).stdout;
    assert!(public.starts_with("ed25519:"), "{public}");
    assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    let own = space.home().join(".config/bailiwick");
    fs::create_dir_all(&own).unwrap();
    fs::write(own.join("trusted_keys"), format!("{} Ann\n", public.trim())).unwrap();
    (space, key)
}

#[test]
fn a_signature_holds_until_a_file_is_another() {
    let (space, key) = signed();
    space.run(&["policy", "verify"]).expect(6).says(&["the rules must be signed"]);
    space.run(&["policy", "sign", "--key", &key]).expect(0).says(&["policies/manifest.json"]);
    space.run(&["policy", "verify"]).expect(0).says(&["signed by Ann"]);
    let shown = space.run(&["policy", "show", "--json"]).expect(0).json();
    assert_eq!(shown["signature"]["signed_by"], "Ann");
    space.write("policies/90-mine.yaml", &DENY.replace("by hand", "by Ann"));
    space.run(&["policy", "verify"]).expect(6).says(&["changed after it was signed"]);
    let elsewhere = space.path("policies").display().to_string();
    space.run(&["policy", "verify", &elsewhere]).expect(6);
}

#[test]
fn what_is_demanded_is_demanded_of_every_command_and_said() {
    let (space, key) = signed();
    space.run(&["policy", "sign", "--key", &key]).expect(0);
    space.run(&["trust"]).expect(0);
    fs::write(space.home().join(".config/bailiwick/require_signed"), "").unwrap();
    let shown = space.run(&["policy", "show", "--json"]).expect(0).json();
    assert_eq!(shown["errors"].as_array().unwrap().len(), 0, "{shown}");
    assert_eq!(shown["signature"]["required"], true);
    // A rule that nobody signed: it is not in force, and this is said.
    space.write(
        "policies/95-more.yaml",
        &DENY.replace("mine.", "more.").replace("reports/", "docs/"),
    );
    let shown = space.run(&["policy", "show", "--json"]).expect(0).json();
    assert_eq!(shown["errors"][0]["code"], "not-signed", "{shown}");
    let rules = shown["items"].as_array().unwrap();
    assert!(rules.iter().all(|rule| rule["id"] != "more.no-reports"), "{shown}");
    space.run(&["policy", "explain", "ls"]).expect(0);
    // A workspace cannot take the demand back.
    space.write("config/bailiwick.yaml", "schema: 1\npolicy: { require_signed: false }\n");
    let shown = space.run(&["policy", "show", "--json"]).expect(0).json();
    assert_eq!(shown["signature"]["required"], true);
}

#[test]
fn misuse_is_told_apart_from_a_signature_that_does_not_hold() {
    let (space, key) = signed();
    space.run(&["policy", "sign"]).expect(2);
    space.run(&["policy", "sign", "--new-key", &key]).expect(2).says(&["File exists"]);
    space.run(&["policy", "sign", "--key", "nothing.key"]).expect(2);
    space.run(&["policy", "verify", "nowhere"]).expect(2);
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    space.run(&["policy", "sign", "--key", &key]).expect(2).says(&["chmod 600"]);
    space.write("not.key", "ed25519-private:AAAA\n");
    fs::set_permissions(space.path("not.key"), fs::Permissions::from_mode(0o600)).unwrap();
    space.run(&["policy", "sign", "--key", "not.key"]).expect(2).says(&["no private key"]);
}
