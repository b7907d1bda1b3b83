//! The table as it is written.

use std::collections::BTreeMap;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// Of the meanings: raised when one changes.
    #[cfg_attr(not(test), expect(dead_code, reason = "for whoever reads the table; a test holds it"))]
    pub version: u32,
    pub kinds: Vec<Kind>,
    pub meanings: BTreeMap<String, Vec<String>>,
    pub tokens: Vec<TokenNames>,
    pub repeats: Vec<String>,
    pub error_classes: Vec<ErrorClass>,
    pub namespaces: Vec<String>,
    pub known: Vec<String>,
}

/// A sender, by how its scope or its service begins.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kind {
    pub kind: String,
    pub scope: Option<String>,
    pub service: Option<String>,
}

/// How one dialect calls the counts, and what it has in them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenNames {
    pub input: Vec<String>,
    pub output: Vec<String>,
    pub cache_read: Vec<String>,
    pub cache_write: Vec<String>,
    pub reasoning: Vec<String>,
    pub input_holds_cache: HoldsCache,
    pub output_holds_reasoning: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HoldsCache {
    Always,
    /// Libraries differ: when there is less input than was cached, it does not.
    Maybe,
    Never,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorClass {
    pub class: String,
    pub words: Vec<String>,
}
