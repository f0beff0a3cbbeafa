//! What a token opens, and for how long.

use std::os::unix::fs::PermissionsExt;

use super::*;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_ms(ms)
}

fn holder(tokens: &Tokens, guess: &str, now: i64) -> Option<String> {
    tokens.holder(guess.as_bytes(), at(now)).unwrap().map(|holder| holder.by)
}

#[test]
fn a_token_opens_until_it_expires_or_is_revoked() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = Tokens::of(dir.path());
    assert!(!tokens.are_needed().unwrap());
    let ann = tokens.add("ann", None, [1; 32], at(0)).unwrap().secret;
    let bob = tokens.add("bob", Some(at(10)), [2; 32], at(0)).unwrap().secret;
    assert!(tokens.are_needed().unwrap());
    assert_eq!(ann, format!("bwk_{}", "01".repeat(32)));
    assert_eq!(holder(&tokens, &ann, 5).as_deref(), Some("token:ann"));
    assert_eq!(holder(&tokens, &bob, 9).as_deref(), Some("token:bob"));
    assert_eq!(holder(&tokens, &bob, 10), None, "it has expired");
    assert_eq!(holder(&tokens, "bwk_00", 5), None);
    let pass = tokens.holder(ann.as_bytes(), at(5)).unwrap().unwrap().pass;
    assert!(tokens.admits(pass, at(5)).unwrap());
    // In force and out of force for whoever looked before, without a restart.
    let elsewhere = Tokens::of(dir.path());
    elsewhere.revoke("ann").unwrap();
    assert!(!tokens.admits(pass, at(5)).unwrap());
    assert_eq!(holder(&tokens, &ann, 5), None);
    let again = tokens.add("ann", None, [3; 32], at(0)).unwrap().secret;
    assert!(!tokens.admits(pass, at(5)).unwrap(), "the same name is not the same token");
    assert_eq!(holder(&tokens, &again, 5).as_deref(), Some("token:ann"));
    for name in ["ann", "bob"] {
        tokens.revoke(name).unwrap();
    }
    assert!(tokens.are_needed().unwrap(), "taking the last one away opens no door");
    assert!(matches!(tokens.revoke("ann"), Err(TokenError::Unknown(_))));
}

#[test]
fn the_token_of_the_environment_has_a_name_as_well() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = Tokens::of(dir.path()).with_execution(Some("secret"));
    assert!(tokens.are_needed().unwrap());
    assert_eq!(holder(&tokens, "secret", 0).as_deref(), Some("token:execution"));
    assert_eq!(holder(&tokens, "", 0), None);
    assert!(!Tokens::of(dir.path()).with_execution(Some("")).are_needed().unwrap());
}

#[test]
fn names_are_plain_and_taken_once() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = Tokens::of(dir.path());
    tokens.add("ci-2.b_c", None, [1; 32], at(0)).unwrap();
    for bad in ["", "Ann", "a b", "ann (x)", "-a", "1a", "a:b", &"a".repeat(65)] {
        let refused = tokens.add(bad, None, [2; 32], at(0));
        assert!(matches!(refused, Err(TokenError::BadName(_))), "{bad}: {refused:?}");
    }
    for taken in ["ci-2.b_c", "execution"] {
        let refused = tokens.add(taken, None, [2; 32], at(0));
        assert!(matches!(refused, Err(TokenError::Taken(_))), "{taken}: {refused:?}");
    }
}

#[test]
fn what_is_kept_is_no_token_and_only_its_owner_sees_it() {
    let dir = tempfile::tempdir().unwrap();
    let tokens = Tokens::of(dir.path());
    let secret = tokens.add("ann", None, [7; 32], at(0)).unwrap().secret;
    let path = dir.path().join(FILE);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains(&secret) && !text.contains(&"07".repeat(32)), "{text}");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    for mode in [0o644, 0o660] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        assert!(tokens.holder(secret.as_bytes(), at(0)).is_err(), "others could have written it");
    }
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("elsewhere", &path).unwrap();
    assert!(tokens.holder(secret.as_bytes(), at(0)).is_err(), "a link is followed by nobody");
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "{").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    assert!(tokens.holder(secret.as_bytes(), at(0)).is_err(), "what cannot be read admits nobody");
}
