//! The store from outside: real directories, real processes, real damage.

mod appending;
mod approvals;
mod audit;
mod corruption;
mod crash;
mod damage;
mod file_labels;
mod fixture;
mod forgetting;
mod forgetting_runs;
mod golden;
mod incidents;
mod keys;
mod migrating;
mod opening;
mod poison;
mod proposals;
mod queue;
mod queue_model;
mod schedules;
mod work_damage;
