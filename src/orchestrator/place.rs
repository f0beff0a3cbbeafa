//! Where a path leads in a playbook: the steps on the way, and the items it goes through.
//!
//! `outer[2]/inner[3]` is the fourth item of `inner`, inside of the third item of the block `outer`.

use crate::agent::indexed;
pub(super) use crate::agent::{Part, join};
use crate::playbook::{Action, Playbook, Step};

/// One step on the way of a path.
#[derive(Debug, Clone)]
pub(super) struct Stop<'a> {
    /// The step.
    pub step: &'a Step,
    /// Its path, and that of the item when the way goes through one.
    pub path: String,
    /// The position of that item in the list that the step goes over.
    pub item: Option<u32>,
}

/// The way to a step: the blocks around it, outermost first, and itself last.
#[derive(Debug, Clone, Default)]
pub(super) struct Place<'a>(pub Vec<Stop<'a>>);

impl<'a> Place<'a> {
    /// The place that `path` names.
    pub(super) fn of(playbook: &'a Playbook, path: &str) -> Option<Self> {
        let mut way: Vec<Stop<'a>> = Vec::new();
        for segment in path.split('/') {
            let lists = match way.last() {
                None => sections(playbook),
                Some(stop) => inside(stop.step)?,
            };
            let (step, item) = named(lists, segment)?;
            let path = match way.last() {
                None => segment.to_owned(),
                Some(stop) => format!("{}/{segment}", stop.path),
            };
            way.push(Stop { step, path, item });
        }
        Some(Self(way))
    }

    /// The step itself.
    pub(super) fn step(&self) -> Option<&Stop<'a>> {
        self.0.last()
    }

    /// The path under which the step called `id` is seen from here: in the same instance of every
    /// block around both. `None` when there is no such step, or when it is inside of a loop that this
    /// place is not in.
    pub(super) fn sees(&self, playbook: &'a Playbook, id: &str) -> Option<(&'a Step, String)> {
        let chain = chain(sections(playbook), id)?;
        let (step, around) = chain.split_last()?;
        let mut path = String::new();
        for (depth, block) in around.iter().enumerate() {
            let here = self.0.get(depth).filter(|stop| stop.step.id == block.id);
            match here {
                Some(stop) if stop.item.is_some() || block.foreach.is_none() => {
                    path.clone_from(&stop.path);
                }
                _ if block.foreach.is_none() => path = join(&path, &block.id),
                _ => return None,
            }
        }
        Some((step, join(&path, &step.id)))
    }
}

/// The id of the step that a path leads to, without the item; only for paths whose playbook is not at
/// hand.
pub(super) fn last_id(path: &str) -> &str {
    let last = path.rsplit('/').next().unwrap_or(path);
    last.split_once('[').map_or(last, |(id, _)| id)
}

type Lists<'a> = [(Part, &'a [Step]); 3];

/// The lists of a run.
pub(super) fn sections(playbook: &Playbook) -> Lists<'_> {
    [
        (Part::Steps, &playbook.steps),
        (Part::Rescue, &playbook.on_failure),
        (Part::Always, &playbook.always),
    ]
}

/// The lists inside of a block.
pub(super) fn inside(step: &Step) -> Option<Lists<'_>> {
    let Action::Block(body) = &step.action else { return None };
    Some([(Part::Steps, &body.steps), (Part::Rescue, &body.rescue), (Part::Always, &body.always)])
}

/// The step that one segment of a path names, and the item. Ids that the program gives may end in
/// brackets themselves, so that the whole segment is tried first.
fn named<'a>(lists: Lists<'a>, segment: &str) -> Option<(&'a Step, Option<u32>)> {
    let find = |id: &str| {
        let mut all = lists.into_iter().flat_map(|(_, steps)| steps);
        all.find(|step| step.id == id)
    };
    if let Some(step) = find(segment) {
        return Some((step, None));
    }
    let (id, index) = indexed(segment)?;
    let step = find(id).filter(|step| step.foreach.is_some())?;
    Some((step, Some(index)))
}

/// The step called `id` with the blocks around it, outermost first.
fn chain<'a>(lists: Lists<'a>, id: &str) -> Option<Vec<&'a Step>> {
    for step in lists.into_iter().flat_map(|(_, steps)| steps) {
        if step.id == id {
            return Some(vec![step]);
        }
        if let Some(mut rest) = inside(step).and_then(|lists| chain(lists, id)) {
            rest.insert(0, step);
            return Some(rest);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbook::{LintLimits, NoLibrary, lint};
    use crate::tools;

    const NESTED: &str = r#"
schema: 1
name: nested
description: Blocks and loops.
permissions: { tools: [list_dir], read: ["."] }
steps:
  - { id: first, tool: list_dir, args: { path: "." } }
  - id: outer
    foreach: { in: [1, 2, 3], as: one, limit: 3 }
    block:
      - { id: before, tool: list_dir, args: { path: "." } }
      - id: inner
        foreach: { in: [1, 2], as: two, limit: 2 }
        block:
          - { id: leaf, tool: list_dir, args: { path: "." } }
          - { id: next, tool: list_dir, args: { path: "." } }
  - id: plain
    block:
      - { id: inside, tool: list_dir, args: { path: "." } }
    rescue:
      - { tool: list_dir, args: { path: "." } }
"#;

    fn playbook() -> Playbook {
        let linted =
            lint("p.yaml", NESTED, &tools::vocabulary(), &LintLimits::default(), &NoLibrary);
        linted.playbook.unwrap_or_else(|| panic!("{:?}", linted.diagnostics))
    }

    #[test]
    fn a_path_leads_to_its_step_and_its_items() {
        let playbook = playbook();
        for (path, id, items) in [
            ("first", "first", &[][..]),
            ("outer", "outer", &[]),
            ("outer[2]", "outer", &[2]),
            ("outer[2]/inner", "inner", &[2]),
            ("outer[2]/inner[1]/leaf", "leaf", &[2, 1]),
            ("plain/inside", "inside", &[]),
            ("plain/plain.rescue[0]", "plain.rescue[0]", &[]),
        ] {
            let place = Place::of(&playbook, path).unwrap_or_else(|| panic!("{path}"));
            assert_eq!(place.step().map(|stop| stop.step.id.as_str()), Some(id), "{path}");
            assert_eq!(place.step().map(|stop| stop.path.as_str()), Some(path));
            let found: Vec<u32> = place.0.iter().filter_map(|stop| stop.item).collect();
            assert_eq!(found, items, "{path}");
        }
        for path in ["", "nothing", "first[0]", "first/x", "outer[x]", "outer[02]", "plain/leaf"] {
            assert!(Place::of(&playbook, path).is_none(), "{path}");
        }
    }

    #[test]
    fn siblings_are_those_of_the_same_instance_and_what_is_in_a_loop_is_not_seen_from_outside() {
        let playbook = playbook();
        for (from, id, path) in [
            ("outer[2]/inner[1]/next", "leaf", Some("outer[2]/inner[1]/leaf")),
            ("outer[2]/inner[1]/next", "before", Some("outer[2]/before")),
            ("outer[2]/inner[1]/next", "first", Some("first")),
            ("outer[2]/inner", "before", Some("outer[2]/before")),
            ("plain", "before", None),
            ("plain", "outer", Some("outer")),
            ("outer[0]/before", "inside", Some("plain/inside")),
            ("outer[0]/before", "leaf", None),
            ("outer[0]/before", "nothing", None),
        ] {
            let place = Place::of(&playbook, from).unwrap_or_else(|| panic!("{from}"));
            let seen = place.sees(&playbook, id).map(|(_, path)| path);
            assert_eq!(seen.as_deref(), path, "{id} from {from}");
        }
        let run = Place::default().sees(&playbook, "inside").map(|(_, path)| path);
        assert_eq!(run.as_deref(), Some("plain/inside"));
    }
}
