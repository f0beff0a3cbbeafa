//! The process that becomes the command of a broker's cell. The world around it stands already, with most
//! filters of system calls; what is left are the walls of the process itself. It shares memory with the first process of the cell until
//! it is the command, so it says what came of it by writing that down.

use std::convert::Infallible;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::process::{chdir, setsid};

use super::super::layers::{self, Layers};
use super::super::wire::{CallSpec, Refusal};
use super::grants::Access;
use super::landlock::{Fence, Fenced};
use super::limits::{self, Counting};
use super::sys::{self, Closing};
use super::view::PRIVATE;
use super::world::{self, World};
use super::{privileges, program};
use crate::contracts::Network;

/// What the process that starts the command learns.
#[derive(Debug)]
pub struct Outcome {
    stand: Layers,
    /// Put up once.
    fence: Option<Fence>,
    /// Where calls arrive that want an answer; descriptors are shared.
    questions: Option<OwnedFd>,
    refusal: Option<Refusal>,
}

impl Outcome {
    /// Nothing happened yet; some layers may stand, and the fence is to be put up.
    pub fn new(stand: Layers, fence: Fence) -> Self {
        Self { stand, fence: Some(fence), questions: None, refusal: None }
    }

    /// Takes the place where calls arrive that want an answer.
    pub fn take_questions(&mut self) -> Option<OwnedFd> {
        self.questions.take()
    }

    /// The layers around the command, or why there is none.
    pub fn into_layers(self) -> Result<Layers, Refusal> {
        match self.refusal {
            None => Ok(self.stand),
            Some(refusal) => Err(refusal),
        }
    }
}

/// Becomes the command. Returns, with an exit status, only when it could not.
pub fn become_command(
    world: &World,
    spec: &CallSpec,
    counts: bool,
    memory: bool,
    outcome: &mut Outcome,
) -> i32 {
    let counting = counting(counts, memory);
    let Err(refusal) = attempt(world, spec, counting, outcome);
    outcome.refusal = Some(refusal);
    1
}

/// Without a user namespace of its own, a cell's processes are counted by whoever looks.
fn counting(counts: bool, memory: bool) -> Counting {
    if counts { Counting::OfTheCell { memory } } else { Counting::PerProcess }
}

fn attempt(
    world: &World,
    spec: &CallSpec,
    counting: Counting,
    outcome: &mut Outcome,
) -> Result<Infallible, Refusal> {
    let Outcome { stand, fence, questions, .. } = outcome;
    setsid().map_err(|error| Refusal::helper("no session of its own", error))?;
    sys::close_from(3, Closing::OnExec)
        .map_err(|error| Refusal::missing(layers::DESCRIPTORS, error))?;
    chdir(&spec.cwd).map_err(|error| {
        let place = spec.cwd.display();
        Refusal::BadSpec(format!("the working directory `{place}` cannot be entered: {error}"))
    })?;
    world.note(counting != Counting::PerProcess, stand);
    privileges::confirm(stand)?;
    if let Some(fence) = fence.take() {
        fence.put_up(stand)?;
    }
    limits::set(&spec.limits, counting, stand)?;
    stand.enforce(layers::DESCRIPTORS);
    stand.enforce(layers::ENVIRONMENT);
    stand.enforce(layers::TREE_KILL);
    stand.enforce(format!("{}:supervised", layers::PIDS));
    match &world.filters {
        Some(filters) if filters.listens() => *questions = filters.put_up_last(stand)?,
        // It stands since the cell was made.
        Some(_) => {}
        None => stand.miss(layers::SECCOMP, "it was left out"),
    }
    stand.leave_out(&world.spec.without);
    if let Some((layer, reason)) = stand.lacks(&world.spec.require) {
        return Err(Refusal::Missing { layer, reason });
    }
    sys::reset_signals();
    program::execute(&spec.argv, &spec.env)
}

/// The fence around a command of a cell that is furnished.
pub fn fence(world: &World) -> Result<Fence, Refusal> {
    let private = world::grant(Path::new(PRIVATE), Access::Write)?;
    let private = private.filter(|_| !world.view.private_is_granted);
    let mut grants: Vec<_> = world.grants.iter().collect();
    grants.extend(&private);
    let is_left_out = world.spec.lacks(layers::LANDLOCK);
    let leaves_tcp = world.spec.network != Network::None;
    Fence::build(Fenced { grants: &grants, leaves_tcp, is_left_out })
}
