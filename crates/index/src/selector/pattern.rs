//! What an expression says without being run.

use std::borrow::Cow;

/// The values that a matcher is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Pattern<'a> {
    /// These, in ascending order; the empty one stands for absence.
    Texts(Vec<Cow<'a, str>>),
    /// Every value, absence too.
    Anything,
    /// Every value, but not absence.
    Something,
    /// Those that the expression matches; all of them begin with `prefix`.
    Expression { prefix: String },
}

impl Pattern<'_> {
    /// Of an expression that compiles. Dashboards mostly send lists of plain values, for
    /// which a look into the dictionary is enough.
    pub fn of(expression: &str) -> Self {
        match expression {
            ".*" => return Self::Anything,
            ".+" => return Self::Something,
            _ => {}
        }
        if let Some(mut texts) = texts(expression) {
            texts.sort_unstable();
            texts.dedup();
            return Self::Texts(texts.into_iter().map(Cow::Owned).collect());
        }
        let prefix = if expression.contains('|') { String::new() } else { literal_prefix(expression) };
        Self::Expression { prefix }
    }
}

/// The only texts that match: those of `a|b`, `(a|b)` and `(?:a|b)` alike.
fn texts(expression: &str) -> Option<Vec<String>> {
    let inner = expression.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let mut rest = inner.map_or(expression, |inner| inner.strip_prefix("?:").unwrap_or(inner));
    let mut texts = vec![];
    let mut text = String::new();
    while !rest.is_empty() {
        if let Some(next) = rest.strip_prefix('|') {
            texts.push(std::mem::take(&mut text));
            rest = next;
        } else {
            text.push(next_literal(&mut rest)?);
        }
    }
    texts.push(text);
    Some(texts)
}

/// What everything that the expression matches begins with; it has no alternatives.
fn literal_prefix(expression: &str) -> String {
    let mut rest = expression;
    let mut prefix = String::new();
    while let Some(char) = next_literal(&mut rest) {
        // Repeated perhaps, and perhaps zero times.
        if rest.starts_with(['*', '?', '{', '+']) {
            break;
        }
        prefix.push(char);
    }
    prefix
}

/// Takes one character that stands for itself off the front.
fn next_literal(rest: &mut &str) -> Option<char> {
    let mut chars = rest.chars();
    let char = match chars.next()? {
        '\\' => chars.next().filter(char::is_ascii_punctuation)?,
        char if r".+*?()|[]{}^$".contains(char) => return None,
        char => char,
    };
    // `\<` and `\>` are the two escapes of punctuation that mean something else.
    if rest.starts_with('\\') && matches!(char, '<' | '>') {
        return None;
    }
    *rest = chars.as_str();
    Some(char)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_texts(expression: &str, expected: &[&str]) {
        let expected = expected.iter().map(|text| Cow::Borrowed(*text)).collect();
        assert_eq!(Pattern::of(expression), Pattern::Texts(expected), "{expression}");
    }

    fn check_prefix(expression: &str, expected: &str) {
        let expected = Pattern::Expression { prefix: expected.to_owned() };
        assert_eq!(Pattern::of(expression), expected, "{expression}");
    }

    #[test]
    fn plain_alternatives_are_texts() {
        check_texts("a", &["a"]);
        check_texts("b|a|b", &["a", "b"]);
        check_texts("(a|b)", &["a", "b"]);
        check_texts("(?:a|b)", &["a", "b"]);
        check_texts(r"10\.0\.0\.1|a", &["10.0.0.1", "a"]);
        check_texts(r"a\|b", &["a|b"]);
        check_texts(r"(a\)b|c)", &["a)b", "c"]);
        check_texts("|a", &["", "a"]);
        check_texts("", &[""]);
    }

    #[test]
    fn other_expressions_have_a_prefix() {
        check_prefix("agent-0.*", "agent-0");
        check_prefix("ab*", "a");
        check_prefix("ab{0,1}", "a");
        check_prefix(r"a\.b[0-9]", "a.b");
        check_prefix(r"\d+", "");
        check_prefix("ab.*|c", "");
        check_prefix("(?i)abc", "");
        check_prefix("(a|b)(c|d)", "");
        check_prefix(r"\<a", "");
        check_prefix("a^b", "a");
    }

    #[test]
    fn dots_and_stars_alone_need_no_look_at_values() {
        assert_eq!(Pattern::of(".*"), Pattern::Anything);
        assert_eq!(Pattern::of(".+"), Pattern::Something);
    }
}
