//! Values as text, and changes of text.

use super::functions::Item;
use super::printf::general;

/// As Go's `%v` writes it.
pub(super) fn display(item: &Item) -> String {
    match item {
        Item::Nil => "<no value>".to_owned(),
        Item::Bool(truth) => truth.to_string(),
        Item::Int(number) => number.to_string(),
        Item::Float(number) => general(*number, None),
        Item::Text(text) => text.clone(),
        Item::Map(map) => {
            let entries: Vec<String> =
                map.iter().map(|(name, item)| format!("{name}:{}", display(item))).collect();
            format!("map[{}]", entries.join(" "))
        }
        Item::List(list) => format!("[{}]", list.iter().map(display).collect::<Vec<_>>().join(" ")),
        Item::Sample(sample) => {
            format!("&{{{} {}}}", display(&Item::Map(sample.0.clone())), general(sample.1, None))
        }
        Item::Data => "{}".to_owned(),
    }
}

/// As Go's `Sprint`: a space where two stand beside each other that are no text.
pub(super) fn printed(items: &[Item]) -> String {
    let is_text = |item: &Item| matches!(item, Item::Text(_));
    let mut text = String::new();
    for (at, item) in items.iter().enumerate() {
        if at > 0 && !is_text(item) && !is_text(&items[at - 1]) {
            text.push(' ');
        }
        text.push_str(&display(item));
    }
    text
}

pub(super) fn printed_line(items: &[Item]) -> String {
    items.iter().map(display).collect::<Vec<_>>().join(" ") + "\n"
}

pub(super) fn html_escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' => escaped.push_str("&#34;"),
            '\'' => escaped.push_str("&#39;"),
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\0' => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    escaped
}

pub(super) fn query_escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('*', "%2A")
        .replace("%7E", "~")
}

pub(super) fn graph_link(query: &str) -> String {
    format!("/graph?g0.expr={}&g0.tab=0", query_escaped(query))
}

pub(super) fn table_link(query: &str) -> String {
    format!("/graph?g0.expr={}&g0.tab=1", query_escaped(query))
}

pub(super) fn upper(text: &str) -> String {
    text.to_uppercase()
}

pub(super) fn lower(text: &str) -> String {
    text.to_lowercase()
}

/// The first letter of each word in upper case; everything in ASCII that is no letter, digit
/// or underscore ends a word.
pub(super) fn titled(text: &str) -> String {
    let mut is_within_word = false;
    let mut titled = String::with_capacity(text.len());
    for c in text.chars() {
        if is_within_word {
            titled.push(c);
        } else {
            titled.extend(c.to_uppercase());
        }
        is_within_word =
            if c.is_ascii() { c.is_ascii_alphanumeric() || c == '_' } else { !c.is_whitespace() };
    }
    titled
}

/// Host and port of an address; an IPv6 host with a port stands in brackets.
fn host_and_port(address: &str) -> Option<(&str, &str)> {
    let (host, port) = address.rsplit_once(':')?;
    match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']').map(|host| (host, port)),
        None => (!host.contains([':', '[', ']'])).then_some((host, port)),
    }
}

pub(super) fn strip_port(address: &str) -> String {
    host_and_port(address).map_or(address, |(host, _)| host).to_owned()
}

/// A host without its domain; the numbers of an IP address are no domain.
pub(super) fn strip_domain(address: &str) -> String {
    let (host, port) = host_and_port(address).unwrap_or((address, ""));
    if host.parse::<std::net::IpAddr>().is_ok() {
        return address.to_owned();
    }
    let short = host.split('.').next().unwrap_or(host);
    if port.is_empty() { short.to_owned() } else { format!("{short}:{port}") }
}
