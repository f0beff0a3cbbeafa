//! What was asked of models and what they said, as it can be looked at afterwards.

use super::*;
use crate::orchestrator::exchanges_of;

#[tokio::test(flavor = "multi_thread")]
async fn questions_and_replies_are_kept_until_they_are_forgotten() {
    let no_plan = json!({ "say": "I will look around.", "cut": true });
    let look = plan(json!([{ "tool": "list_dir", "args": { "path": "." }, "why": "to look" }]));
    let fails = json!({ "fail": "the provider sleeps" });
    let desk = Desk::new(json!([no_plan, look, fails]), None);
    let came = desk.reach("Look around in here").await;
    assert_eq!(came.how(), (Outcome::Failed, Some(ErrorKind::Unavailable)));
    let (store, run) = (&desk.place.services().store, came.run.id);
    let told = exchanges_of(store.reader(), run).unwrap();
    let places: Vec<(u32, u32)> = told.iter().map(|it| (it.round, it.attempt)).collect();
    assert_eq!(places, [(1, 1), (1, 2), (2, 1)]);
    for it in &told {
        let messages = it.messages.as_ref().unwrap();
        assert_eq!((messages[0].role.as_str(), messages[1].role.as_str()), ("system", "user"));
        assert!(messages[1].text.contains("Look around in here"), "{messages:?}");
        assert_eq!(it.model, "scripted/test");
    }
    let answers: Vec<_> = told.iter().map(|it| it.answer.as_ref().unwrap()).collect();
    assert_eq!((answers[0].reply.as_deref(), answers[0].cut), (Some("I will look around."), true));
    assert!(answers[1].reply.as_ref().unwrap().contains("list_dir") && !answers[1].cut);
    assert_eq!((&answers[2].reply, answers[2].error_kind), (&None, Some(ErrorKind::Unavailable)));
    assert!(answers[2].message.as_ref().unwrap().contains("the provider sleeps"));

    store.forget_run_texts(run, desk.place.services().clock.now()).unwrap();
    let told = exchanges_of(store.reader(), run).unwrap();
    assert_eq!(told.len(), 3);
    for it in &told {
        assert!(it.messages.is_none() && it.answer.as_ref().unwrap().reply.is_none(), "{it:?}");
    }
}
