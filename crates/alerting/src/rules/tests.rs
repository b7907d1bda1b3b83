#![allow(clippy::unwrap_used)]

use super::*;

fn check_refused(yaml: &str, expected: &str) {
    let error = parse("own.yml", yaml).unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
    assert!(error.contains("rule file `own.yml`"), "{error}");
}

fn rule_with(line: &str) -> String {
    format!("groups: [{{name: g, rules: [{{alert: a, {line}}}]}}]")
}

#[test]
fn the_default_rules_are_the_contracts_seven_and_six_for_agents() {
    let groups = parse(DEFAULT_NAME, DEFAULT).unwrap();
    let facts: Vec<_> = groups
        .iter()
        .flat_map(RuleGroup::alerts)
        .map(|rule| (rule.name.as_str(), rule.severity.as_str(), rule.hold.as_secs(), rule.threshold))
        .collect();
    assert_eq!(
        facts,
        [
            ("high_cpu_usage", "high", 300, Some(80.0)),
            ("high_memory_usage", "high", 180, Some(85.0)),
            ("agent_stuck", "critical", 60, Some(10.0)),
            ("high_error_rate", "medium", 120, Some(5.0)),
            ("low_agent_utilization", "low", 1800, Some(20.0)),
            ("disk_space_low", "high", 60, Some(90.0)),
            ("slow_api_response", "medium", 300, Some(2000.0)),
            ("agent_stalled", "high", 0, None),
            ("agent_wedged", "critical", 0, None),
            ("agent_dead", "high", 0, None),
            ("agent_failed", "medium", 0, None),
            ("agent_waiting_human", "medium", 120, None),
            ("source_down", "high", 60, None),
        ]
    );
    let stuck = groups[0].alerts().nth(2).unwrap();
    assert_eq!(
        (stuck.component.as_str(), stuck.tags.as_slice()),
        ("agent", &["agent".to_owned(), "critical".to_owned()][..])
    );
    assert!(stuck.reads_any(&["agent_stuck_duration_minutes".to_owned()]));
}

#[test]
fn a_mistake_is_named_with_its_group_and_rule() {
    check_refused(&rule_with("expr: 'sum('"), "group `g`, rule `a`: `expr`:");
    check_refused(&rule_with("expr: up, for: 5 minutes"), "rule `a`: `for`: `5 minutes` is not a duration");
    check_refused(&rule_with("expr: up, four: 5m"), "unknown field `four`");
    check_refused(&rule_with("expr: up, annotations: {a-b: x}"), "`annotations`: `a-b`");
    check_refused(&rule_with("expr: up, labels: {a: [b]}"), "a text is wanted");
    check_refused(&rule_with("expr: up, annotations: {title: '{{ $value'}"), "template of `title`");
    check_refused("groups: [{name: g, rules: [{record: 1a, expr: up}]}]", "rule `1a`: `record`: a metric");
    check_refused("groups: [{name: g, rules: [{record: a, expr: up, for: 5m}]}]", "unknown field `for`");
    check_refused("groups: [{name: g, rules: [{record: a, alert: b, expr: up}]}]", "unknown field `alert`");
    check_refused("groups: [{name: g, limit: -1, rules: []}]", "group `g`");
    check_refused("groups: [{name: g, labels: {a-b: c}, rules: []}]", "`labels`: `a-b`");
    check_refused(&rule_with("expr: up, labels: {__name__: b}"), "rule `a`: `labels`: `__name__`");
    check_refused("groups: [{name: g, rules: [{alert: '', expr: up}]}]", "a name has between");
    check_refused("groups: [{rules: []}]", "group `#1`: missing field `name`");
    check_refused("rules: []", "unknown field `rules`");
    check_refused("groups: [", "own.yml");
}

#[test]
fn a_group_has_its_name_alone() {
    check_refused("groups: [{name: g, rules: []}, {name: g, rules: []}]", "earlier group");
}

fn ids(groups: &[RuleGroup]) -> Vec<&str> {
    groups.iter().flat_map(RuleGroup::alerts).map(|rule| rule.id.as_str()).collect()
}

#[test]
fn rules_of_one_name_have_ids_of_their_own() {
    let yaml = "groups: [{name: g, rules: [
        {alert: Disk full!, expr: free < 10, labels: {severity: warning}},
        {alert: Disk full!, expr: free < 5, labels: {severity: critical}},
        {alert: Disk full!, expr: free < 5, labels: {severity: critical}}]}]";
    let groups = parse("own.yml", yaml).unwrap();
    let ids = ids(&groups);
    assert_eq!(ids[0], "Disk_full_");
    assert!(ids[1].starts_with("Disk_full_-") && ids[2] == format!("{}-2", ids[1]), "{ids:?}");
    assert_eq!(groups[0].alerts().next().unwrap().name, "Disk full!");
}

#[test]
fn rules_of_others_load_as_they_are() {
    let yaml = "groups:
  - name: k8s
    interval: 0s
    rules:
      - alert: Watchdog
        expr: 1
        for: 0
        labels: {severity: none, priority: 5, urgent: true}
        annotations: {threshold: 80%, summary: x, runbook_url: 'https://runbooks.example/x'}
      - alert: Page
        expr: up == 0
        labels: {severity: page}
      - alert: Odd
        expr: up == 0
        labels: {severity: tuesday}";
    let groups = parse("own.yml", yaml).unwrap();
    let facts: Vec<_> = groups[0].alerts().map(|rule| (rule.name.as_str(), rule.severity.as_str())).collect();
    assert_eq!(facts, [("Watchdog", "info"), ("Page", "critical"), ("Odd", "medium")]);
    let written = groups[0].rules[0].labels();
    let labels: Vec<_> = written.iter().collect();
    assert_eq!(labels, [("priority", "5"), ("severity", "none"), ("urgent", "true")]);
    assert_eq!((groups[0].interval, groups[0].alerts().next().unwrap().threshold), (None, None));
    assert!(parse("own.yml", "").unwrap().is_empty() && parse("own.yml", "groups:").unwrap().is_empty());
}

#[test]
fn a_prometheus_rule_without_our_annotations_is_enough() {
    let groups =
        parse("own.yml", &rule_with("expr: up == 0, keep_firing_for: 2m, labels: {team: web}")).unwrap();
    let rule = groups[0].alerts().next().unwrap();
    assert_eq!((rule.severity, rule.component.as_str()), (Severity::Medium, "unknown"));
    assert_eq!((rule.keep_firing.as_secs(), rule.labels[0].0.as_str()), (120, "team"));
}

#[test]
fn what_a_group_says_counts_for_its_rules() {
    let yaml = "groups: [{name: g, limit: 3, query_offset: 1m, labels: {team: web, tier: x}, rules: [
        {record: 'job:up:sum', expr: sum(up), labels: {tier: own}}, {alert: a, expr: up}]}]";
    let groups = parse("own.yml", yaml).unwrap();
    let (recording, rule) = (groups[0].recordings().next().unwrap(), groups[0].alerts().next().unwrap());
    let expected = [("team", "web"), ("tier", "own")].map(|(name, text)| (name.to_owned(), text.to_owned()));
    assert_eq!(recording.labels, expected);
    assert_eq!((recording.limit, recording.offset.as_secs()), (Some(3), 60));
    assert_eq!((rule.limit, rule.offset.as_secs(), rule.labels.len()), (Some(3), 60, 2));
}

#[test]
fn files_are_read_together() {
    let file = |name: &str| (name.to_owned(), rule_with("expr: up"));
    let groups = parse_all(&[file("a.yml"), file("b.yml")]).unwrap();
    let files: Vec<_> = groups.iter().map(|group| group.file.as_str()).collect();
    assert_eq!(files, ["a.yml", "b.yml"]);
    let ids = ids(&groups);
    assert!(ids[0] == "a" && ids[1].starts_with("a-"), "{ids:?}");
}

#[test]
fn a_rule_of_the_same_name_replaces_the_default() {
    let own = parse("own.yml", "groups: [{name: mine, rules: [{alert: agent_stalled, expr: up}]}]").unwrap();
    let merged = merge(parse(DEFAULT_NAME, DEFAULT).unwrap(), own);
    let rules: Vec<_> = merged.iter().flat_map(RuleGroup::alerts).collect();
    assert_eq!(rules.len(), 13);
    assert_eq!(rules.iter().find(|rule| rule.name == "agent_stalled").unwrap().query.text(), "up");
}

#[test]
fn every_default_rule_is_documented_as_it_is() {
    let page = include_str!("../../../../docs/alerts.md");
    for rule in parse(DEFAULT_NAME, DEFAULT).unwrap().iter().flat_map(RuleGroup::alerts) {
        let start = format!("| `{}` | {} |", rule.name, rule.severity.as_str());
        let line = page.lines().find(|line| line.starts_with(&start));
        let line = line.unwrap_or_else(|| panic!("docs/alerts.md has no line `{start}`"));
        let hold = line.split('|').nth(4).map(str::trim).and_then(model::parse_duration);
        assert_eq!(hold, Some(rule.hold), "{line}");
        for metric in rule.query.metric_names() {
            assert!(line.contains(&format!("`{metric}`")), "{metric} in {line}");
        }
    }
}
