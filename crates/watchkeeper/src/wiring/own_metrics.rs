//! What the program's own numbers mean, for whoever reads `/metrics`.
//!
//! The page for people is the one place where that is written down; its rows become the help
//! texts.

const PAGE: &str = include_str!("../../../../docs/metrics.md");

/// How the names begin that are counted in this process.
const OURS: [&str; 2] = ["watchkeeper_", "http_"];

/// Tells the recorder the type and the help of each number. It must be installed before.
pub fn describe() {
    for (name, kind, help) in rows(PAGE) {
        match kind {
            "counter" => metrics::describe_counter!(name, help),
            "gauge" => metrics::describe_gauge!(name, help),
            _ => metrics::describe_histogram!(name, help),
        }
    }
}

/// Name, type and meaning of each row of a table `| name | type | unit | labels | meaning |`.
fn rows(page: &'static str) -> impl Iterator<Item = (&'static str, &'static str, String)> {
    page.lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.strip_suffix(" |")?.split('|').map(str::trim);
        let name = cells.next()?.strip_suffix('`')?;
        let kind = cells.next()?;
        let meaning = cells.nth(2)?;
        OURS.iter().any(|ours| name.starts_with(ours)).then(|| (name, kind, meaning.replace('`', "")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_ours_on_the_page_has_a_help_text() {
        let is_ours = |line: &&str| OURS.iter().any(|ours| line.starts_with(&format!("| `{ours}")));
        let written = PAGE.lines().filter(is_ours).count();
        let rows: Vec<_> = rows(PAGE).collect();
        assert!(written > 40);
        assert_eq!(rows.len(), written, "a row has not five cells");
        for (name, kind, help) in rows {
            assert!(matches!(kind, "counter" | "gauge" | "histogram"), "{name}: {kind}");
            assert!(help.len() > 3 && !help.contains('|'), "{name}: {help}");
        }
    }
}
