//! The same verdict on a rule file as Prometheus' own `promtool check rules`, where it is installed.
//! Its older versions do not know `query_offset` and the labels of groups, so these are left out.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout)]

use std::process::Command;

/// What is special about a file, and the file.
const FILES: [(&str, &str); 14] = [
    ("recording", "groups: [{name: g, rules: [{record: 'a:b', expr: sum(up)}]}]"),
    ("alert", "groups: [{name: g, rules: [{alert: a, expr: up == 0, for: 5m, keep_firing_for: 1m}]}]"),
    ("settings", "groups: [{name: g, interval: 1m, limit: 3, rules: []}]"),
    ("labels", "groups: [{name: g, rules: [{record: a, expr: up, labels: {team: web}}]}]"),
    ("no rules", "groups: [{name: g}]"),
    ("both", "groups: [{name: g, rules: [{record: a, alert: b, expr: up}]}]"),
    ("neither", "groups: [{name: g, rules: [{expr: up}]}]"),
    ("hold of a recording", "groups: [{name: g, rules: [{record: a, expr: up, for: 5m}]}]"),
    ("unknown key", "groups: [{name: g, rules: [{record: a, expr: up, four: 5m}]}]"),
    ("query", "groups: [{name: g, rules: [{record: a, expr: 'sum('}]}]"),
    ("metric name", "groups: [{name: g, rules: [{record: 'a b-c', expr: up}]}]"),
    ("label name", "groups: [{name: g, rules: [{record: a, expr: up, labels: {a-b: c}}]}]"),
    ("same group", "groups: [{name: g, rules: []}, {name: g, rules: []}]"),
    ("template", "groups: [{name: g, rules: [{alert: a, expr: up, annotations: {b: '{{ $value'}}]}]"),
];

#[test]
fn rule_files_are_judged_as_promtool_judges_them() {
    let directory = tempfile::tempdir().unwrap();
    for (name, yaml) in FILES {
        let path = directory.path().join("rules.yml");
        std::fs::write(&path, yaml).unwrap();
        let Ok(theirs) = Command::new("promtool").args(["check", "rules"]).arg(&path).output() else {
            println!("skipped: promtool is not installed");
            return;
        };
        let ours = alerting::rules::parse("rules.yml", yaml);
        assert_eq!(ours.is_ok(), theirs.status.success(), "{name}: {ours:?}, {theirs:?}");
    }
}
