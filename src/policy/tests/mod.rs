//! The policy as a whole: what authors get wrong, what calls get decided.

mod authors;
mod commands;
mod defaults;
mod flow;
mod hostile;
mod hostile_scripts;
mod language;
mod layers;
mod lines;
mod lints;
mod mutations;
mod network;
mod properties;
mod scripts;
mod seal;
pub(super) mod stage;
mod suggest;
