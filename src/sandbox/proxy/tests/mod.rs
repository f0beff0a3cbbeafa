//! The proxy with real sockets: it listens on loopback, and so do the hosts behind it, which are bound
//! to that address.

mod clients;
mod hello;
mod hostile;
mod plain;
mod refusals;
mod registries;
mod stage;
mod tunnels;
