//! What editors and people are told about the language, made from the table.

use std::fmt::Write as _;

use super::table::{Name, sections};
use super::{CLASSES, Class};

const OPENING: &str = "\
// What rules in `policies/*.rhai` may use, for editors that know Rhai. Made from the program's own
// table by a test: `just bless` writes it anew.
module static;
";

/// What editors that know Rhai are told about the language of rules: a file of definitions.
#[must_use]
pub fn definitions() -> String {
    let mut text = OPENING.to_owned();
    for class in &CLASSES {
        for property in class.properties {
            let gives = property.gives();
            let line = format!("fn get {}(of: {}) -> {gives};", property.name(), class.name);
            entry(&mut text, property, &line);
        }
    }
    for function in sections().into_iter().flat_map(|section| section.functions) {
        entry(&mut text, function, &format!("fn {};", function.0));
    }
    text
}

fn entry(text: &mut String, name: &Name, line: &str) {
    let doc = [name.1, name.2].into_iter().filter(|part| !part.is_empty());
    // Writing to a text does not fail.
    let _ = write!(text, "\n/// {}\n{line}\n", doc.collect::<Vec<_>>().join(" — "));
}

/// The tables of `docs/policy-scripts.md`.
#[must_use]
pub fn reference() -> String {
    let mut text = String::new();
    for class in &CLASSES {
        facts(&mut text, class);
    }
    for section in sections() {
        let _ = write!(text, "\n### {}\n\n| function | gives | |\n|---|---|---|\n", section.title);
        for function in section.functions {
            let written = function.0.rsplit_once(" -> ").map_or(function.0, |(call, _)| call);
            row(&mut text, written, function);
        }
    }
    text.trim_start().to_owned()
}

fn facts(text: &mut String, class: &Class) {
    let _ = write!(
        text,
        "\n### `{}`: {}\n\n| property | type | |\n|---|---|---|\n",
        class.name, class.at
    );
    for property in class.properties {
        row(text, property.name(), property);
    }
}

fn row(text: &mut String, written: &str, name: &Name) {
    let shows = format!("`{}`", name.2.replace('|', "\\|"));
    let about = [name.1.to_owned(), shows];
    let about: Vec<_> = about.into_iter().filter(|part| !part.is_empty()).collect();
    let _ = writeln!(text, "| `{written}` | `{}` | {} |", name.gives(), about.join(": "));
}
