//! Relabelling as Prometheus does it: rules that rewrite labels, or drop who has them.

use std::collections::BTreeMap;

use md5::{Digest, Md5};
use model::LabelSet;
use regex::Regex;

/// A compiled expression larger than this is refused: it came from a file.
const REGEX_BYTES_MAX: usize = 1 << 20;

#[derive(Clone, Debug)]
pub struct Relabel {
    pub action: Action,
    pub source_labels: Vec<String>,
    pub separator: String,
    /// Anchored at both ends.
    pub regex: Regex,
    /// May refer to groups of the expression, as `replacement` does.
    pub target_label: String,
    pub replacement: String,
    /// Of `hashmod`; never zero there.
    pub modulus: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    #[default]
    Replace,
    Keep,
    Drop,
    KeepEqual,
    DropEqual,
    HashMod,
    LabelMap,
    LabelDrop,
    LabelKeep,
    Lowercase,
    Uppercase,
}

pub fn anchored(expression: &str) -> Result<Regex, regex::Error> {
    regex::RegexBuilder::new(&format!("^(?s:{expression})$")).size_limit(REGEX_BYTES_MAX).build()
}

/// The labels after all rules; none when a rule drops them.
pub fn relabel(rules: &[Relabel], labels: LabelSet) -> Option<LabelSet> {
    if rules.is_empty() {
        return Some(labels);
    }
    let mut changed: Labels =
        labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    rules.iter().all(|rule| rule.apply(&mut changed)).then(|| LabelSet::new(&changed))
}

type Labels = BTreeMap<String, String>;

impl Relabel {
    /// Whether the labels are kept.
    fn apply(&self, labels: &mut Labels) -> bool {
        let source = self.source(labels);
        match self.action {
            Action::Keep => return self.regex.is_match(&source),
            Action::Drop => return !self.regex.is_match(&source),
            Action::KeepEqual => return source == self.current_target(labels),
            Action::DropEqual => return source != self.current_target(labels),
            Action::Replace => self.replace(&source, labels),
            Action::HashMod => set(labels, &self.target_label, self.hash(&source).to_string()),
            Action::Lowercase => set(labels, &self.target_label, source.to_lowercase()),
            Action::Uppercase => set(labels, &self.target_label, source.to_uppercase()),
            Action::LabelMap => self.map_names(labels),
            Action::LabelDrop => labels.retain(|name, _| !self.regex.is_match(name)),
            Action::LabelKeep => labels.retain(|name, _| self.regex.is_match(name)),
        }
        true
    }

    fn source(&self, labels: &Labels) -> String {
        let values: Vec<&str> =
            self.source_labels.iter().map(|name| labels.get(name).map_or("", String::as_str)).collect();
        values.join(&self.separator)
    }

    fn current_target<'a>(&self, labels: &'a Labels) -> &'a str {
        labels.get(&self.target_label).map_or("", String::as_str)
    }

    fn replace(&self, source: &str, labels: &mut Labels) {
        let Some(captures) = self.regex.captures(source) else { return };
        let (mut target, mut value) = (String::new(), String::new());
        captures.expand(&self.target_label, &mut target);
        captures.expand(&self.replacement, &mut value);
        if !target.is_empty() {
            set(labels, &target, value);
        }
    }

    /// The last eight bytes of the MD5, as everybody has it who shards by `hashmod`.
    fn hash(&self, source: &str) -> u64 {
        let digest: [u8; 16] = Md5::digest(source.as_bytes()).into();
        let last = digest.iter().skip(8).fold(0u64, |number, byte| number << 8 | u64::from(*byte));
        last % self.modulus.max(1)
    }

    fn map_names(&self, labels: &mut Labels) {
        let mapped: Vec<(String, String)> = labels
            .iter()
            .filter_map(|(name, value)| {
                let captures = self.regex.captures(name)?;
                let mut mapped = String::new();
                captures.expand(&self.replacement, &mut mapped);
                Some((mapped, value.clone()))
            })
            .collect();
        for (name, value) in mapped.into_iter().filter(|(name, _)| !name.is_empty()) {
            set(labels, &name, value);
        }
    }
}

/// An empty value takes the label away.
fn set(labels: &mut Labels, name: &str, value: String) {
    if value.is_empty() {
        labels.remove(name);
    } else {
        labels.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::scrape::config;

    /// Rules as they are written in the file, labels as `name=value`.
    #[track_caller]
    fn check(yaml: &str, labels: &[(&str, &str)], expected: Option<&[(&str, &str)]>) {
        let rules = config::rules_of(yaml).unwrap();
        let relabelled = relabel(&rules, LabelSet::new(labels.iter().copied()));
        assert_eq!(relabelled, expected.map(|labels| LabelSet::new(labels.iter().copied())), "{yaml}");
    }

    #[test]
    fn replace_sets_a_label_from_others() {
        let rule =
            "[{source_labels: [a, b], regex: '(x);(.*)', target_label: 'to_$1', replacement: '${2}!'}]";
        check(rule, &[("a", "x"), ("b", "y")], Some(&[("a", "x"), ("b", "y"), ("to_x", "y!")]));
        check(rule, &[("a", "z")], Some(&[("a", "z")]));
        check("[{source_labels: [none], target_label: a}]", &[("a", "1"), ("b", "2")], Some(&[("b", "2")]));
        check("[{target_label: a, replacement: 5}]", &[], Some(&[("a", "5")]));
    }

    #[test]
    fn keep_and_drop_look_at_the_whole_value() {
        check("[{action: keep, source_labels: [a], regex: x}]", &[("a", "x")], Some(&[("a", "x")]));
        check("[{action: keep, source_labels: [a], regex: x}]", &[("a", "xy")], None);
        check("[{action: drop, source_labels: [a], regex: x|y}]", &[("a", "y")], None);
        check("[{action: keepequal, source_labels: [a], target_label: b}]", &[("a", "1"), ("b", "2")], None);
        check("[{action: dropequal, source_labels: [a], target_label: b}]", &[("a", "1"), ("b", "1")], None);
    }

    #[test]
    fn names_are_mapped_kept_and_dropped() {
        let labels = &[("__meta_x", "1"), ("b", "2")];
        check(
            "[{action: labelmap, regex: __meta_(.+)}]",
            labels,
            Some(&[("__meta_x", "1"), ("b", "2"), ("x", "1")]),
        );
        check("[{action: labeldrop, regex: b}]", labels, Some(&[("__meta_x", "1")]));
        check("[{action: labelkeep, regex: b}]", labels, Some(&[("b", "2")]));
    }

    #[test]
    fn case_and_shard() {
        check(
            "[{action: uppercase, source_labels: [a], target_label: b}]",
            &[("a", "xY")],
            Some(&[("a", "xY"), ("b", "XY")]),
        );
        check(
            "[{action: lowercase, source_labels: [a], target_label: a}]",
            &[("a", "xY")],
            Some(&[("a", "xy")]),
        );
        // The value that Prometheus' own test of `hashmod` has for `c=baz` and 1000.
        let rule = "[{action: hashmod, source_labels: [c], separator: ';', target_label: d, modulus: 1000}]";
        check(rule, &[("c", "baz")], Some(&[("c", "baz"), ("d", "976")]));
    }

    #[test]
    fn rules_that_cannot_work_are_refused() {
        for (yaml, reason) in [
            ("[{action: hashmod, source_labels: [a], target_label: b}]", "modulus"),
            ("[{action: replace, source_labels: [a]}]", "target_label"),
            ("[{action: labeldrop, source_labels: [a], regex: b}]", "only"),
            ("[{action: keep, source_labels: [a], regex: '('}]", "regex"),
            ("[{action: keep, source_labels: [a], regex: '(a{1000}){1000}'}]", "regex"),
            ("[{action: shuffle}]", "shuffle"),
            ("[{sorce_labels: [a]}]", "sorce_labels"),
        ] {
            let error = config::rules_of(yaml).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }
}
