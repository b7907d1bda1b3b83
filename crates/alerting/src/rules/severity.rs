//! The severities of other people's rules, in our words.

use model::Severity;

/// Words of the field, in lower case. Other words stand for [`Severity::Medium`]: a rule that
/// says nothing we know should neither wake anybody nor be lost.
const WORDS: [(&str, Severity); 26] = [
    ("critical", Severity::Critical),
    ("crit", Severity::Critical),
    ("page", Severity::Critical),
    ("emergency", Severity::Critical),
    ("disaster", Severity::Critical),
    ("fatal", Severity::Critical),
    ("alert", Severity::Critical),
    ("p1", Severity::Critical),
    ("high", Severity::High),
    ("error", Severity::High),
    ("major", Severity::High),
    ("urgent", Severity::High),
    ("p2", Severity::High),
    ("medium", Severity::Medium),
    ("warning", Severity::Medium),
    ("warn", Severity::Medium),
    ("ticket", Severity::Medium),
    ("p3", Severity::Medium),
    ("low", Severity::Low),
    ("minor", Severity::Low),
    ("notice", Severity::Low),
    ("p4", Severity::Low),
    ("info", Severity::Info),
    ("informational", Severity::Info),
    ("none", Severity::Info),
    ("debug", Severity::Info),
];

/// What a `severity` label stands for, and nothing when it is no word that is known.
pub fn known_severity(text: &str) -> Option<Severity> {
    let text = text.trim().to_ascii_lowercase();
    WORDS.iter().find(|(word, _)| *word == text).map(|(_, severity)| *severity)
}

/// What a `severity` label stands for.
pub fn severity_of(text: &str) -> Severity {
    known_severity(text).unwrap_or(Severity::Medium)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_words_mean_themselves_and_others_the_nearest() {
        for severity in Severity::ALL {
            assert_eq!(known_severity(severity.as_str()), Some(severity));
        }
        assert_eq!(severity_of(" Page"), Severity::Critical);
        assert_eq!((severity_of("none"), known_severity("tuesday")), (Severity::Info, None));
    }

    #[test]
    fn every_word_is_documented_with_its_meaning() {
        let page = include_str!("../../../../docs/rules.md");
        for (word, severity) in WORDS {
            let start = format!("| {} |", severity.as_str());
            let line = page.lines().find(|line| line.starts_with(&start)).unwrap_or_default();
            assert!(line.contains(&format!("`{word}`")), "docs/rules.md says nothing of {word}");
        }
    }
}
