//! Names of metrics and labels as Prometheus writes them.
//! Source: <https://prometheus.io/docs/guides/opentelemetry/#utf-8> and the compatibility page
//! <https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/>

use std::borrow::Cow;

/// How names are translated. The words are those of Prometheus' `translation_strategy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NameStrategy {
    #[default]
    UnderscoreEscapingWithSuffixes,
    UnderscoreEscapingWithoutSuffixes,
    NoUtf8EscapingWithSuffixes,
    NoTranslation,
}

impl NameStrategy {
    pub const WORDS: &[&str] = &[
        "UnderscoreEscapingWithSuffixes",
        "UnderscoreEscapingWithoutSuffixes",
        "NoUTF8EscapingWithSuffixes",
        "NoTranslation",
    ];

    pub fn parse(word: &str) -> Option<Self> {
        const ALL: [NameStrategy; 4] = [
            NameStrategy::UnderscoreEscapingWithSuffixes,
            NameStrategy::UnderscoreEscapingWithoutSuffixes,
            NameStrategy::NoUtf8EscapingWithSuffixes,
            NameStrategy::NoTranslation,
        ];
        Self::WORDS.iter().zip(ALL).find(|(known, _)| **known == word).map(|(_, strategy)| strategy)
    }

    fn escapes(self) -> bool {
        matches!(
            self,
            NameStrategy::UnderscoreEscapingWithSuffixes | NameStrategy::UnderscoreEscapingWithoutSuffixes
        )
    }

    fn adds_suffixes(self) -> bool {
        matches!(
            self,
            NameStrategy::UnderscoreEscapingWithSuffixes | NameStrategy::NoUtf8EscapingWithSuffixes
        )
    }
}

/// What the suffix of a name depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    Counter,
    Gauge,
    Other,
}

/// The UCUM units that have a word, and that word.
const UNITS: [(&str, &str); 27] = [
    ("d", "days"),
    ("h", "hours"),
    ("min", "minutes"),
    ("s", "seconds"),
    ("ms", "milliseconds"),
    ("us", "microseconds"),
    ("ns", "nanoseconds"),
    ("By", "bytes"),
    ("KiBy", "kibibytes"),
    ("MiBy", "mebibytes"),
    ("GiBy", "gibibytes"),
    ("TiBy", "tibibytes"),
    ("KBy", "kilobytes"),
    ("MBy", "megabytes"),
    ("GBy", "gigabytes"),
    ("TBy", "terabytes"),
    ("m", "meters"),
    ("V", "volts"),
    ("A", "amperes"),
    ("J", "joules"),
    ("W", "watts"),
    ("g", "grams"),
    ("Cel", "celsius"),
    ("Hz", "hertz"),
    ("%", "percent"),
    ("1", ""),
    ("", ""),
];

/// Behind a slash.
const PER_UNITS: [(&str, &str); 7] = [
    ("s", "second"),
    ("m", "minute"),
    ("h", "hour"),
    ("d", "day"),
    ("w", "week"),
    ("mo", "month"),
    ("y", "year"),
];

pub fn metric_name(strategy: NameStrategy, name: &str, unit: &str, kind: NameKind) -> String {
    let (main, per) = if strategy.adds_suffixes() { unit_words(unit) } else { Default::default() };
    let suffix = match kind {
        _ if !strategy.adds_suffixes() => "",
        NameKind::Counter => "total",
        NameKind::Gauge if unit == "1" => "ratio",
        NameKind::Gauge | NameKind::Other => "",
    };
    if strategy.escapes() { escaped(name, &main, &per, suffix) } else { plain(name, &main, &per, suffix) }
}

/// Parts of legal characters with one underscore between, then those of the unit that are not
/// there yet.
fn escaped(name: &str, main: &str, per: &str, suffix: &str) -> String {
    let (main, per) = (cleaned(main), cleaned(per));
    let is_illegal = |c: char| !c.is_ascii_alphanumeric() && c != ':';
    let mut parts: Vec<&str> = name.split(is_illegal).filter(|part| !part.is_empty()).collect();
    for word in [&main, &per] {
        if !word.is_empty() && !parts.contains(&word.as_str()) {
            parts.push(word);
        }
    }
    if !suffix.is_empty() {
        parts.retain(|part| *part != suffix);
        parts.push(suffix);
    }
    let name = parts.join("_");
    if name.starts_with(|c: char| c.is_ascii_digit()) { format!("_{name}") } else { name }
}

/// What is at the end already is moved to where it belongs.
fn plain(name: &str, main: &str, per: &str, suffix: &str) -> String {
    let words = [main, per, suffix].into_iter().filter(|word| !word.is_empty());
    let base = words.clone().rev().fold(name, |name, word| {
        name.strip_suffix(word).and_then(|rest| rest.strip_suffix(['_', '.'])).unwrap_or(name)
    });
    words.fold(base.to_owned(), |name, word| format!("{name}_{word}"))
}

/// The words for what is before and behind the slash. Annotations in braces have none.
fn unit_words(unit: &str) -> (String, String) {
    let (main, per) = unit.split_once('/').unwrap_or((unit, ""));
    let word = |unit: &str, words: &[(&str, &str)]| {
        let unit = unit.trim();
        if unit.contains(['{', '}']) {
            return String::new();
        }
        let known = words.iter().find(|(known, _)| *known == unit).map(|(_, word)| *word);
        known.unwrap_or(unit).to_owned()
    };
    let per = word(per, &PER_UNITS);
    (word(main, &UNITS), if per.is_empty() { per } else { format!("per_{per}") })
}

fn cleaned(word: &str) -> String {
    let parts = word.split(|c: char| !c.is_ascii_alphanumeric() && c != ':').filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("_")
}

pub fn label_name(strategy: NameStrategy, name: &str) -> Cow<'_, str> {
    let is_legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let is_plain = !name.starts_with('_') && !name.starts_with(|c: char| c.is_ascii_digit());
    if !strategy.escapes() || (is_plain && name.chars().all(is_legal)) {
        return Cow::Borrowed(name);
    }
    let escaped = name.replace(|c: char| !is_legal(c), "_");
    // Prometheus keeps one leading underscore for nobody, and two for itself.
    Cow::Owned(match escaped.as_bytes() {
        [b'0'..=b'9', ..] => format!("key_{escaped}"),
        [b'_', second, ..] if *second != b'_' => format!("key{escaped}"),
        _ => escaped,
    })
}

#[cfg(test)]
mod tests {
    use NameKind::{Counter, Gauge, Other};
    use NameStrategy::{
        NoTranslation, NoUtf8EscapingWithSuffixes, UnderscoreEscapingWithSuffixes,
        UnderscoreEscapingWithoutSuffixes,
    };

    use super::*;

    #[test]
    fn names_and_units_become_one_name() {
        for (name, unit, kind, expected) in [
            ("claude_code.cost.usage", "USD", Counter, "claude_code_cost_usage_USD_total"),
            ("claude_code.token.usage", "tokens", Counter, "claude_code_token_usage_tokens_total"),
            ("gen_ai.client.operation.duration", "s", Other, "gen_ai_client_operation_duration_seconds"),
            ("gen_ai.client.token.usage", "{token}", Other, "gen_ai_client_token_usage"),
            ("codex.turn.e2e_duration_ms", "ms", Other, "codex_turn_e2e_duration_ms_milliseconds"),
            ("http.server.request.size", "By", Other, "http_server_request_size_bytes"),
            ("disk.read.bytes", "By", Counter, "disk_read_bytes_total"),
            ("cpu.utilization", "1", Gauge, "cpu_utilization_ratio"),
            ("cpu.utilization", "1", Counter, "cpu_utilization_total"),
            ("net.speed", "By/s", Gauge, "net_speed_bytes_per_second"),
            ("requests.total", "{request}", Counter, "requests_total"),
            ("total.requests", "", Counter, "requests_total"),
            ("speed", "m/{lap}", Gauge, "speed_meters"),
            ("2xx..count", "", Counter, "_2xx_count_total"),
            ("heat", "°C", Gauge, "heat_C"),
        ] {
            assert_eq!(
                metric_name(UnderscoreEscapingWithSuffixes, name, unit, kind),
                expected,
                "{name} {unit}"
            );
        }
    }

    #[test]
    fn other_strategies_leave_more_as_it_is() {
        for (strategy, expected) in [
            (UnderscoreEscapingWithoutSuffixes, "a_b"),
            (NoUtf8EscapingWithSuffixes, "a.b_seconds_total"),
            (NoTranslation, "a.b"),
        ] {
            assert_eq!(metric_name(strategy, "a.b", "s", Counter), expected);
        }
        let with_unit = metric_name(NoUtf8EscapingWithSuffixes, "a.seconds.total", "s", Counter);
        assert_eq!(with_unit, "a_seconds_total");
        assert_eq!(NameStrategy::parse("NoUTF8EscapingWithSuffixes"), Some(NoUtf8EscapingWithSuffixes));
    }

    #[test]
    fn labels_keep_their_underscores() {
        for (name, expected) in [
            ("session.id", "session_id"),
            ("a..b", "a__b"),
            ("plain", "plain"),
            ("9lives", "key_9lives"),
            ("_private", "key_private"),
            ("__meta", "__meta"),
        ] {
            assert_eq!(label_name(UnderscoreEscapingWithSuffixes, name), expected);
            assert_eq!(label_name(NoTranslation, name), name);
        }
    }
}
