//! Templates as rule files have them.

#![allow(clippy::unwrap_used)]

use model::{LabelSet, Timestamp};

use super::*;

fn run(template: &str, value: f64) -> Result<String, Interrupt> {
    let labels = LabelSet::new([("agent", "billing"), ("free", "2048"), ("instance", "db-1.example:9100")]);
    let surroundings = Surroundings {
        external_labels: LabelSet::new([("cluster", "eu")]),
        external_url: "http://watch.example/".to_owned(),
    };
    let facts = Facts {
        labels: &labels,
        value,
        at: Timestamp::from_secs(1_767_225_600),
        surroundings: &surroundings,
    };
    let answers = Answers::from([
        ("up".to_owned(), ["b", "a"].map(|job| (LabelSet::metric("up", [("job", job)]), 1.5)).to_vec()),
        ("none".to_owned(), Vec::new()),
    ]);
    Template::parse(template).unwrap_or_else(|reason| panic!("{template}: {reason}")).execute(facts, &answers)
}

fn check(template: &str, value: f64, expected: &str) {
    assert_eq!(run(template, value).as_deref(), Ok(expected), "{template}");
}

fn check_fails(template: &str, expected: &str) {
    match run(template, 1.0) {
        Err(Interrupt::Failed(reason)) => assert!(reason.contains(expected), "{template}: {reason}"),
        other => panic!("{template}: {other:?}"),
    }
}

#[test]
fn labels_and_values_are_filled_in() {
    check("plain", 1.0, "plain");
    check("{{ $labels.agent }} at {{$value}}", 1.5, "billing at 1.5");
    check("{{ .Labels.agent }} at {{ .Value }}", 2.0, "billing at 2");
    check("{{ $.Labels.agent }} {{ index $labels \"agent\" }}", 2.0, "billing billing");
    check("[{{ $labels.missing }}]", 2.0, "[]");
    check(
        "{{ $externalLabels.cluster }} {{ .ExternalLabels.cluster }} {{ $externalURL }}",
        2.0,
        "eu eu http://watch.example/",
    );
    check("a {{- $value -}} b", 2.0, "a2b");
    check("{{ $value }} {{ .Value }}", 1_234_567.0, "1.234567e+06 1.234567e+06");
}

#[test]
fn numbers_are_shown_for_people() {
    check("{{ $value | humanize }}", 1_234_567.0, "1.235M");
    check("{{ humanize $value }}", 0.0123, "12.3m");
    check("{{ $value | humanize1024 }}", 1536.0, "1.5ki");
    check("{{ $labels.free | humanize1024 }}", 0.0, "2ki");
    check("{{ $value | humanizeDuration }}", 3725.0, "1h 2m 5s");
    check("{{ $value | humanizeDuration }}", 0.25, "250ms");
    check("{{ $value | humanizePercentage }}", 0.123, "12.3%");
    check("{{ $value | humanizePercentage }}", 123.456, "1.235e+04%");
    check("{{ $value | humanize }}", f64::NAN, "NaN");
    check("{{ $value | humanizeDuration }}", f64::INFINITY, "+Inf");
    check("{{ $value | humanizeTimestamp }}", 1_435_065_584.128, "2015-06-23 13:19:44.128 +0000 UTC");
    check("{{ parseDuration \"1h30m\" }}", 0.0, "5400");
    check_fails("{{ $labels.agent | humanize }}", "ParseFloat");
    check_fails("{{ 1e300 | humanizeTimestamp }}", "overflows");
}

#[test]
fn printf_speaks_as_in_go() {
    check("{{ $value | printf \"%.1f\" }} %", 12.345, "12.3 %");
    check("{{ printf \"%s has %d%% (%v)\" $labels.agent 12 $value }}", 3.0, "billing has 12% (3)");
    check(
        "{{ printf `%6.2f|%-4d|%q|%05d|%+d` 1.25 7 \"x\\n\" -42 3 }}",
        0.0,
        "  1.25|7   |\"x\\n\"|-0042|+3",
    );
    check("{{ printf \"%d %s\" $value 1 }}", 1.0, "%!d(float64=1) %!s(int=1)");
    check(
        "{{ printf \"%d\" }}{{ printf \"x\" 1 }}{{ printf \"%\" }}",
        1.0,
        "%!d(MISSING)x%!(EXTRA int=1)%!(NOVERB)",
    );
    check(
        "{{ printf \"%g %e %.3g %x %t\" $value $value $value 255 true }}",
        1234.5,
        "1234.5 1.234500e+03 1.23e+03 ff true",
    );
    check("{{ print 1 2 \"a\" 3 }}|{{ println 1 \"b\" }}", 1.0, "1 2a3|1 b\n");
}

#[test]
fn texts_are_changed() {
    check(
        "{{ \"node exporter\" | title }} {{ $labels.agent | toUpper }} {{ toLower \"ABC\" }}",
        0.0,
        "Node Exporter BILLING abc",
    );
    check(
        "{{ stripPort $labels.instance }} {{ stripDomain $labels.instance }}",
        0.0,
        "db-1.example db-1:9100",
    );
    check("{{ stripPort \"[fe80::1]:9100\" }} {{ stripPort \"fe80::1\" }}", 0.0, "fe80::1 fe80::1");
    check(
        "{{ stripDomain \"10.0.0.1:9100\" }} {{ stripDomain \"[fe80::1]:9100\" }}",
        0.0,
        "10.0.0.1:9100 [fe80::1]:9100",
    );
    check("{{ reReplaceAll \"(b)il+\" \"${1}o\" $labels.agent }}", 0.0, "boing");
    check("{{ match \"^bill\" $labels.agent }} {{ match \"x\" $labels.agent }}", 0.0, "true false");
    check("{{ safeHtml \"<b>\" }}{{ html \"<b>\" }}{{ urlquery \"a b&c\" }}", 0.0, "<b>&lt;b&gt;a+b%26c");
    check("{{ graphLink \"up == 0\" }}", 0.0, "/graph?g0.expr=up+%3D%3D+0&g0.tab=0");
    check("{{ len $labels.agent }} {{ slice $labels.agent 1 3 }}", 0.0, "7 il");
}

#[test]
fn blocks_choose_and_repeat() {
    let template = "{{ if gt $value 10.0 }}high{{ else if eq $value 5.0 }}five{{ else }}low{{ end }}";
    check(template, 11.0, "high");
    check(template, 5.0, "five");
    check(template, 1.0, "low");
    check("{{ if and $labels.agent (not $labels.none) }}yes{{ end }}", 1.0, "yes");
    check("{{ if or $labels.none (lt $value 2.0) }}yes{{ end }}", 1.0, "yes");
    check("{{ with $labels.agent }}<{{ . }}>{{ else }}none{{ end }}", 1.0, "<billing>");
    check("{{ with $labels.none }}x{{ else }}none{{ end }}", 1.0, "none");
    check("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $x := 3 }}{{ end }}{{ $x }}", 1.0, "2");
    check(
        "{{ range $k, $v := $labels }}{{ $k }}={{ $v }};{{ end }}",
        1.0,
        "agent=billing;free=2048;instance=db-1.example:9100;",
    );
    check(
        "{{ range $i, $s := query \"up\" }}{{ if $i }}{{ break }}{{ end }}{{ $s.Labels.job }}{{ end }}",
        1.0,
        "b",
    );
    check(
        "{{ define \"t\" }}[{{ .arg0 }}{{ .arg1 }}]{{ end }}{{ template \"t\" (args 1 \"b\") }}{{ tmpl \"t\" (args 2) }}",
        1.0,
        "[1b][2<no value>]",
    );
    check("a{{/* }} */}}b {{- /* c */ -}} d", 0.0, "abd");
}

#[test]
fn queries_are_answered() {
    check("{{ with query \"up\" }}{{ . | first | value | humanize }}{{ end }}", 0.0, "1.5");
    check(
        "{{ range query \"up\" | sortByLabel \"job\" }}{{ .Labels.job }}={{ .Value }} {{ end }}",
        0.0,
        "a=1.5 b=1.5 ",
    );
    check("{{ (query \"up\" | first).Labels.job }} {{ query \"up\" | first | label \"job\" }}", 0.0, "b b");
    check("{{ range query \"none\" }}x{{ else }}empty{{ end }}", 0.0, "empty");
    check_fails("{{ query \"none\" | first }}", "first() called on vector with no elements");
    assert_eq!(run("{{ query \"other\" }}", 1.0), Err(Interrupt::Ask("other".to_owned())));
}

#[test]
fn what_cannot_be_parsed_is_refused_when_it_is_loaded() {
    for text in [
        "{{ $value",
        "{{ }}",
        "{{ if $value }}",
        "{{ end }}",
        "{{ else }}",
        "{{ if $value }}{{ else }}{{ else }}{{ end }}",
        "{{ $other }}",
        "{{ $other = 1 }}",
        "{{ $value | }}",
        "{{ $value | nothing }}",
        "{{ nothing }}",
        "{{ 1 2 }}",
        "{{ \"open }}",
        "{{ $value | 1 }}",
        "{{ ($value }}",
        "{{ $value) }}",
        "{{ break }}",
        "{{/* open }}",
        "{{/* c */ $value }}",
        "{{ template x }}",
        "{{ define \"x\" }}",
        "{{ 1x }}",
        "{{ 'ab' }}",
        "{{ range $a, $b, $c := $labels }}{{ end }}",
    ] {
        assert!(Template::parse(text).is_err(), "{text}");
    }
}

#[test]
fn what_fails_says_why() {
    check_fails("{{ .Nothing }}", "can't evaluate field Nothing");
    check_fails("{{ $value.x }}", "can't evaluate field x in type float64");
    check_fails("{{ gt $value 1 }}", "incompatible types for comparison");
    check_fails("{{ eq $value \"1\" }}", "incompatible types for comparison");
    check_fails("{{ toUpper $value }}", "expected string; got float64");
    check_fails("{{ humanize }}", "wrong number of args for humanize: want 1 got 0");
    check_fails("{{ template \"t\" }}", "not defined");
    check_fails("{{ range $value }}{{ end }}", "can't iterate");
    check_fails("{{ match \"(\" \"x\" }}", "error parsing regexp");
}

#[test]
fn what_is_executed_has_an_end() {
    let doubling = "{{ $x := \"ab\" }}{{ range 100 }}{{ $x = printf \"%s%s\" $x $x }}{{ end }}";
    check_fails(doubling, "more than");
    check_fails("{{ define \"t\" }}{{ template \"t\" }}{{ end }}{{ template \"t\" }}", "times deep");
    check_fails("{{ range 10000 }}{{ range 10000 }}{{ end }}{{ end }}", "come to an end");
    check_fails("{{ range 10000 }}{{ $labels.instance }}{{ end }}", "yields more");
    assert!(Template::parse(&"x".repeat(TEXT_BYTES_MAX + 1)).is_err());
    assert!(Template::parse(&"{{ if true }}".repeat(1000)).is_err());
    assert!(Template::parse(&format!("{{{{ {} }}}}", "(".repeat(1000))).is_err());
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "(\\{\\{|\\}\\}|[ -~]|if |end|else|range |\\$labels|\\.|\"|\\(|\\)|:=|query|printf|%|-|é){0,40}") {
        if let Ok(template) = Template::parse(&text) {
            let labels = LabelSet::empty();
            let surroundings = Surroundings::default();
            let facts = Facts { labels: &labels, value: 1.0, at: Timestamp::from_secs(1), surroundings: &surroundings };
            let _ = template.said(facts);
        }
    }
}
