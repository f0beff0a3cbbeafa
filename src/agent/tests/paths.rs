//! Which step a path names, and what a handler sees.

use super::make::{block, body, each, program, tool};
use crate::agent::program::Program;
use crate::agent::{Part, Section};

fn nested() -> Program {
    let inner = each(
        1,
        block("inner", body(vec![each(1, tool("x"))], vec![tool("inner.rescue[0]")], vec![])),
    );
    program(vec![
        each(1, block("outer", body(vec![inner], vec![], vec![tool("z")]))),
        tool("on_failure[0]"),
    ])
}

#[test]
fn paths_lead_through_loops_and_blocks() {
    let program = nested();
    let cases = [
        ("outer", Some(("outer", vec![]))),
        ("outer[2]", Some(("outer", vec![2]))),
        ("outer[2]/inner", Some(("inner", vec![2]))),
        ("outer[2]/inner[0]/x[7]", Some(("x", vec![2, 0, 7]))),
        ("outer[2]/inner[0]/inner.rescue[0]", Some(("inner.rescue[0]", vec![2, 0]))),
        ("outer[2]/z", Some(("z", vec![2]))),
        ("on_failure[0]", Some(("on_failure[0]", vec![]))),
        ("outer/inner", None),
        ("outer[2]/x", None),
        ("outer[02]", None),
        ("z", None),
        ("on_failure[1]", None),
        ("", None),
    ];
    for (path, expected) in cases {
        let found = program.locate(path).map(|at| {
            (at.step.id.as_str(), at.items.iter().map(|(_, index)| *index).collect::<Vec<_>>())
        });
        assert_eq!(found, expected, "{path}");
    }
}

#[test]
fn a_step_knows_its_instance() {
    let program = nested();
    let at = program.locate("outer[2]/inner[0]/inner.rescue[0]").unwrap();
    assert_eq!((at.section, at.item()), (Section::Main, None));
    let parents: Vec<(&str, Part)> =
        at.parents.iter().map(|parent| (parent.path.as_str(), parent.part)).collect();
    assert_eq!(parents, [("outer[2]", Part::Steps), ("outer[2]/inner[0]", Part::Rescue)]);
    assert_eq!(at.sibling("x"), "outer[2]/inner[0]/x");
    let item = program.locate("outer[2]/inner[5]").unwrap();
    assert_eq!((item.of.as_deref(), item.item()), (Some("outer[2]/inner"), Some(5)));
}
