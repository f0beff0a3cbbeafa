use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::contracts::{
    Area, ErrorKind, ForgetReceipt, MemoryAnswer, MemoryDraft, MemoryHit, MemoryId, MemoryOrigin,
    MemoryQuery, MemorySelection, ToolCall, ToolError, Why, Written, WrittenAs,
};
use crate::ports::Memories;
use crate::tools::fixture::Bench;

/// Says what it was asked, and answers what a test put there. The real one is tried with the program.
#[derive(Default)]
struct Heard {
    hits: Vec<MemoryHit>,
    asked: Mutex<Vec<String>>,
}

impl Heard {
    fn note(&self, what: String) {
        self.asked.lock().unwrap().push(what);
    }

    fn answer(&self) -> MemoryAnswer {
        MemoryAnswer { items: self.hits.clone(), ..MemoryAnswer::default() }
    }
}

impl Memories for Heard {
    fn search(&self, query: &MemoryQuery) -> Result<MemoryAnswer, ToolError> {
        self.note(format!("search {} {:?} k={}", query.text, query.areas, query.k));
        Ok(self.answer())
    }

    fn full_text(&self, query: &str, areas: &[Area], k: usize) -> Result<MemoryAnswer, ToolError> {
        self.note(format!("full_text {query} {areas:?} k={k}"));
        Ok(self.answer())
    }

    fn write(&self, draft: MemoryDraft, call: &ToolCall) -> Result<Written, ToolError> {
        self.note(format!("write {} {}", draft.area.name(), draft.text));
        let (id, area) = (MemoryId::from_uuid(call.id.uuid()), draft.area);
        Ok(Written { id, became: WrittenAs::New, area, moved: None, struck: false })
    }

    fn forget(&self, meant: &MemorySelection, _: &ToolCall) -> Result<ForgetReceipt, ToolError> {
        self.note(format!("forget {meant:?}"));
        Err(ToolError::new(ErrorKind::NotFound, "there is none"))
    }
}

fn hit(origin: MemoryOrigin, labels: &[&str]) -> MemoryHit {
    MemoryHit {
        id: MemoryId::from_uuid(uuid::Uuid::from_u128(7)),
        external_ids: Vec::new(),
        area: Area::Fragments,
        text: "the sky is blue".to_owned(),
        subject: None,
        event_time: None,
        origin,
        trust: origin.trust(),
        labels: labels.iter().map(|label| (*label).to_owned()).collect(),
        score: 0.5,
        why: Why::default(),
    }
}

fn bench(hits: Vec<MemoryHit>) -> (Bench, Arc<Heard>) {
    let heard = Arc::new(Heard { hits, asked: Mutex::default() });
    let mut bench = Bench::new();
    bench.context_mut().memories = Some(Arc::clone(&heard) as Arc<dyn Memories>);
    (bench, heard)
}

#[test]
fn an_answer_is_labelled_with_where_each_record_came_from() {
    let cases = [
        (vec![hit(MemoryOrigin::User, &["user"])], vec!["user"]),
        (vec![hit(MemoryOrigin::File, &[])], vec![]),
        (vec![hit(MemoryOrigin::Model, &[])], vec!["untrusted:memory"]),
        (
            vec![hit(MemoryOrigin::Tool, &["model", "workspace"])],
            vec!["memory", "model", "workspace"],
        ),
        (vec![hit(MemoryOrigin::Web, &["workspace"])], vec!["untrusted:memory", "workspace"]),
        (
            vec![hit(MemoryOrigin::Consolidation, &["untrusted:web", "user"])],
            vec!["untrusted:memory", "untrusted:web", "user"],
        ),
        (
            vec![hit(MemoryOrigin::User, &[]), hit(MemoryOrigin::Web, &["untrusted:web"])],
            vec!["untrusted:memory", "untrusted:web"],
        ),
        (vec![], vec![]),
    ];
    for (hits, labels) in cases {
        for tool in ["memory_search", "fulltext_search"] {
            let (bench, _) = bench(hits.clone());
            let output = bench.call(tool, json!({ "query": "sky" }));
            assert_eq!(output.labels, labels, "{tool}");
            assert_eq!(output.data.unwrap()["items"].as_array().unwrap().len(), hits.len());
        }
    }
}

#[test]
fn arguments_are_handed_on_and_nonsense_is_refused() {
    let (bench, heard) = bench(Vec::new());
    bench.call("memory_search", json!({ "query": "sky", "areas": ["main"], "k": 3 }));
    bench.call("memory_write", json!({ "area": "solutions", "text": "checks pass" }));
    bench.call("memory_forget", json!({ "subject": "Ann" }));
    let asked = heard.asked.lock().unwrap().clone();
    assert_eq!(asked[0], "search sky [Main] k=3");
    assert_eq!(asked[1], "write solutions checks pass");
    assert!(asked[2].contains("Ann"), "{asked:?}");
    let cases = [
        ("memory_search", json!({ "query": "sky", "areas": ["cellar"] })),
        ("memory_search", json!({ "query": "sky", "as_of": "last year" })),
        ("fulltext_search", json!({ "query": "sky", "areas": ["cellar"] })),
        ("memory_write", json!({ "area": "cellar", "text": "x" })),
        ("memory_write", json!({ "area": "main", "text": "x", "event_time": "soon" })),
        ("memory_forget", json!({})),
        ("memory_forget", json!({ "ids": ["7"] })),
    ];
    for (tool, args) in cases {
        let error = bench.call(tool, args.clone()).error.unwrap();
        assert_eq!(error.kind, ErrorKind::BadArguments, "{tool} {args}");
    }
    assert_eq!(heard.asked.lock().unwrap().len(), asked.len());
}

#[test]
fn without_a_store_there_is_no_memory() {
    let error = Bench::new().call("memory_search", json!({ "query": "sky" })).error.unwrap();
    assert_eq!(error.kind, ErrorKind::Unavailable);
}
