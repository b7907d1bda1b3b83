//! From samples to a woken person.
//!
//! Rules in Prometheus' format ([`rules`]) are evaluated on the clock and when somebody
//! knows that a metric changed ([`Alerting::nudge`]). `lifecycle` decides what an evaluation
//! means for each alert; the engine records the change together with what must be said about
//! it, and only then the dispatcher tells the receivers, each at its own pace.
//!
//! ```text
//! clock, nudge ─▶ engine ─▶ promql ─▶ finding (templates) ─▶ lifecycle (pure)
//!                   │ one transaction: alert + outbox rows
//!                   ▼
//!                 state ─▶ dispatcher, one worker a receiver ─▶ e-mail, Slack, webhook
//! ```
//!
//! This crate does not know who may acknowledge, nor how an alert looks on a page.

mod alerting;
mod backtest;
mod directory;
mod dispatcher;
mod engine;
mod error;
mod finding;
mod lifecycle;
mod message;
mod notify;
mod plain_text;
mod queries;
mod receivers;
pub mod rule_tests;
pub mod rules;
mod secret;
mod settings;
mod statistics;
mod template;
mod tracker;

pub use alerting::{Alerting, AlertingParts};
pub use backtest::{Backtest, BacktestError, Firing, Look, Night};
pub use directory::{AgentDescription, AgentDirectory};
pub use engine::{ActiveAlert, GroupStatus, Health, RuleStatus};
pub use error::{AckError, StartError, TestError};
pub use receivers::ReceiverView;
pub use rules::{GroupRule, Recording, Rule, RuleError, RuleGroup};
pub use secret::Secret;
pub use settings::{
    AlertingSettings, EmailSettings, MailSecurity, ReceiverKind, ReceiverSettings, SlackSettings,
    WebhookSettings,
};
pub use statistics::AlertStatistics;
pub use template::Surroundings;
