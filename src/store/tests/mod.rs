//! The store from outside: real directories, real processes, real damage.

mod appending;
mod audit;
mod corruption;
mod crash;
mod damage;
mod fixture;
mod forgetting;
mod golden;
mod opening;
mod poison;
