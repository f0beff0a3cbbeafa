//! Drives a run as the driver does: pieces of work side by side, in an order that the choices decide.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::events;
use super::scripts::World;
use crate::agent::program::Program;
use crate::agent::{Command, Phase, RunState, fold, follows, wanted};
use crate::contracts::{CallResolved, EventBody, Resolution, Timestamp};

const LONGEST_RUN: usize = 200_000;

/// Pieces of work that come too late one after the other; more go round in circles.
const LATE_IN_A_ROW: usize = 100;

/// What somebody asks of the run while it is at work.
#[derive(Debug, Clone, Copy)]
pub enum Signal {
    Pause,
    Cancel,
}

/// Pieces of work at hand, by key: the command, and how many of its batches are written.
type Work = BTreeMap<String, (Command, u32)>;

pub struct Driver<'a> {
    pub state: RunState,
    pub journal: Vec<EventBody>,
    pub world: World<'a>,
    /// The world as a crash after so many events would leave it.
    pub snapshots: Vec<(usize, World<'a>)>,
    /// Most pieces of work that were at hand at once.
    pub widest: usize,
    keeps_snapshots: bool,
    choices: Vec<u8>,
    turn: usize,
    late: usize,
    signals: Vec<(usize, Signal)>,
    work: Work,
}

/// Whether, when and how somebody interferes.
pub fn signals(choices: &[u8]) -> Vec<(usize, Signal)> {
    let at = |index: usize| usize::from(choices.get(index).copied().unwrap_or(0));
    let kind = |index: usize| match at(index) % 8 {
        0 | 1 => Some(Signal::Pause),
        2 => Some(Signal::Cancel),
        _ => None,
    };
    [(1, 2), (3, 4), (5, 6)]
        .into_iter()
        .filter_map(|(what, when)| Some((1 + at(when) % 60, kind(what)?)))
        .collect()
}

impl<'a> Driver<'a> {
    pub fn new(
        program: &Arc<Program>,
        world: World<'a>,
        journal: Vec<EventBody>,
        choices: &[u8],
        signals: Vec<(usize, Signal)>,
    ) -> Self {
        Self {
            state: super::folded(program, &journal),
            journal,
            world,
            snapshots: Vec::new(),
            widest: 0,
            keeps_snapshots: false,
            choices: choices.to_vec(),
            turn: 0,
            late: 0,
            signals,
            work: Work::new(),
        }
    }

    pub fn keep_snapshots(&mut self) {
        self.keeps_snapshots = true;
    }

    /// To the end, or until nothing can be done any more. Calls in doubt are settled truthfully.
    pub fn run(&mut self) {
        loop {
            assert!(self.journal.len() < LONGEST_RUN, "does not end: {:?}", wanted(&self.state));
            self.interfere();
            if self.start_wanted() || self.advance() {
                continue;
            }
            if self.state.paused {
                self.append(events::unpaused());
            } else if !self.settle_doubts() {
                return;
            }
        }
    }

    fn interfere(&mut self) {
        let due = self.signals.iter().position(|(at, _)| *at <= self.journal.len());
        let Some(index) = due.filter(|_| self.state.outcome.is_none()) else { return };
        let signal = match self.signals.remove(index).1 {
            Signal::Pause => events::paused(),
            Signal::Cancel => events::cancelled(),
        };
        self.append(signal);
    }

    /// True when something was recorded, so that the state wants something else.
    fn start_wanted(&mut self) -> bool {
        let mut recorded = false;
        for command in wanted(&self.state) {
            match command {
                Command::Record(body) => {
                    self.append(*body);
                    recorded = true;
                }
                command => {
                    self.work.entry(command.key()).or_insert((command, 0));
                }
            }
        }
        self.widest = self.widest.max(self.work.len());
        recorded
    }

    /// Lets one piece of work write its next batch.
    fn advance(&mut self) -> bool {
        if self.work.is_empty() {
            return false;
        }
        let choice = self.choices.get(self.turn % self.choices.len()).copied().unwrap_or(0);
        self.turn += 1;
        let index = usize::from(choice) % self.work.len();
        let key = self.work.keys().nth(index).expect("in range").clone();
        let (command, stage) = self.work.remove(&key).expect("is there");
        let started = matches!(command, Command::Execute { .. }) && stage == 1;
        let (batch, more) = self.world.advance(&self.state, &command, stage);
        let late = batch.first().is_none_or(|event| !follows(&self.state, event));
        assert!(
            !(started && late),
            "the end of {command:?} is thrown away: {:#?}",
            events::told(&self.journal)
        );
        self.late = if late { self.late + 1 } else { 0 };
        assert!(
            self.late < LATE_IN_A_ROW,
            "{command:?} is wanted and refused: {:#?}\n{:#?}",
            events::told(&self.journal),
            self.state.program
        );
        if late {
            return true;
        }
        if more {
            self.work.insert(key, (command, stage + 1));
        }
        for event in batch {
            self.append(event);
        }
        true
    }

    fn append(&mut self, event: EventBody) {
        fold(&mut self.state, Timestamp::from_ms(0), &event).expect("the event follows");
        self.journal.push(event);
        if self.keeps_snapshots {
            let mut world = self.world.clone();
            for (command, stage) in self.work.values() {
                if let (Command::Execute { call_id, .. }, 1) = (command, stage) {
                    world.lose(*call_id);
                }
            }
            self.snapshots.push((self.journal.len(), world));
        }
    }

    fn settle_doubts(&mut self) -> bool {
        let doubts: Vec<(String, Option<crate::contracts::CallId>)> = self
            .state
            .nodes
            .iter()
            .filter(|(_, node)| node.phase == Phase::InDoubt)
            .map(|(path, node)| (path.clone(), node.call.map(|call| call.id)))
            .collect();
        for (path, call_id) in &doubts {
            let happened = call_id.is_some_and(|id| self.world.happened.contains_key(&id));
            let resolution = if happened { Resolution::Happened } else { Resolution::DidNotHappen };
            let call_id = call_id.expect("a doubt is about a call");
            let by = "simulation".to_owned();
            let path = path.clone();
            self.append(EventBody::CallResolved(CallResolved { call_id, path, resolution, by }));
        }
        !doubts.is_empty()
    }
}
