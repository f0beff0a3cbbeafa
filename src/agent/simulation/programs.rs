//! Random programs: graphs, blocks, loops, calls, gates.

use super::scripts::{Child, PLANS, Script, Scripts};
use crate::agent::gate_of;
use crate::agent::program::{
    Block, Body, Foreach, Gate, Order, Program, Retry, Rewind, Step, StepKind,
};
use crate::contracts::{Budget, CallEffect, Effect, ErrorKind};

/// Bytes that decide; zeros once they are used up.
pub struct Entropy<'a> {
    bytes: std::slice::Iter<'a, u8>,
}

impl<'a> Entropy<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes: bytes.iter() }
    }

    fn below(&mut self, bound: u8) -> u8 {
        self.bytes.next().map_or(0, |byte| byte % bound)
    }

    fn one_in(&mut self, bound: u8) -> bool {
        self.below(bound) == bound - 1
    }
}

struct Maker<'a, 'b> {
    entropy: &'a mut Entropy<'b>,
    scripts: Scripts,
    next: u32,
}

pub fn arbitrary(entropy: &mut Entropy<'_>) -> (Program, Scripts) {
    let mut maker = Maker { entropy, scripts: Scripts::new(), next: 0 };
    let steps = maker.block(4, 2);
    let on_failure = maker.sequence(2, 0);
    let always = maker.sequence(2, 1);
    let verify = vec!["true".to_owned(); usize::from(maker.entropy.below(2))];
    let few = maker.entropy.one_in(6);
    let budget = Budget { steps: if few { 4 } else { 60 }, ..Budget::default() };
    let planned = maker.entropy.one_in(3);
    let steps = if planned { maker.plans() } else { steps };
    (Program { steps, on_failure, always, verify, budget, planned }, maker.scripts)
}

impl Maker<'_, '_> {
    /// Nothing yet, and scripts for what is planned and for what its steps do.
    fn plans(&mut self) -> Block {
        let plans = self.script();
        for round in 1..=plans.items {
            let ids = [gate_of(round), format!("p{round}_1"), format!("p{round}_2")];
            for id in ids {
                let script = self.script();
                self.scripts.insert(id, script);
            }
        }
        self.scripts.insert(PLANS.to_owned(), plans);
        Block::default()
    }

    fn sequence(&mut self, max: u8, depth: u8) -> Block {
        let count = self.entropy.below(max);
        Block { steps: (0..count).map(|_| self.step(depth)).collect(), order: Order::Sequence }
    }

    /// At least one step; half of the blocks are graphs.
    fn block(&mut self, max: u8, depth: u8) -> Block {
        let count = 1 + self.entropy.below(max);
        let mut steps: Vec<Step> = (0..count).map(|_| self.step(depth)).collect();
        let graph = self.entropy.one_in(2);
        if graph {
            for index in 1..steps.len() {
                for before in 0..index {
                    if self.entropy.one_in(3) {
                        let id = steps[before].id.clone();
                        steps[index].needs.push(id);
                    }
                }
            }
        }
        self.point_gates_back(&mut steps, graph);
        let parallel = 1 + u32::from(self.entropy.below(3));
        let order = if graph { Order::Graph { parallel } } else { Order::Sequence };
        Block { steps, order }
    }

    fn point_gates_back(&mut self, steps: &mut [Step], graph: bool) {
        for index in 0..steps.len() {
            let before: Vec<String> = if graph {
                steps[index].needs.clone()
            } else {
                steps[..index].iter().map(|step| step.id.clone()).collect()
            };
            let chosen = usize::from(self.entropy.below(8));
            let StepKind::Approval(gate) = &mut steps[index].kind else { continue };
            if let Some(to) = before.get(chosen) {
                gate.rewind = Some(Rewind { to: to.clone(), attempts: 2 });
            }
        }
    }

    fn step(&mut self, depth: u8) -> Step {
        self.next += 1;
        let id = format!("s{}", self.next);
        let kind = match self.entropy.below(10) {
            0..=4 => StepKind::Tool,
            5 => StepKind::Call,
            6 => {
                let approvers = 1 + u32::from(self.entropy.below(3));
                StepKind::Approval(Gate { ttl_ms: 1, approvers, rewind: None })
            }
            _ if depth == 0 => StepKind::Tool,
            _ => StepKind::Block(Box::new(Body {
                steps: self.block(3, depth - 1),
                rescue: self.sequence(3, depth - 1),
                always: self.sequence(2, depth - 1),
            })),
        };
        let loops = self.entropy.one_in(4) && !matches!(kind, StepKind::Approval(_));
        let script = self.script();
        self.scripts.insert(id.clone(), script);
        Step {
            id,
            needs: Vec::new(),
            kind,
            foreach: loops.then_some(Foreach { parallel: 2, limit: 10 }),
            retry: Retry {
                attempts: 1 + u32::from(self.entropy.below(3)),
                initial_ms: 1,
                ..Retry::default()
            },
            continue_on_error: self.entropy.one_in(5),
        }
    }

    fn script(&mut self) -> Script {
        let effects = [
            CallEffect::Read,
            CallEffect::Idempotent,
            CallEffect::NonIdempotent,
            CallEffect::Irreversible,
        ];
        let verdict = match self.entropy.below(40) {
            30..=38 => Effect::Ask,
            39 => Effect::Deny,
            _ => Effect::Allow,
        };
        let fails = if self.entropy.one_in(5) { 1 + u32::from(self.entropy.below(3)) } else { 0 };
        let child = match self.entropy.below(16) {
            14 => Child { ok: false, kind: Some(ErrorKind::Io), steps: 2 },
            15 => Child { ok: false, kind: Some(ErrorKind::Denied), steps: 0 },
            steps => Child { ok: true, kind: None, steps: u32::from(steps % 4) },
        };
        Script {
            effect: effects[usize::from(self.entropy.below(4))],
            verdict,
            answer: !self.entropy.one_in(12),
            approvers: 1 + u32::from(self.entropy.below(3)),
            comments: u32::from(self.entropy.below(4)),
            fails,
            error: ErrorKind::Unavailable,
            retryable: self.entropy.one_in(2),
            items: u32::from(self.entropy.below(4)),
            skipped: self.entropy.one_in(8),
            child,
        }
    }
}
