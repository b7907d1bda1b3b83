//! The program's own numbers as an exporter shows them: text 0.0.4 or OpenMetrics 1.0.
//!
//! [`Families`] is read from what the recorder renders. A pair of `_sum` and `_count` that
//! is counted by hand becomes the summary that it is; build and process are added.

use std::collections::BTreeMap;
use std::fmt::Write;

use host::OwnProcess;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Text,
    OpenMetrics,
}

const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

impl Dialect {
    /// What an `Accept` header prefers; text when it does not care.
    pub fn wanted(accept: &str) -> Self {
        let weight = |wanted: &str| {
            let weights = accept.split(',').filter_map(|part| {
                let mut parts = part.split(';').map(str::trim);
                (parts.next() == Some(wanted)).then(|| {
                    let quality = parts.find_map(|parameter| parameter.strip_prefix("q="));
                    quality.map_or(1.0, |quality| quality.parse::<f64>().unwrap_or(0.0))
                })
            });
            weights.fold(0.0, f64::max)
        };
        let open = weight("application/openmetrics-text");
        if open > 0.0 && open >= weight("text/plain") { Dialect::OpenMetrics } else { Dialect::Text }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Dialect::Text => TEXT,
            Dialect::OpenMetrics => OPEN_METRICS,
        }
    }
}

/// By name.
#[derive(Debug, Default)]
pub(crate) struct Families(BTreeMap<String, Family>);

#[derive(Debug, Default)]
struct Family {
    kind: String,
    help: String,
    /// Name, labels and value, as they are written.
    lines: Vec<String>,
}

impl Families {
    /// Text 0.0.4 of the recorder: each family is told by its type before its samples.
    pub fn read(text: &str) -> Self {
        let mut families = Self::default();
        let mut current = String::new();
        for line in text.lines().filter(|line| !line.is_empty()) {
            let mut words = line.splitn(4, ' ');
            match (words.next(), words.next(), words.next(), words.next()) {
                (Some("#"), Some("HELP"), Some(name), help) => {
                    help.unwrap_or_default().clone_into(&mut families.family(name).help);
                }
                (Some("#"), Some("TYPE"), Some(name), Some(kind)) => {
                    kind.clone_into(&mut families.family(name).kind);
                    name.clone_into(&mut current);
                }
                _ => families.family(&current).lines.push(line.to_owned()),
            }
        }
        families.make_summaries();
        families
    }

    fn family(&mut self, name: &str) -> &mut Family {
        self.0.entry(name.to_owned()).or_default()
    }

    /// `x_sum` and `x_count`, each counted alone, are a summary without quantiles.
    fn make_summaries(&mut self) {
        let pairs: Vec<String> = self
            .0
            .keys()
            .filter_map(|name| name.strip_suffix("_sum"))
            .filter(|name| self.0.contains_key(&format!("{name}_count")))
            .map(str::to_owned)
            .collect();
        for name in pairs {
            let sum = self.0.remove(&format!("{name}_sum")).unwrap_or_default();
            let count = self.0.remove(&format!("{name}_count")).unwrap_or_default();
            let lines = [sum.lines, count.lines].concat();
            self.0.insert(name, Family { kind: "summary".to_owned(), help: sum.help, lines });
        }
    }

    pub fn add_build_info(&mut self, version: &str) {
        let name = "watchkeeper_build_info";
        let line = format!("{name}{{version=\"{}\"}} 1", escaped(version));
        self.add(name, "gauge", "The version that runs.", line);
    }

    pub fn add_process(&mut self, own: &OwnProcess) {
        let numbers = [
            (
                "process_cpu_seconds_total",
                "counter",
                "Processor time, user and system.",
                Some(own.cpu_seconds),
            ),
            ("process_resident_memory_bytes", "gauge", "Memory in use.", Some(own.resident_bytes as f64)),
            (
                "process_virtual_memory_bytes",
                "gauge",
                "Address space in use.",
                Some(own.virtual_bytes as f64),
            ),
            ("process_threads", "gauge", "Threads.", Some(own.threads as f64)),
            (
                "process_open_fds",
                "gauge",
                "Open files and sockets.",
                own.open_files.map(|count| count as f64),
            ),
            (
                "process_max_fds",
                "gauge",
                "How many may be open.",
                own.open_files_max.map(|count| count as f64),
            ),
            (
                "process_start_time_seconds",
                "gauge",
                "When Watchkeeper started, in seconds since 1970.",
                own.started.map(|at| at.as_secs_f64()),
            ),
        ];
        for (name, kind, help, value) in numbers {
            if let Some(value) = value {
                self.add(name, kind, help, format!("{name} {value}"));
            }
        }
    }

    fn add(&mut self, name: &str, kind: &str, help: &str, line: String) {
        let family = Family { kind: kind.to_owned(), help: help.to_owned(), lines: vec![line] };
        self.0.insert(name.to_owned(), family);
    }

    pub fn write(&self, dialect: Dialect) -> String {
        let mut text = String::new();
        for (name, family) in &self.0 {
            let (name, kind) = match (dialect, family.kind.as_str()) {
                (Dialect::Text, kind) => (name.as_str(), kind),
                // OpenMetrics names a family of counters without the ending of its samples.
                (Dialect::OpenMetrics, "counter") => match name.strip_suffix("_total") {
                    Some(name) => (name, "counter"),
                    None => (name.as_str(), "unknown"),
                },
                (Dialect::OpenMetrics, "untyped" | "") => (name.as_str(), "unknown"),
                (Dialect::OpenMetrics, kind) => (name.as_str(), kind),
            };
            push_comment(&mut text, "HELP", name, &family.help);
            push_comment(&mut text, "TYPE", name, kind);
            for line in &family.lines {
                text.push_str(line);
                text.push('\n');
            }
        }
        if dialect == Dialect::OpenMetrics {
            text.push_str("# EOF\n");
        }
        text
    }
}

fn push_comment(text: &mut String, word: &str, name: &str, about: &str) {
    if !about.is_empty() {
        // Writing into a string does not fail.
        let _ = writeln!(text, "# {word} {name} {about}");
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    const RENDERED: &str = "# HELP x_total Things\n# TYPE x_total counter\nx_total{a=\"b c\"} 1\n\n\
        # TYPE took_seconds_sum counter\ntook_seconds_sum 2\n\n# HELP took_seconds_count Times\n\
        # TYPE took_seconds_count counter\ntook_seconds_count 3\n\n# TYPE odd counter\nodd 4\n";

    #[test]
    fn the_two_dialects() {
        let mut families = Families::read(RENDERED);
        families.add_build_info("1\"0");
        assert_eq!(
            families.write(Dialect::Text),
            "# TYPE odd counter\nodd 4\n# TYPE took_seconds summary\ntook_seconds_sum 2\ntook_seconds_count 3\n\
             # HELP watchkeeper_build_info The version that runs.\n# TYPE watchkeeper_build_info gauge\n\
             watchkeeper_build_info{version=\"1\\\"0\"} 1\n\
             # HELP x_total Things\n# TYPE x_total counter\nx_total{a=\"b c\"} 1\n"
        );
        assert_eq!(
            families.write(Dialect::OpenMetrics),
            "# TYPE odd unknown\nodd 4\n# TYPE took_seconds summary\ntook_seconds_sum 2\ntook_seconds_count 3\n\
             # HELP watchkeeper_build_info The version that runs.\n# TYPE watchkeeper_build_info gauge\n\
             watchkeeper_build_info{version=\"1\\\"0\"} 1\n\
             # HELP x Things\n# TYPE x counter\nx_total{a=\"b c\"} 1\n# EOF\n"
        );
    }

    #[test]
    fn the_dialect_is_the_one_that_is_liked_most() {
        for (accept, dialect) in [
            ("", Dialect::Text),
            ("*/*", Dialect::Text),
            (
                "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5",
                Dialect::OpenMetrics,
            ),
            ("application/openmetrics-text;version=1.0.0;q=0.4, text/plain;q=0.5", Dialect::Text),
            ("application/openmetrics-text;q=0", Dialect::Text),
        ] {
            assert_eq!(Dialect::wanted(accept), dialect, "{accept}");
        }
    }
}
