//! `package-lock.json` in its three versions, and `package.json`.

use serde_json::{Map, Value};

use super::stock::Notes;

const REGISTRY: &str = "https://registry.npmjs.org/";

/// Deepest nesting of a lock of version 1.
const NESTING_MAX: usize = 50;

/// Scripts that run when somebody installs the package.
const INSTALL_SCRIPTS: [&str; 5] =
    ["preinstall", "install", "postinstall", "prepare", "prepublish"];

pub(super) fn lock(text: &str, notes: &mut Notes<'_>) -> Result<(), String> {
    let lock: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    // Version 2 says all twice; `packages` is the newer way.
    if let Some(packages) = lock.get("packages").and_then(Value::as_object) {
        packages.iter().filter(|(at, _)| !at.is_empty()).for_each(|(at, package)| {
            let name = package.get("name").and_then(Value::as_str);
            let by_place = at.rsplit("node_modules/").next().unwrap_or(at);
            one(name.unwrap_or(by_place), package, notes);
        });
        return Ok(());
    }
    match lock.get("dependencies").and_then(Value::as_object) {
        Some(dependencies) => {
            nested(dependencies, notes, 0);
            Ok(())
        }
        None if lock.is_object() => Ok(()),
        None => Err("it is no object".to_owned()),
    }
}

fn nested(dependencies: &Map<String, Value>, notes: &mut Notes<'_>, depth: usize) {
    if depth > NESTING_MAX {
        return notes.finds("unreadable", "dependencies are nested too deep");
    }
    for (name, package) in dependencies {
        one(name, package, notes);
        if let Some(inner) = package.get("dependencies").and_then(Value::as_object) {
            nested(inner, notes, depth + 1);
        }
    }
}

fn one(name: &str, package: &Value, notes: &mut Notes<'_>) {
    let text = |key: &str| package.get(key).and_then(Value::as_str);
    let is = |key: &str| package.get(key).and_then(Value::as_bool) == Some(true);
    let version = text("version").unwrap_or_default();
    if is("hasInstallScript") {
        notes.finds("install_script", &format!("{name} {version} runs a script when installed"));
    }
    if is("link") {
        return notes.depends(name, version, "path");
    }
    // A lock of version 1 has the address of what is no release as the version.
    let resolved = text("resolved").or_else(|| version.contains(':').then_some(version));
    match resolved {
        Some(source) if !source.starts_with(REGISTRY) => {
            notes.depends(name, version, source);
            notes.finds("foreign_source", &format!("{name} from {source}"));
        }
        _ => {
            notes.depends(name, version, "registry");
            if text("integrity").is_none() && !is("bundled") && !is("inBundle") {
                notes.finds("no_integrity", &format!("{name} {version} has no integrity hash"));
            }
        }
    }
}

pub(super) fn manifest(text: &str, notes: &mut Notes<'_>) -> Result<(), String> {
    let manifest: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let scripts = manifest.get("scripts").and_then(Value::as_object);
    for (name, script) in scripts.into_iter().flatten() {
        if INSTALL_SCRIPTS.contains(&name.as_str()) {
            let script = script.as_str().unwrap_or_default();
            notes.finds("install_script", &format!("{name}: {script}"));
        }
    }
    Ok(())
}
