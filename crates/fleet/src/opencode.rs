//! OpenCode servers as a source of agents. One session is one agent.
//!
//! [`client`] asks and commands over HTTP, [`stream`] reads the global event stream;
//! [`wire`] turns both into plain values and ignores what it does not know. [`world`] keeps
//! the sessions of one server and judges them: it does no I/O, so recordings replay through
//! it. [`connector`] is the loop that feeds the world and hands its changes to the publisher.
//!
//! What a server does and does not tell was learned from recordings of OpenCode 1.18:
//! `docs/agents.md`.

pub mod client;
pub mod connector;
pub mod framing;
pub mod recent;
pub mod session;
pub mod snapshot;
pub mod stream;
pub mod wire;
pub mod world;

pub use client::{Client, ClientError};
