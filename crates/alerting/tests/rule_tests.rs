//! The same verdict on tests of rules as Prometheus' own `promtool test rules`, where it is installed.

#![allow(clippy::unwrap_used, clippy::disallowed_methods, clippy::print_stdout)]

use std::process::Command;

use runtime::SystemClock;

const RULES: &str = r#"
groups:
  - name: g
    rules:
      - {record: "job:up:sum", expr: sum by (job) (up), labels: {team: web}}
      - alert: Down
        expr: 'job:up:sum == 0'
        for: 2m
        keep_firing_for: 3m
        labels: {severity: page}
        annotations: {summary: "{{ $labels.job }} is down: {{ $value }}"}
      - alert: Down
        expr: absent(up)
      - {record: firing, expr: 'count(ALERTS{alertstate="firing"})'}
"#;

const SERIES: &str = "
    interval: 1m
    input_series:
      - {series: 'up{job=\"api\"}', values: '1x2 0x6 1x20'}
      - {series: 'load', values: '1+2x3 _x2 5 stale 7'}
";

/// A test on these rules and series, and whether it holds.
const CASES: [(&str, bool); 22] = [
    // Down from minute 3, firing from 5, kept until 9, kept until 12.
    ("alert_rule_test: [{eval_time: 4m, alertname: Down, exp_alerts: []}]", true),
    ("alert_rule_test: [{eval_time: 4m59s, alertname: Down}]", true),
    (
        "alert_rule_test: [{eval_time: 5m, alertname: Down, exp_alerts: [{exp_labels: {job: api, team: web, severity: page}, exp_annotations: {summary: 'api is down: 0'}}]}]",
        true,
    ),
    (
        "alert_rule_test: [{eval_time: 12m, alertname: Down, exp_alerts: [{exp_labels: {job: api, team: web, severity: page}, exp_annotations: {summary: 'api is down: 0'}}]}]",
        true,
    ),
    ("alert_rule_test: [{eval_time: 13m, alertname: Down, exp_alerts: []}]", true),
    ("alert_rule_test: [{eval_time: 12m, alertname: Down, exp_alerts: []}]", false),
    (
        "alert_rule_test: [{eval_time: 5m, alertname: Down, exp_alerts: [{exp_labels: {job: api, team: web, severity: page}, exp_annotations: {}}]}]",
        false,
    ),
    ("alert_rule_test: [{eval_time: 5m, alertname: Down, exp_alerts: [{exp_labels: {job: web}}]}]", false),
    ("alert_rule_test: [{eval_time: 5m, alertname: Other, exp_alerts: []}]", true),
    ("alert_rule_test: [{eval_time: 5m, alertname: Other, exp_alerts: [{}]}]", false),
    ("alert_rule_test: [{eval_time: 5m}]", false),
    (
        "promql_expr_test: [{expr: 'job:up:sum', eval_time: 1m, exp_samples: [{labels: 'job:up:sum{job=\"api\", team=\"web\"}', value: 1}]}]",
        true,
    ),
    (
        "promql_expr_test: [{expr: 'job:up:sum', eval_time: 1m, exp_samples: [{labels: 'job:up:sum{job=\"api\", team=\"web\"}', value: 2}]}]",
        false,
    ),
    ("promql_expr_test: [{expr: 'firing', eval_time: 5m, exp_samples: [{labels: firing, value: 1}]}]", true),
    ("promql_expr_test: [{expr: 'firing', eval_time: 4m}]", true),
    (
        "promql_expr_test: [{expr: ALERTS_FOR_STATE, eval_time: 4m, exp_samples: [{labels: 'ALERTS_FOR_STATE{alertname=\"Down\", job=\"api\", team=\"web\", severity=\"page\"}', value: 180}]}]",
        true,
    ),
    (
        "promql_expr_test: [{expr: ALERTS, eval_time: 4m, exp_samples: [{labels: 'ALERTS{alertname=\"Down\", alertstate=\"pending\", job=\"api\", team=\"web\", severity=\"page\"}', value: 1}]}]",
        true,
    ),
    ("promql_expr_test: [{expr: load, eval_time: 3m, exp_samples: [{labels: load, value: 7}]}]", true),
    ("promql_expr_test: [{expr: load, eval_time: 7m, exp_samples: []}]", true),
    (
        "promql_expr_test: [{expr: 'sum_over_time(load[9m])', eval_time: 8m, exp_samples: [{value: 28}]}]",
        true,
    ),
    ("promql_expr_test: [{expr: '1 + 1', eval_time: 0s, exp_samples: [{value: 2}]}]", true),
    ("promql_expr_test: [{expr: 'sum(', eval_time: 0s}]", false),
];

/// Templates, and what each says of `{job="api", instance="db-1.example:9100"}` with 1234567.
const TEMPLATES: [(&str, &str); 40] = [
    ("{{ $value }}", "1.234567e+06"),
    (
        "{{ printf \"%v %f %.2f %e %g %8.1f|%-12.3e|\" $value $value $value $value $value $value $value }}",
        "1.234567e+06 1234567.000000 1234567.00 1.234567e+06 1.234567e+06 1234567.0|1.235e+06   |",
    ),
    ("{{ printf \"%d %s %q %t\" 7 \"a\" \"b\" true }}", "7 a \"b\" true"),
    ("{{ printf \"%d\" $value }}", "%!d(float64=1.234567e+06)"),
    ("{{ printf \"%s %d\" \"a\" }}", "a %!d(MISSING)"),
    ("{{ printf \"%s\" \"a\" \"b\" }}", "a%!(EXTRA string=b)"),
    ("{{ printf \"%5d|%-5d|%05d|%+d|%x\" 42 42 42 42 255 }}", "   42|42   |00042|+42|ff"),
    ("{{ humanize $value }} {{ humanize1024 $value }}", "1.235M 1.177Mi"),
    ("{{ humanizeDuration $value }}", "14d 6h 56m 7s"),
    ("{{ humanizePercentage $value }}", "1.235e+08%"),
    ("{{ humanizeTimestamp $value }}", "1970-01-15 06:56:07 +0000 UTC"),
    ("{{ humanize 0.00012 }} {{ humanize 1000.0 }} {{ humanize \"12345\" }}", "120u 1k 12.35k"),
    (
        "{{ humanizeDuration 0.5 }} {{ humanizeDuration 59.9 }} {{ humanizeDuration -90.0 }}",
        "500ms 59.9s -1m 30s",
    ),
    ("{{ title \"node exporter-x\" }} {{ toUpper \"aä\" }} {{ toLower \"AÄ\" }}", "Node Exporter-X AÄ aä"),
    ("{{ stripPort $labels.instance }} {{ stripDomain $labels.instance }}", "db-1.example db-1:9100"),
    ("{{ reReplaceAll \"^(..)-\" \"${1}_\" $labels.instance }}", "db_1.example:9100"),
    ("{{ match \"^db\" $labels.instance }}", "true"),
    ("{{ if gt $value 1000.0 }}much{{ else }}little{{ end }}", "much"),
    ("{{ if and (eq $labels.job \"api\") (not $labels.none) }}yes{{ end }}", "yes"),
    ("{{ if eq $labels.job \"web\" }}w{{ else if eq $labels.job \"x\" \"api\" }}a{{ else }}o{{ end }}", "a"),
    (
        "{{ range $name, $text := $labels }}{{ $name }}={{ $text }};{{ end }}",
        "instance=db-1.example:9100;job=api;",
    ),
    ("{{ with $labels.job }}<{{ . }}>{{ end }}{{ with $labels.none }}x{{ else }}none{{ end }}", "<api>none"),
    ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ end }}{{ $x }}", "2"),
    ("{{ len $labels.job }} {{ index $labels \"job\" }} {{ slice $labels.job 1 }}", "3 api pi"),
    ("{{ print 1 2 \"a\" \"b\" 3 }}", "1 2ab3"),
    ("a {{- /* c */ -}} b{{ \" x \" }}c", "ab x c"),
    (
        "{{ .Labels.job }} {{ .Value }} {{ $.Labels.job }} {{ .ExternalLabels.cluster }} {{ $externalLabels.cluster }}",
        "api 1.234567e+06 api eu eu",
    ),
    ("{{ query \"sum(disk)\" | first | value }}", "1.234567e+06"),
    ("{{ with query \"disk\" }}{{ . | first | label \"job\" }}{{ end }}", "api"),
    (
        "{{ range query \"disk\" | sortByLabel \"job\" }}{{ .Labels.job }}:{{ .Value | humanize }}{{ end }}",
        "api:1.235M",
    ),
    ("{{ range query \"none\" }}x{{ else }}empty{{ end }}", "empty"),
    ("{{ define \"t\" }}[{{ .arg0 }}]{{ end }}{{ template \"t\" (args 1) }}", "[1]"),
    ("{{ html \"<a>\" }} {{ urlquery \"a b&c\" }} {{ safeHtml \"<a>\" }}", "&lt;a&gt; a+b%26c <a>"),
    (
        "{{ or $labels.none \"else\" }} {{ and 1 0 }} {{ ne 1 2 }} {{ le 1 1 }} {{ lt \"a\" \"b\" }}",
        "else 0 true true true",
    ),
    ("{{ parseDuration \"1h30m\" }}", "5400"),
    (
        "{{ graphLink \"up == 0\" }} {{ tableLink \"up\" }}",
        "/graph?g0.expr=up+%3D%3D+0&g0.tab=0 /graph?g0.expr=up&g0.tab=1",
    ),
    (
        "{{ 0x10 }} {{ 1e3 }} {{ 1_000 }} {{ 'a' }} {{ -3 }} {{ `raw\\n` }} {{ 100000.0 }} {{ 0.00001 }}",
        "16 1000 1000 97 -3 raw\\n 100000 1e-05",
    ),
    ("{{ $labels }}", "map[instance:db-1.example:9100 job:api]"),
    ("{{ strvalue (query \"disk\" | first) }}|{{ (query \"disk\" | first).Labels.job }}", "|api"),
    ("{{ printf \"%.3s|%6s|%-6s|\" \"abcdef\" \"ab\" \"cd\" }}", "abc|    ab|cd    |"),
];

/// Both verdicts on a test; none when there is no promtool.
async fn verdicts(rules: &str, tests: &str) -> (bool, String, Option<(bool, String)>) {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("rules.yml"), rules).unwrap();
    let path = directory.path().join("tests.yml");
    std::fs::write(&path, tests).unwrap();
    let parsed = alerting::rules::parse("rules.yml", rules).unwrap();
    let failures = match alerting::rule_tests::parse(tests) {
        Ok(tests) => alerting::rule_tests::run(&tests, &parsed, SystemClock::shared()).await,
        Err(reason) => vec![alerting::rule_tests::Failure(reason)],
    };
    let theirs = Command::new("promtool").args(["test", "rules"]).arg(&path).output().ok();
    let theirs =
        theirs.map(|theirs| (theirs.status.success(), String::from_utf8_lossy(&theirs.stderr).into_owned()));
    (failures.is_empty(), format!("{failures:?}"), theirs)
}

#[tokio::test]
async fn tests_are_judged_as_promtool_judges_them() {
    for (case, holds) in CASES {
        let tests = format!(
            "rule_files: [rules.yml]\nevaluation_interval: 1m\ntests:\n  -{}\n    {case}\n",
            &SERIES[4..]
        );
        let (ours, said, theirs) = verdicts(RULES, &tests).await;
        assert_eq!(ours, holds, "{case}: {said}");
        match theirs {
            Some((theirs, said)) => assert_eq!(theirs, holds, "promtool on {case}: {said}"),
            None => println!("promtool is not installed: its verdict is not compared"),
        }
    }
}

#[tokio::test]
async fn templates_say_what_prometheus_says() {
    for (template, said) in TEMPLATES {
        let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
        let rules = format!(
            "groups: [{{name: g, rules: [{{alert: a, expr: disk * 1, annotations: {{said: {}}}}}]}}]",
            quoted(template)
        );
        let tests = format!(
            "rule_files: [rules.yml]\ntests:\n  - interval: 1m\n    external_labels: {{cluster: eu}}\n    input_series: [{{series: 'disk{{job=\"api\", instance=\"db-1.example:9100\"}}', values: 1234567}}]\n    alert_rule_test: [{{eval_time: 0s, alertname: a, exp_alerts: [{{exp_labels: {{job: api, instance: 'db-1.example:9100'}}, exp_annotations: {{said: {}}}}}]}}]\n",
            quoted(said)
        );
        let (ours, why, theirs) = verdicts(&rules, &tests).await;
        assert!(ours, "{template}: {why}");
        if let Some((theirs, why)) = theirs {
            assert!(theirs, "promtool on {template}: {why}");
        }
    }
}
