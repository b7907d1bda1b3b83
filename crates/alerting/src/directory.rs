//! Who knows agents by more than their label.

/// Offered by whoever keeps the fleet; asked when an alert has an `agent` label.
pub trait AgentDirectory: Send + Sync {
    fn describe(&self, agent: &str) -> Option<AgentDescription>;
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentDescription {
    /// Its short name for people.
    pub name: String,
    /// Why it is in its state, in a sentence.
    pub why: String,
    pub model: Option<String>,
    pub directory: String,
}
