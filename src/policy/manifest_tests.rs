//! Signatures, and every way to get round them.

use super::{Manifest, PrivateKey, PublicKey, TrustedKey, sign, trusted_keys};
use crate::policy::{Layer, Source};

/// A manifest as version 1 writes it. It must be readable for ever.
const GOLDEN: &str = include_str!("manifest-1.json");

fn source(name: &str, text: &str) -> Source {
    let path = format!("policies/{name}");
    Source { layer: Layer::Workspace, path, bytes: text.as_bytes().to_vec() }
}

fn sources() -> Vec<Source> {
    vec![
        source("10-a.yaml", "rules: []\n"),
        source("10-a_test.yaml", "cases: []\n"),
        source("50-b.rhai", "fn b(req, ctx) {}\n"),
        source("README.md", "no rule\n"),
    ]
}

fn key(number: u8) -> PrivateKey {
    PrivateKey::from_seed(&[number; 32])
}

fn trusted(number: u8) -> Vec<TrustedKey> {
    vec![TrustedKey { name: "ann".to_owned(), key: key(number).public() }]
}

/// The codes of everything that is wrong.
fn codes(manifest: &Manifest, sources: &[Source], keys: &[TrustedKey]) -> Vec<String> {
    match manifest.verify(sources, keys, "policies/") {
        Ok(_) => Vec::new(),
        Err(wrong) => wrong.into_iter().map(|it| format!("{} {}", it.file, it.code)).collect(),
    }
}

#[test]
fn the_golden_manifest_is_what_is_written_and_holds() {
    let manifest = sign(&sources(), &key(7));
    assert_eq!(manifest.to_text().unwrap(), GOLDEN);
    let read = Manifest::parse(GOLDEN.as_bytes()).unwrap();
    assert_eq!(read, manifest);
    assert_eq!(read.verify(&sources(), &trusted(7), "policies/").unwrap().name, "ann");
    let later = GOLDEN.replace("\"schema_version\": 1", "\"schema_version\": 2");
    assert!(Manifest::parse(later.as_bytes()).unwrap_err().contains("schema version is 2"));
}

#[test]
fn whatever_is_not_as_it_was_signed_is_named() {
    let manifest = sign(&sources(), &key(7));
    let keys = trusted(7);
    assert_eq!(codes(&manifest, &sources(), &keys), [""; 0]);
    let mut changed = sources();
    changed[0].bytes.push(b' ');
    assert_eq!(codes(&manifest, &changed, &keys), ["policies/10-a.yaml signed-changed"]);
    let mut test = sources();
    test[1].bytes.clear();
    assert_eq!(codes(&manifest, &test, &keys), ["policies/10-a_test.yaml signed-changed"]);
    assert_eq!(codes(&manifest, &sources()[1..], &keys), ["policies/10-a.yaml signed-missing"]);
    let mut added = sources();
    added.push(source("99-open.rhai", "fn x(req, ctx) {}"));
    assert_eq!(codes(&manifest, &added, &keys), ["policies/99-open.rhai not-signed"]);
    let mut renamed = sources();
    renamed[0].path = "policies/11-a.yaml".to_owned();
    assert_eq!(
        codes(&manifest, &renamed, &keys),
        ["policies/10-a.yaml signed-missing", "policies/11-a.yaml not-signed"]
    );
    // What is no rule is no business of the signature.
    let mut notes = sources();
    notes[3].bytes.push(b'!');
    assert_eq!(codes(&manifest, &notes, &keys), [""; 0]);
}

#[test]
fn a_key_that_nobody_trusts_signs_nothing() {
    let manifest = sign(&sources(), &key(8));
    let at = "policies/manifest.json unknown-key";
    assert_eq!(codes(&manifest, &sources(), &trusted(7)), [at]);
    assert_eq!(codes(&manifest, &sources(), &[]), [at]);
}

#[test]
fn a_manifest_that_was_edited_carries_no_signature() {
    let manifest = sign(&sources(), &key(7));
    let text = manifest.to_text().unwrap();
    let bad = ["policies/manifest.json bad-signature"];
    // The hash of another content, put into the manifest by hand.
    let mut changed = sources();
    changed[0].bytes.push(b' ');
    let hash = sign(&changed, &key(8)).files["10-a.yaml"].to_string();
    let edited = text.replace(&manifest.files["10-a.yaml"].to_string(), &hash);
    let edited = Manifest::parse(edited.as_bytes()).unwrap();
    assert_eq!(codes(&edited, &changed, &trusted(7)), bad);
    // Somebody else's signature under the name of a trusted key.
    let other = sign(&sources(), &key(8));
    let forged = Manifest { key: key(7).public(), ..other };
    assert_eq!(codes(&forged, &sources(), &trusted(7)), bad);
    for signature in ["", "AAAA", "not base64!"] {
        let broken = Manifest { signature: signature.to_owned(), ..manifest.clone() };
        assert_eq!(codes(&broken, &sources(), &trusted(7)), bad);
    }
    // The signature of fewer files, with the others added by hand.
    let few = sign(&sources()[..1], &key(7));
    let grown = Manifest { files: manifest.files.clone(), ..few };
    assert_eq!(codes(&grown, &sources(), &trusted(7)), bad);
}

#[test]
fn a_manifest_with_anything_unknown_in_it_is_none() {
    for text in ["", "{", "[]", "{\"schema_version\":1}", &GOLDEN.replace("\"key\"", "\"keys\"")] {
        assert!(Manifest::parse(text.as_bytes()).is_err(), "{text}");
    }
    let weak =
        GOLDEN.replace(&key(7).public().to_string(), &format!("ed25519:{}=", "A".repeat(43)));
    assert!(Manifest::parse(weak.as_bytes()).is_err());
}

#[test]
fn keys_are_read_as_they_are_written_and_private_ones_are_not_shown() {
    let private = key(7);
    let again: PrivateKey = private.to_text().parse().unwrap();
    assert_eq!(again.public(), private.public());
    let shown = format!("{private:?}");
    assert!(!shown.contains(private.to_text().trim().rsplit(':').next().unwrap()), "{shown}");
    let public: PublicKey = private.public().to_string().parse().unwrap();
    assert_eq!(public, private.public());
    // The one is never taken for the other.
    assert!(private.to_text().trim().parse::<PublicKey>().is_err());
    assert!(private.public().to_string().parse::<PrivateKey>().is_err());
}

#[test]
fn a_file_of_trusted_keys_has_a_key_and_a_name_on_each_line() {
    let (one, two) = (key(1).public(), key(2).public());
    let text = format!("# ours\n\n{one} Ann\n  {two}\tbob at home \n");
    let keys = trusted_keys(&text, "trusted_keys").unwrap();
    let names: Vec<&str> = keys.iter().map(|key| key.name.as_str()).collect();
    assert_eq!(names, ["Ann", "bob at home"]);
    let wrong = format!("{one}\ned25519:AAAA Ann\n{} Ann\n", key(1).to_text().trim());
    let mistakes = trusted_keys(&wrong, "trusted_keys").unwrap_err();
    assert_eq!(mistakes.iter().map(|it| it.line).collect::<Vec<_>>(), [1, 2, 3]);
    // A private key that got there by mistake is not repeated.
    let secret = key(1).to_text();
    let secret = secret.trim().rsplit(':').next().unwrap();
    assert!(mistakes.iter().all(|it| !it.message.contains(secret)));
}
