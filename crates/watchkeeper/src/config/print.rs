//! `config print`: every setting as TOML, with where its value comes from.

use std::fmt::Write as _;

use super::catalogue::SETTINGS;
use super::kind::Value;
use super::secret::MASK;
use super::{Chosen, Configuration, OpenCodeSource, RetentionRule};

/// Each value with its source behind it. Secrets are masked; what is not set is a comment.
pub fn print(configuration: &Configuration) -> String {
    let mut lines: Vec<(String, String)> = vec![];
    let mut section = "";
    // Settings of one section stand together in the catalogue.
    for setting in SETTINGS {
        let (part, name) = setting.key.rsplit_once('.').unwrap_or(("", setting.key));
        if part != section {
            lines.push((String::new(), String::new()));
            lines.push((format!("[{part}]"), String::new()));
            section = part;
        }
        if let Some(chosen) = configuration.chosen.get(setting.key) {
            lines.push(line(name, chosen));
        }
    }
    for source in &configuration.sources {
        lines.extend(source_lines(source));
    }
    configuration.retention_rules.iter().for_each(|rule| lines.extend(rule_lines(rule)));
    let width =
        lines.iter().map(|(text, _)| text.chars().count()).filter(|width| *width < 60).max().unwrap_or(0);
    let mut text = String::new();
    for (written, origin) in lines {
        if origin.is_empty() {
            let _ = writeln!(text, "{written}");
        } else {
            let _ = writeln!(text, "{written:width$}  # {origin}");
        }
    }
    text
}

fn line(name: &str, chosen: &Chosen) -> (String, String) {
    let Some(value) = &chosen.value else {
        return (format!("# {name} ="), "not set".to_owned());
    };
    let shown = if chosen.setting.secret && *value != Value::Headers(Default::default()) {
        quoted(MASK)
    } else {
        toml_text(value)
    };
    let origin = match &chosen.from_file {
        Some(path) => format!("{}, read from {}", chosen.origin, path.display()),
        None => chosen.origin.to_string(),
    };
    (format!("{name} = {shown}"), origin)
}

fn source_lines(source: &OpenCodeSource) -> Vec<(String, String)> {
    let origin = source.origin.to_string();
    let mut lines = vec![
        (String::new(), String::new()),
        ("[[sources.opencode]]".to_owned(), origin.clone()),
        (format!("name = {}", quoted(&source.name)), origin.clone()),
        (format!("url = {}", quoted(source.url.as_str())), origin.clone()),
        (format!("user = {}", quoted(&source.user)), origin.clone()),
    ];
    if source.password.is_some() {
        lines.push((format!("password = {}", quoted(MASK)), origin));
    }
    lines
}

fn rule_lines(rule: &RetentionRule) -> Vec<(String, String)> {
    let origin = rule.origin.to_string();
    vec![
        (String::new(), String::new()),
        ("[[retention.rules]]".to_owned(), origin.clone()),
        (format!("signal = {}", quoted(rule.signal.as_str())), origin.clone()),
        (format!("match = {}", quoted(&rule.selector)), origin.clone()),
        (format!("age = {}", quoted(&Value::Duration(rule.age).to_string())), origin),
    ]
}

fn toml_text(value: &Value) -> String {
    match value {
        Value::Toggle(_) | Value::Integer(_) => value.to_string(),
        Value::List(parts) => {
            format!("[{}]", parts.iter().map(|part| quoted(part)).collect::<Vec<_>>().join(", "))
        }
        Value::Headers(headers) => {
            let entries = headers.iter().map(|(name, value)| format!("{} = {}", quoted(name), quoted(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(", "))
        }
        text => quoted(&text.to_string()),
    }
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}
