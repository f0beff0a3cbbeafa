//! One `*_test.yaml`, read.

use super::expect::Expect;
use super::situation::Situation;
use crate::contracts::{Diagnostic, Map, Profile};
use crate::policy::Source;
use crate::policy::document::{schema, text};
use crate::policy::example::{Call, call};
use crate::policy::vocabulary::PROFILES;
use crate::yaml::{Fields, Limits, Node, Place, Value, parse};

/// Cases of a file: more are a mistake, so that judging them has an end.
const CASES_MAX: usize = 5_000;

/// A test file.
#[derive(Debug, Default)]
pub(super) struct TestFile {
    pub(super) cases: Vec<Case>,
    /// Names of the files of rules that it is about, without endings; all where it is absent.
    pub(super) of: Option<Vec<String>>,
}

/// One call, and what must come of it.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) place: Place,
    /// Where the tool is named.
    pub(super) tool_place: Place,
    pub(super) tool: String,
    pub(super) args: Map,
    /// Where `args` begins, with the place of each.
    pub(super) arg_places: Vec<(String, Place)>,
    pub(super) profile: Option<Profile>,
    pub(super) situation: Situation,
    pub(super) expect: Expect,
}

/// What reading a case needs to know of its file.
struct Around<'a> {
    file: &'a str,
    profile: Option<Profile>,
    /// The ids of all rules.
    known: &'a [String],
}

/// Reads `source`; notes every mistake. `known` are the ids of the rules that there are.
pub(super) fn read(
    source: &Source,
    known: &[String],
    stems: &[String],
    mistakes: &mut Vec<Diagnostic>,
) -> TestFile {
    let file = source.path.as_str();
    let Some(text) = text(source, mistakes) else { return TestFile::default() };
    let root = match parse(file, text, Limits::default()) {
        Ok(root) => root,
        Err(found) => {
            mistakes.extend(found);
            return TestFile::default();
        }
    };
    if root.value == Value::Null {
        mistakes.push(root.error(file, "zero-tests", "the file has no tests"));
        return TestFile::default();
    }
    let Some(mut fields) = Fields::of(file, "a test file", &root, mistakes) else {
        return TestFile::default();
    };
    schema(file, &root, &mut fields, mistakes);
    let profile = fields.choice("profile", &PROFILES, mistakes);
    let of = fields.texts("of", mistakes).map(|texts| about(file, texts, stems, mistakes));
    let around = Around { file, profile, known };
    let cases = fields.list("cases", mistakes).unwrap_or_default();
    let rows = fields.list("commands", mistakes).unwrap_or_default();
    let none = fields.node("cases").is_none() && fields.node("commands").is_none();
    fields.finish(mistakes);
    if none || (cases.is_empty() && rows.is_empty()) {
        let message = "the file has no tests: write `cases` or `commands`";
        mistakes.push(root.error(file, "zero-tests", message));
    }
    if let Some(node) = cases.iter().chain(rows).nth(CASES_MAX) {
        let message = format!("more than {CASES_MAX} tests in one file");
        mistakes.push(node.error(file, "too-many-tests", message));
        return TestFile::default();
    }
    let mut read: Vec<Case> = cases.iter().filter_map(|node| around.case(node, mistakes)).collect();
    read.extend(rows.iter().filter_map(|node| around.row(node, mistakes)));
    TestFile { cases: read, of }
}

/// The files of rules under `of`, each of which must be there.
fn about(
    file: &str,
    texts: Vec<(&str, Place)>,
    stems: &[String],
    mistakes: &mut Vec<Diagnostic>,
) -> Vec<String> {
    for (text, place) in &texts {
        if !stems.iter().any(|stem| stem == text) {
            let message = format!("there is no file of rules `{text}`");
            let error = place.error(file, "unknown-file", message);
            let like = crate::yaml::did_you_mean(text, stems.iter().map(String::as_str));
            mistakes.push(match like {
                Some(like) => error.suggest(like),
                None => error.suggest("write its name without directory and ending"),
            });
        }
    }
    texts.into_iter().map(|(text, _)| text.to_owned()).collect()
}

impl Around<'_> {
    /// An entry of `cases:`.
    fn case(&self, node: &Node, mistakes: &mut Vec<Diagnostic>) -> Option<Case> {
        let file = self.file;
        let mut fields = Fields::of(file, "a case", node, mistakes)?;
        let name = fields.text("name", mistakes).map(str::to_owned);
        let profile = fields.choice("profile", &PROFILES, mistakes).or(self.profile);
        let request = self.required(&mut fields, "request", node, mistakes);
        let request = request.and_then(|request| self.request(request, mistakes));
        let situation = match fields.node("context") {
            Some(context) => Situation::read(file, context, mistakes),
            None => Some(Situation::default()),
        };
        let expected = self.required(&mut fields, "expect", node, mistakes);
        let expect = expected.and_then(|expected| {
            let mut fields = Fields::of(file, "`expect`", expected, mistakes)?;
            let expect = Expect::read(file, &mut fields, self.known, mistakes);
            fields.finish(mistakes);
            Some(expect)
        });
        fields.finish(mistakes);
        let (call, place) = request?;
        let name = name.unwrap_or_else(|| call.shown());
        Some(Case::of(name, node.place, place, call, profile, situation?, expect?))
    }

    /// An entry of `commands:`: the command, what must come of it, and little else.
    fn row(&self, node: &Node, mistakes: &mut Vec<Diagnostic>) -> Option<Case> {
        let mut fields = Fields::of(self.file, "a row", node, mistakes)?;
        let call = call(self.file, node, &mut fields, mistakes);
        let expect = Expect::read(self.file, &mut fields, self.known, mistakes);
        let name = fields.text("name", mistakes).map(str::to_owned);
        let profile = fields.choice("profile", &PROFILES, mistakes).or(self.profile);
        let situation = match fields.node("context") {
            Some(context) => Situation::read(self.file, context, mistakes),
            None => Some(Situation::default()),
        };
        fields.finish(mistakes);
        let call = call?;
        let name = name.unwrap_or_else(|| call.shown());
        Some(Case::of(name, node.place, node.place, call, profile, situation?, expect))
    }

    fn request(&self, node: &Node, mistakes: &mut Vec<Diagnostic>) -> Option<(Call, Place)> {
        let mut fields = Fields::of(self.file, "`request`", node, mistakes)?;
        let place = fields.node("tool").map_or(node.place, |tool| tool.place);
        let call = call(self.file, node, &mut fields, mistakes);
        fields.finish(mistakes);
        Some((call?, place))
    }

    fn required<'a>(
        &self,
        fields: &mut Fields<'a>,
        key: &'static str,
        node: &Node,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Option<&'a Node> {
        let found = fields.node(key);
        if found.is_none() {
            let message = format!("a case needs `{key}`");
            mistakes.push(node.error(self.file, "missing-key", message));
        }
        found
    }
}

impl Case {
    fn of(
        name: String,
        place: Place,
        tool_place: Place,
        call: Call,
        profile: Option<Profile>,
        situation: Situation,
        expect: Expect,
    ) -> Self {
        let Call { tool, args, places } = call;
        Self { name, place, tool_place, tool, args, arg_places: places, profile, situation, expect }
    }
}
