//! Problem documents (RFC 9457), as the daemon and what stands before it answer.

use serde::Deserialize;

use crate::contracts::Map;

/// Longest text of an answer that is no problem document which is shown, in characters.
const SHOWN_CHARS: usize = 300;

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Problem {
    /// Names the kind of problem behind a `#`, such as `about:blank#expired`.
    #[serde(default, rename = "type")]
    pub kind: String,
    /// A few words.
    #[serde(default)]
    pub title: String,
    /// The status of the answer. What the document says about it does not count.
    #[serde(skip)]
    pub status: u16,
    /// What went wrong.
    #[serde(default)]
    pub detail: String,
    /// Each mistake in what was sent.
    #[serde(default)]
    pub errors: Vec<FieldProblem>,
    /// Everything else.
    #[serde(skip)]
    pub extensions: Map,
    /// Seconds after which another try may help.
    #[serde(skip)]
    pub retry_after_s: Option<u64>,
}

/// One mistake in what was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub struct FieldProblem {
    /// The field.
    #[serde(default)]
    pub field: Option<String>,
    /// What is wrong.
    #[serde(default)]
    pub message: String,
    /// The file, of a mistake in one.
    #[serde(default)]
    pub file: Option<String>,
    /// Its line, from 1.
    #[serde(default)]
    pub line: Option<u32>,
    /// Its column, from 1.
    #[serde(default)]
    pub column: Option<u32>,
    /// What was probably meant.
    #[serde(default)]
    pub suggestion: Option<String>,
}

impl Problem {
    /// What an answer with an error status says. One that is no problem document, such as that of a
    /// proxy, is shown as it is, cut short.
    #[must_use]
    pub fn of(status: u16, body: &[u8], retry_after_s: Option<u64>) -> Self {
        let read = serde_json::from_slice::<Map>(body).and_then(|extensions| {
            let problem: Self = serde_json::from_slice(body)?;
            Ok(Self { extensions, ..problem })
        });
        let problem = match read {
            Ok(problem) => problem,
            Err(_) => Self::of_text(&String::from_utf8_lossy(body)),
        };
        Self { status, retry_after_s, ..problem }
    }

    fn of_text(text: &str) -> Self {
        Self {
            kind: String::new(),
            title: String::new(),
            status: 0,
            detail: text.trim().chars().take(SHOWN_CHARS).collect(),
            errors: Vec::new(),
            extensions: Map::new(),
            retry_after_s: None,
        }
    }

    /// The kind of problem in a word, such as `expired`; empty where none is named.
    #[must_use]
    pub fn slug(&self) -> &str {
        self.kind.rsplit_once('#').map_or("", |(_, slug)| slug)
    }

    /// What went wrong, in one sentence.
    #[must_use]
    pub fn said(&self) -> String {
        let said = if self.detail.is_empty() { &self.title } else { &self.detail };
        if said.is_empty() { format!("status {}", self.status) } else { said.clone() }
    }

    /// The text of an extension.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.extensions.get(name).and_then(serde_json::Value::as_str)
    }
}

impl FieldProblem {
    /// The mistake in one sentence, without its place in a file.
    #[must_use]
    pub fn said(&self) -> String {
        let mut said = match &self.field {
            Some(field) => format!("`{field}`: {}", self.message),
            None => self.message.clone(),
        };
        if let Some(suggestion) = &self.suggestion {
            said.push_str(&format!(" (did you mean `{suggestion}`?)"));
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_read_from_documents_and_from_anything_else() {
        for (body, slug, said) in [
            (
                r#"{"type":"about:blank#expired","title":"Conflict","status":409,"detail":"too late"}"#,
                "expired",
                "too late",
            ),
            (r#"{"title":"Not Found"}"#, "", "Not Found"),
            (r#"{"detail": 7}"#, "", r#"{"detail": 7}"#),
            ("<html>502 Bad Gateway</html>\n", "", "<html>502 Bad Gateway</html>"),
            ("", "", "status 502"),
            ("[]", "", "[]"),
        ] {
            let problem = Problem::of(502, body.as_bytes(), None);
            assert_eq!((problem.slug(), problem.said().as_str()), (slug, said), "{body}");
            assert_eq!(problem.status, 502, "{body}");
        }
        let long = "x".repeat(1 << 20);
        assert_eq!(Problem::of(500, long.as_bytes(), None).said().len(), SHOWN_CHARS);
    }

    #[test]
    fn mistakes_keep_their_fields_places_and_suggestions() {
        let body = r#"{"detail":"no","renewed":"apr_1","errors":[
            {"field":"inputs.reop","message":"there is no such input","suggestion":"repo"},
            {"message":"a mapping is expected","file":"p.yaml","line":3,"column":5,"new":1}]}"#;
        let problem = Problem::of(422, body.as_bytes(), Some(3));
        assert_eq!(
            problem.errors[0].said(),
            "`inputs.reop`: there is no such input (did you mean `repo`?)"
        );
        assert_eq!((problem.errors[1].line, problem.errors[1].column), (Some(3), Some(5)));
        assert_eq!((problem.text("renewed"), problem.retry_after_s), (Some("apr_1"), Some(3)));
    }
}
