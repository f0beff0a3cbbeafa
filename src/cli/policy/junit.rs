//! Test results as JUnit XML, which continuous integration reads: one suite for each file.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use super::test::told;
use crate::contracts::{Diagnostic, Severity};
use crate::policy::{Outcome, TestReport, TestResult};

/// The document.
pub(super) fn junit(report: &TestReport) -> String {
    let errors: Vec<&Diagnostic> =
        report.mistakes.iter().filter(|one| one.severity == Severity::Error).collect();
    let items = report.items.iter().map(|item| item.file.as_str());
    let files: BTreeSet<&str> = items.chain(errors.iter().map(|one| one.file.as_str())).collect();
    let mut xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    let all: Vec<&Outcome> = report.items.iter().collect();
    open(&mut xml, "", "testsuites", "bailiwick policy test", &all, errors.len());
    for file in files {
        let items: Vec<&Outcome> = all.iter().copied().filter(|item| item.file == file).collect();
        let broken: Vec<&Diagnostic> =
            errors.iter().copied().filter(|one| one.file == file).collect();
        open(&mut xml, "  ", "testsuite", file, &items, broken.len());
        broken.iter().for_each(|one| mistake(&mut xml, one));
        items.iter().for_each(|item| case(&mut xml, item));
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

/// Times are not measured: cases take microseconds.
fn open(xml: &mut String, indent: &str, tag: &str, name: &str, items: &[&Outcome], errors: usize) {
    let count = |result| items.iter().filter(|item| item.result == result).count();
    let (failed, skipped) = (count(TestResult::Failed), count(TestResult::NotTried));
    let (name, tests) = (escaped(name), items.len() + errors);
    // Writing to a String cannot fail.
    let _ = writeln!(
        xml,
        "{indent}<{tag} name=\"{name}\" tests=\"{tests}\" failures=\"{failed}\" errors=\"{errors}\" skipped=\"{skipped}\" time=\"0\">",
    );
}

fn case(xml: &mut String, item: &Outcome) {
    let (name, class, line) = (escaped(&item.name), escaped(&class(&item.file)), item.line);
    let file = escaped(&item.file);
    let _ = write!(
        xml,
        "    <testcase name=\"{name}\" classname=\"{class}\" file=\"{file}\" line=\"{line}\" time=\"0\"",
    );
    let why = escaped(&item.why.join("; "));
    match item.result {
        TestResult::Passed => xml.push_str("/>\n"),
        TestResult::NotTried => {
            let _ = writeln!(xml, ">\n      <skipped message=\"{why}\"/>\n    </testcase>");
        }
        TestResult::Failed => {
            let mut all = String::new();
            told(item, &mut all);
            let all = escaped_text(&all);
            let _ = writeln!(
                xml,
                ">\n      <failure message=\"{why}\" type=\"test-failed\">{all}</failure>\n    </testcase>",
            );
        }
    }
}

fn mistake(xml: &mut String, one: &Diagnostic) {
    let (class, file) = (escaped(&class(&one.file)), escaped(&one.file));
    let (code, line, message) = (escaped(&one.code), one.line, escaped(&one.message));
    let all = escaped_text(&one.to_string());
    let _ = writeln!(
        xml,
        "    <testcase name=\"{file}:{line}\" classname=\"{class}\" file=\"{file}\" line=\"{line}\" time=\"0\">\n      \
         <error message=\"{message}\" type=\"{code}\">{all}</error>\n    </testcase>",
    );
}

/// `policies/my_test.yaml` as `policies.my_test`: readers make a tree of the dots.
fn class(file: &str) -> String {
    let plain = file.trim_start_matches(['/', '.']);
    let plain = plain.rsplit_once('.').map_or(plain, |(stem, _)| stem);
    plain.replace('/', ".")
}

/// For attributes: a line break would become a blank.
fn escaped(text: &str) -> String {
    escaped_text(text).replace('\n', "&#10;").replace('\t', "&#9;").replace('\r', "&#13;")
}

/// A text in which nothing is markup, and which has no character that XML cannot hold.
fn escaped_text(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&apos;"),
            '\n' | '\t' | '\r' => safe.push(c),
            _ if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => {
                safe.push(char::REPLACEMENT_CHARACTER);
            }
            _ => safe.push(c),
        }
    }
    safe
}
