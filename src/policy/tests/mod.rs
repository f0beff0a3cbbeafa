//! The policy as a whole: what authors get wrong, what calls get decided.

mod authors;
mod commands;
mod defaults;
mod hostile;
mod layers;
mod properties;
mod scripts;
mod seal;
mod stage;
