//! `Cargo.lock`.

use serde::Deserialize;

use super::stock::Notes;

/// How Cargo writes the registry of everybody.
const REGISTRIES: [&str; 2] =
    ["registry+https://github.com/rust-lang/crates.io-index", "sparse+https://index.crates.io/"];

#[derive(Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    source: Option<String>,
    checksum: Option<String>,
}

pub(super) fn lock(text: &str, notes: &mut Notes<'_>) -> Result<(), String> {
    let lock: Lock = toml::from_str(text).map_err(|error| error.message().to_owned())?;
    for package in &lock.package {
        let Package { name, version, source, checksum } = package;
        match source.as_deref() {
            // The package itself, or one beside it: what it is stands in the tree.
            None => notes.depends(name, version, "path"),
            Some(source) if REGISTRIES.contains(&source) => {
                notes.depends(name, version, "registry");
                if checksum.is_none() {
                    notes.finds("no_integrity", &format!("{name} {version} has no checksum"));
                }
            }
            Some(source) => {
                notes.depends(name, version, source);
                notes.finds("foreign_source", &format!("{name} {version} from {source}"));
            }
        }
    }
    Ok(())
}
