//! Bailiwick runs work written in playbooks, decides every action by policy, contains what was
//! allowed in an operating-system sandbox, and can prove afterwards what happened.
//!
//! ```text
//! TaskEnvelope --intake--> Task --start--> Run (state, budget)
//!    Run --agent::step--> Command --driver--> ToolCall --policy::decide--> Decision
//!    allow --> Authorized<ToolCall> --Toolbox::dispatch (in the sandbox)--> ToolResult --> Event
//!    events --fold--> Run state, report, live progress, audit log
//! ```
//!
//! Three seals hold it together: authorisation is a type ([`policy`]), the core is pure
//! ([`agent`]), and all durable state has one writer ([`store`]).

// L0: pure data
pub mod contracts;

// L1: pure logic
pub mod agent;
pub mod command;
pub mod config;
pub mod planning;
pub mod playbook;
pub mod policy;
pub mod ports;
pub mod prompt;
pub mod recall;
pub mod route;
pub mod yaml;

// L2: the outside world, one concern each
pub mod durable;
pub mod facts;
pub mod identity;
pub mod live;
pub mod memory;
pub mod providers;
pub mod sandbox;
pub mod store;
pub mod telemetry;
pub mod tools;
pub mod workspace;

// L3: putting it to work
pub mod host;
pub mod orchestrator;
pub mod scheduler;

// L4: for people
pub mod app;
pub mod cli;
pub mod client;
pub mod server;
