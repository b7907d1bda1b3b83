//! Go's templates as Prometheus has them in labels and annotations of alerts.
//!
//! ```text
//! text ─▶ scan (text and actions) ─▶ parse (tree) ─▶ execute ─▶ text
//!                                                      │ ▲
//!                                              a query ▼ │ its answer
//! ```
//!
//! The grammar and the standard functions are those of `text/template`, the others those of
//! Prometheus' `template` package. What cannot be parsed is refused when the rule is loaded.
//! [`Template::execute`] is pure: a template that asks a query ends with
//! [`Interrupt::Ask`], and is executed again when [`expand`] has the answer. Time, depth and
//! length of what it yields are bounded.

mod execute;
mod functions;
mod numbers;
mod operand;
mod parse;
mod printf;
mod scan;
mod standard;
mod text;
mod tree;

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{LabelSet, Timestamp};

use crate::queries::{Found, ask};
use tree::Tree;

/// A longer template is a mistake.
const TEXT_BYTES_MAX: usize = 64 << 10;
/// What a template may yield.
const OUTPUT_BYTES_MAX: usize = 64 << 10;
/// Queries of one template: more would ask the store without end.
const QUERIES_MAX: usize = 16;

/// Cheap to clone.
#[derive(Clone, Debug)]
pub struct Template {
    text: Arc<str>,
    tree: Arc<Tree>,
}

/// What a template knows of its alert.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    /// Of the sample that was found.
    pub labels: &'a LabelSet,
    pub value: f64,
    pub at: Timestamp,
    pub surroundings: &'a Surroundings,
}

/// What all templates know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Surroundings {
    pub external_labels: LabelSet,
    pub external_url: String,
}

impl Default for Surroundings {
    fn default() -> Self {
        Self { external_labels: LabelSet::empty(), external_url: String::new() }
    }
}

/// What the queries of a template have answered so far.
type Answers = BTreeMap<String, Vec<Found>>;

/// Why a template did not come to its end.
#[derive(Debug, PartialEq)]
enum Interrupt {
    Failed(String),
    /// It wants to know the answer of this query.
    Ask(String),
}

impl Template {
    /// The error is a reason, for somebody who knows which template it was.
    pub fn parse(text: &str) -> Result<Template, String> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(format!("it is longer than {TEXT_BYTES_MAX} bytes"));
        }
        Ok(Template { text: Arc::from(text), tree: Arc::new(parse::tree(text)?) })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it says the same of everything.
    pub(crate) fn is_constant(&self) -> bool {
        !self.text.contains("{{")
    }

    fn execute(&self, facts: Facts<'_>, answers: &Answers) -> Result<String, Interrupt> {
        execute::execute(&self.tree, facts, answers)
    }

    /// What it says without queries.
    #[cfg(test)]
    fn said(&self, facts: Facts<'_>) -> Result<String, Interrupt> {
        self.execute(facts, &Answers::new())
    }
}

/// Has a template say what it says. `name` is that of the rule, for the log.
///
/// As in Prometheus, a template that fails takes no alert away: its text is the reason.
pub(crate) async fn expand(
    template: &Template,
    name: &str,
    facts: Facts<'_>,
    queries: &promql::Engine,
) -> String {
    if template.is_constant() {
        return template.text().to_owned();
    }
    match answered(template, facts, queries).await {
        Ok(text) => text,
        Err(reason) => {
            tracing::warn!(rule = name, reason, "a template could not be expanded");
            metrics::counter!("watchkeeper_rule_template_failures_total").increment(1);
            format!("<error expanding template: error executing template __alert_{name}: {reason}>")
        }
    }
}

async fn answered(template: &Template, facts: Facts<'_>, queries: &promql::Engine) -> Result<String, String> {
    let mut answers = Answers::new();
    loop {
        let query = match template.execute(facts, &answers) {
            Ok(text) => return Ok(text),
            Err(Interrupt::Failed(reason)) => return Err(reason),
            Err(Interrupt::Ask(query)) => query,
        };
        if answers.len() >= QUERIES_MAX {
            return Err(format!("it asks more than {QUERIES_MAX} queries"));
        }
        let parsed = promql::parse(&query).map_err(|error| format!("query {query:?}: {error}"))?;
        let answer =
            ask(queries, &parsed, facts.at).await.map_err(|reason| format!("query {query:?}: {reason}"))?;
        answers.insert(query, answer);
    }
}

#[cfg(test)]
mod tests;
