//! The useful part of Prometheus' templates for titles and annotations.
//!
//! Text with `{{ … }}`, each a pipeline: `$value`, `$labels.name`, strings and numbers, and
//! the functions `humanize`, `humanize1024`, `humanizeDuration`, `humanizePercentage`,
//! `humanizeTimestamp`, `printf`, `toUpper`, `toLower`, `title`, `stripPort`, `stripDomain`,
//! `parseDuration`, `safeHtml`; `{{/* comments */}}` say nothing. Anything else is refused when the rule is loaded, so that
//! rendering cannot fail: a missing label is empty, text where a number is wanted stays as it is.

mod format;
mod parse;

use model::LabelSet;

/// A template longer than this is refused; a rendered text is cut there.
const BYTES_MAX: usize = 4096;

#[derive(Clone, Debug, PartialEq)]
pub struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq)]
enum Piece {
    Text(String),
    /// Each call is given the value of the one before it as its last argument.
    Pipeline(Vec<Call>),
}

#[derive(Clone, Debug, PartialEq)]
enum Call {
    Operand(Operand),
    Function(Function, Vec<Operand>),
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Value,
    Label(String),
    Text(String),
    Number(f64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Function {
    Humanize,
    Humanize1024,
    HumanizeDuration,
    HumanizePercentage,
    Printf,
    HumanizeTimestamp,
    ToUpper,
    ToLower,
    Title,
    StripPort,
    StripDomain,
    ParseDuration,
    SafeHtml,
}

/// What a call yields.
#[derive(Clone, Debug, PartialEq)]
enum Yield {
    Text(String),
    Number(f64),
}

impl Template {
    /// The error is a reason, for somebody who knows which template it was.
    pub fn parse(text: &str) -> Result<Template, String> {
        if text.len() > BYTES_MAX {
            return Err(format!("it is longer than {BYTES_MAX} bytes"));
        }
        parse::pieces(text).map(Template)
    }

    pub fn render(&self, labels: &LabelSet, value: f64) -> String {
        let mut rendered = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => rendered.push_str(text),
                Piece::Pipeline(calls) => rendered.push_str(&run(calls, labels, value).into_text()),
            }
        }
        crate::plain_text::cut(&rendered, BYTES_MAX)
    }
}

fn run(calls: &[Call], labels: &LabelSet, value: f64) -> Yield {
    let operand = |operand: &Operand| match operand {
        Operand::Value => Yield::Number(value),
        Operand::Label(name) => Yield::Text(labels.value(name).to_owned()),
        Operand::Text(text) => Yield::Text(text.clone()),
        Operand::Number(number) => Yield::Number(*number),
    };
    let mut last: Option<Yield> = None;
    for call in calls {
        last = Some(match call {
            Call::Operand(one) => operand(one),
            Call::Function(function, operands) => {
                let mut arguments: Vec<Yield> = operands.iter().map(operand).collect();
                arguments.extend(last);
                format::call(*function, &arguments)
            }
        });
    }
    last.unwrap_or(Yield::Text(String::new()))
}

impl Yield {
    fn into_text(self) -> String {
        match self {
            Yield::Text(text) => text,
            Yield::Number(number) => promql::format_value(number),
        }
    }

    fn number(&self) -> Option<f64> {
        match self {
            Yield::Text(text) => text.parse().ok(),
            Yield::Number(number) => Some(*number),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn check(template: &str, value: f64, expected: &str) {
        let labels = LabelSet::new([("agent", "billing"), ("free", "2048")]);
        assert_eq!(Template::parse(template).unwrap().render(&labels, value), expected, "{template}");
    }

    #[test]
    fn labels_and_values_are_filled_in() {
        check("plain", 1.0, "plain");
        check("{{ $labels.agent }} at {{$value}}", 1.5, "billing at 1.5");
        check("{{ .Labels.agent }} at {{ .Value }}", 2.0, "billing at 2");
        check("[{{ $labels.missing }}]", 2.0, "[]");
        check("a {{- $value -}} b", 2.0, "a2b");
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
        check("{{ $labels.agent | humanize }}", 0.0, "billing");
        check("{{ $value | humanize }}", f64::NAN, "NaN");
        check("{{ $value | humanizeDuration }}", f64::INFINITY, "+Inf");
    }

    #[test]
    fn printf_knows_the_everyday_verbs() {
        check("{{ $value | printf \"%.1f\" }} %", 12.345, "12.3 %");
        check("{{ printf \"%s has %d%% (%v)\" $labels.agent 12.7 $value }}", 3.0, "billing has 12% (3)");
        check("{{ printf `%5.1f|%-4d|%q` 1.25 7 \"x\" }}", 0.0, "  1.2|7   |\"x\"");
        check("{{ $labels.agent | printf \"%.2f\" }}", 0.0, "billing");
        check("{{ $labels.agent | toUpper }}", 0.0, "BILLING");
    }

    #[test]
    fn texts_are_shortened_and_times_are_written() {
        check("{{ \"node exporter\" | title }}", 0.0, "Node Exporter");
        check("{{ stripPort \"db-1.example:9100\" }}", 0.0, "db-1.example");
        check("{{ stripPort \"[fe80::1]:9100\" }} {{ stripPort \"fe80::1\" }}", 0.0, "fe80::1 fe80::1");
        check("{{ stripDomain \"db-1.example.org:9100\" }}", 0.0, "db-1:9100");
        check("{{ stripDomain \"10.0.0.1:9100\" }}", 0.0, "10.0.0.1:9100");
        check("{{ stripDomain \"[fe80::1]:9100\" }}", 0.0, "[fe80::1]:9100");
        check("{{ $value | humanizeTimestamp }}", 1_435_065_584.128, "2015-06-23 13:19:44.128 +0000 UTC");
        check("{{ $value | humanizeTimestamp }}", 1e300, &promql::format_value(1e300));
        check("{{ parseDuration \"1h30m\" }} {{ parseDuration \"x\" }}", 0.0, "5400 x");
        check("{{ safeHtml \"<b>\" }}", 0.0, "<b>");
    }

    #[test]
    fn comments_say_nothing() {
        check("a{{/* }} */}}b {{- /* c */ -}} d", 0.0, "abd");
        assert!(Template::parse("{{/* open }}").is_err());
        assert!(Template::parse("{{/* c */ $value }}").is_err());
    }

    #[test]
    fn what_it_does_not_know_is_refused_when_it_is_loaded() {
        for text in [
            "{{ $value",
            "{{ }}",
            "{{ if $value }}",
            "{{ $labels }}",
            "{{ $other }}",
            "{{ $value | }}",
            "{{ $value | query }}",
            "{{ $value $value }}",
            "{{ humanize }}",
            "{{ humanize $value 1 }}",
            "{{ printf \"%d\" }}",
            "{{ printf \"%d\" 1 2 }}",
            "{{ printf \"%y\" 1 }}",
            "{{ printf $value }}",
            "{{ \"open }}",
            "{{ $value | $value }}",
        ] {
            assert!(Template::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_rendered_has_an_end() {
        let labels = LabelSet::new([("huge", "ü".repeat(10_000))]);
        let rendered = Template::parse("{{ $labels.huge }}").unwrap().render(&labels, 0.0);
        assert!(rendered.len() <= BYTES_MAX);
        assert!(Template::parse(&"x".repeat(BYTES_MAX + 1)).is_err());
        let wide = Template::parse("{{ printf \"%999999999d\" 1 }}");
        assert!(wide.is_err(), "{wide:?}");
    }
}
