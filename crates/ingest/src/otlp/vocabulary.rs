//! One vocabulary for what agents send: the table `vocabulary.yaml`, and its use.
//!
//! Each sender has names of its own for the same things, and counts tokens in its own way.
//! [`Vocabulary::add_meanings`] adds `watchkeeper.*` attributes with one meaning; the raw ones
//! stay. Names of agents' namespaces that the table does not know are counted, so that a new
//! dialect is seen.

mod table;

use std::collections::HashMap;
use std::sync::LazyLock;

use model::{Attributes, LabelSet, Value};

use table::{HoldsCache, Table, TokenNames};

pub static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(Vocabulary::read);

#[derive(Debug)]
pub struct Vocabulary {
    table: Table,
    /// For each known name: the place of its meaning, and how good a name it is; lower is better.
    meanings: HashMap<String, (usize, usize)>,
    /// For each name of a count: its dialect, which count, and how good a name it is.
    counts: HashMap<String, (usize, Count, usize)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Count {
    Input,
    Output,
    CacheRead,
    CacheWrite,
    Reasoning,
}

/// A count, and how good the name is that it was found under.
type Ranked = Option<(usize, i64)>;

const COUNTS: [Count; 5] =
    [Count::Input, Count::Output, Count::CacheRead, Count::CacheWrite, Count::Reasoning];

/// Tokens of one call, each counted once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tokens {
    pub input: Option<i64>,
    pub output: Option<i64>,
    pub cache_read: Option<i64>,
    pub cache_write: Option<i64>,
    pub reasoning: Option<i64>,
}

impl Vocabulary {
    fn read() -> Self {
        let table: Table = serde_yaml_ng::from_str(include_str!("vocabulary.yaml"))
            .expect("the table is part of the program: a test reads it");
        let mut meanings = HashMap::new();
        for (place, names) in table.meanings.values().enumerate() {
            for (rank, name) in names.iter().enumerate() {
                meanings.insert(name.clone(), (place, rank));
            }
        }
        let mut counts = HashMap::new();
        for (dialect, tokens) in table.tokens.iter().enumerate() {
            for count in COUNTS {
                for (rank, name) in names_of(tokens, count).iter().enumerate() {
                    counts.insert(name.clone(), (dialect, count, rank));
                }
            }
        }
        Self { table, meanings, counts }
    }

    /// `name` is that of a span; of a log record there is none.
    pub fn add_meanings(&self, stream: &LabelSet, name: &str, attributes: &mut Attributes) {
        let mut found: Vec<Option<(usize, Value)>> = vec![None; self.table.meanings.len()];
        let mut error_text = String::new();
        for (key, value) in attributes.iter() {
            if let Some((place, rank)) = self.meanings.get(key).copied() {
                let slot = found.get_mut(place);
                let is_empty = matches!(value, Value::Text(text) if text.is_empty());
                if let Some(slot) = slot.filter(|slot| slot.as_ref().is_none_or(|(there, _)| rank < *there))
                    && !is_empty
                {
                    *slot = Some((rank, value.clone()));
                }
            } else {
                self.count_unknown(key);
            }
            if is_about_errors(key, value) {
                error_text.push_str(&value.to_string());
                error_text.push(' ');
            }
        }
        let tokens = if self.repeats(name) { Tokens::default() } else { self.tokens(attributes) };
        let mut add = |name: &str, value: Value| attributes.push((format!("watchkeeper.{name}"), value));
        let is_agent = found.iter().any(Option::is_some) || tokens != Tokens::default();
        for (meaning, value) in self.table.meanings.keys().zip(found) {
            if let Some((_, value)) = value {
                add(meaning, value);
            }
        }
        for (name, count) in [
            ("tokens.input", tokens.input),
            ("tokens.output", tokens.output),
            ("tokens.cache_read", tokens.cache_read),
            ("tokens.cache_write", tokens.cache_write),
            ("tokens.reasoning", tokens.reasoning),
        ] {
            if let Some(count) = count {
                add(name, Value::Int(count));
            }
        }
        if let Some(class) = self.error_class(&error_text) {
            add("error_class", class.into());
        }
        match self.kind(stream) {
            Some(kind) => add("kind", kind.into()),
            None if is_agent => add("kind", "otel-genai".into()),
            None => {}
        }
    }

    fn kind(&self, stream: &LabelSet) -> Option<&str> {
        let (scope, service) = (stream.value("otel.scope.name"), stream.value("service.name"));
        let speaks = |sign: &&table::Kind| {
            sign.scope.as_ref().is_some_and(|begin| scope.starts_with(begin.as_str()))
                || sign.service.as_ref().is_some_and(|begin| service.starts_with(begin.as_str()))
        };
        self.table.kinds.iter().find(speaks).map(|sign| sign.kind.as_str())
    }

    /// Names of spans have what they are about behind them: `invoke_agent coder`.
    fn repeats(&self, name: &str) -> bool {
        let operation = name.split(' ').next().unwrap_or(name);
        self.table.repeats.iter().any(|one| one == operation)
    }

    /// Of the first dialect that has something to say, in its best names.
    fn tokens(&self, attributes: &Attributes) -> Tokens {
        let mut best: Option<(usize, [Ranked; COUNTS.len()])> = None;
        for (key, value) in attributes {
            let Some((dialect, count, rank)) = self.counts.get(key).copied() else { continue };
            let Some(number) = whole_number(value) else { continue };
            if best.as_ref().is_none_or(|(there, _)| dialect < *there) {
                best = Some((dialect, Default::default()));
            }
            let Some((there, counts)) = &mut best else { continue };
            let slot = counts.get_mut(count as usize).filter(|_| *there == dialect);
            if let Some(slot) = slot.filter(|slot| slot.is_none_or(|(best, _)| rank < best)) {
                *slot = Some((rank, number));
            }
        }
        let Some((dialect, counts)) = best else { return Tokens::default() };
        let Some(names) = self.table.tokens.get(dialect) else { return Tokens::default() };
        let [input, output, cache_read, cache_write, reasoning] =
            counts.map(|one| one.map(|(_, number)| number));
        counted_once(names, Tokens { input, output, cache_read, cache_write, reasoning })
    }

    fn error_class(&self, text: &str) -> Option<&str> {
        if text.is_empty() {
            return None;
        }
        let text = text.to_lowercase();
        let is_it = |class: &&table::ErrorClass| class.words.iter().any(|word| text.contains(word.as_str()));
        Some(self.table.error_classes.iter().find(is_it).map_or("other", |class| class.class.as_str()))
    }

    fn count_unknown(&self, key: &str) {
        let Some(namespace) = self.table.namespaces.iter().find(|begin| key.starts_with(begin.as_str()))
        else {
            return;
        };
        let is_known = |known: &String| match known.strip_suffix('*') {
            Some(begin) => key.starts_with(begin),
            None => key == known,
        };
        if !self.counts.contains_key(key) && !self.table.known.iter().any(is_known) {
            let namespace = namespace.trim_end_matches('.').to_owned();
            metrics::counter!("watchkeeper_otlp_unknown_attributes_total", "namespace" => namespace)
                .increment(1);
        }
    }
}

fn names_of(tokens: &TokenNames, count: Count) -> &[String] {
    match count {
        Count::Input => &tokens.input,
        Count::Output => &tokens.output,
        Count::CacheRead => &tokens.cache_read,
        Count::CacheWrite => &tokens.cache_write,
        Count::Reasoning => &tokens.reasoning,
    }
}

/// Takes out of the input what was cached, and out of the output what was reasoning, where the
/// dialect has it in there.
fn counted_once(names: &TokenNames, tokens: Tokens) -> Tokens {
    let cached = tokens.cache_read.unwrap_or(0).saturating_add(tokens.cache_write.unwrap_or(0));
    let input = tokens.input.map(|input| match names.input_holds_cache {
        HoldsCache::Always => (input - cached).max(0),
        HoldsCache::Maybe if cached <= input => input - cached,
        HoldsCache::Maybe | HoldsCache::Never => input,
    });
    let reasoning = tokens.reasoning.filter(|_| names.output_holds_reasoning).unwrap_or(0);
    let output = tokens.output.map(|output| if reasoning <= output { output - reasoning } else { output });
    Tokens { input, output, ..tokens }
}

/// Some send counts as texts. Negative ones are none.
fn whole_number(value: &Value) -> Option<i64> {
    let number = match value {
        Value::Int(number) => *number,
        Value::Float(number) if number.fract() == 0.0 && number.abs() < 1e15 => *number as i64,
        Value::Text(text) => text.trim().parse().ok()?,
        Value::Float(_) | Value::Bool(_) => return None,
    };
    (number >= 0).then_some(number)
}

/// Texts of errors, and statuses that are errors.
fn is_about_errors(key: &str, value: &Value) -> bool {
    match key {
        "error" | "error.type" | "error_type" | "error.message" | "exception.type" | "exception.message" => {
            !matches!(value, Value::Bool(_)) && !value.to_string().is_empty()
        }
        "http.response.status_code" | "http.status_code" | "status_code" => {
            whole_number(value).is_some_and(|status| status >= 400)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
