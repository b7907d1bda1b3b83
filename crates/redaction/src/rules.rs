//! What looks like a secret.

/// One shape of secrets.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Stands in the mask and in the counter.
    pub name: &'static str,
    /// What its group `secret` (or `quoted`, or `single`) holds is replaced, the rest stays.
    /// Boundaries are those of ASCII: the others would make every pass slow.
    pub pattern: &'static str,
    /// It goes by a name beside the value, so that plain numbers are none.
    pub is_by_name: bool,
}

const fn shape(name: &'static str, pattern: &'static str) -> Rule {
    Rule { name, pattern, is_by_name: false }
}

/// In the order in which they are applied: the sure ones first. Shapes of keys are those that
/// their issuers publish, so that leaked ones can be found.
pub const RULES: &[Rule] = &[
    shape(
        "pem",
        r"(?s)(?P<secret>-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY-----|$))",
    ),
    shape("jwt", r"(?-u:\b)(?P<secret>eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)?)"),
    shape("provider", r"(?-u:\b)(?P<secret>sk-[A-Za-z0-9_-]{8,})"),
    shape("provider", r"(?-u:\b)(?P<secret>(?:hf|gsk|xai|pplx|r8)[_-][A-Za-z0-9_-]{16,})"),
    shape("forge", r"(?-u:\b)(?P<secret>(?:gh[opsur]|github_pat)_[A-Za-z0-9_]{16,})"),
    shape("forge", r"(?-u:\b)(?P<secret>glpat-[A-Za-z0-9_-]{12,})"),
    shape("registry", r"(?-u:\b)(?P<secret>(?:npm_|pypi-)[A-Za-z0-9_-]{16,})"),
    shape("slack", r"(?-u:\b)(?P<secret>xox[abeoprs]-[A-Za-z0-9-]{8,})"),
    shape("slack", r"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<secret>[A-Za-z0-9/_-]+)"),
    shape("stripe", r"(?-u:\b)(?P<secret>(?:sk|rk|whsec)_(?:live_|test_)?[A-Za-z0-9]{16,})"),
    shape("aws", r"(?-u:\b)(?P<secret>(?:AKIA|ASIA)[0-9A-Z]{16})(?-u:\b)"),
    shape("google", r"(?-u:\b)(?P<secret>AIza[0-9A-Za-z_-]{30,})"),
    shape("watchkeeper", r"(?-u:\b)(?P<secret>wk_[A-Za-z0-9_-]{40,})"),
    shape(
        "header",
        r#"(?i:(?:proxy-)?authorization)\\*["']?[ \t]*[:=][ \t]*\\*["']?(?:(?i:bearer|basic|token|digest)[ \t]+)?(?P<secret>[^ \t\r\n"',;\\]+)"#,
    ),
    shape("header", r"(?-u:\b)(?i:(?:set-)?cookie)[ \t]*:[ \t]*(?P<secret>[^\r\n]+)"),
    shape("header", r"(?-u:\b)(?i:bearer)[ \t]+(?P<secret>[A-Za-z0-9._~+/=-]{8,})"),
    // The user goes too: with many services it is the key.
    shape("url", r#"(?-u:\b)[A-Za-z][A-Za-z0-9+.-]*://(?P<secret>[^ \t\r\n/@:"'?#]*:[^ \t\r\n/@"'?#]+)@"#),
    // Signed links work for whoever has them.
    shape("link", r#"[?&](?i:(?:x-(?:amz|goog)-)?(?:signature|sig))=(?P<secret>[^& \t\r\n"']+)"#),
    Rule {
        name: "name",
        // The plural of token is left alone: it is what models count.
        pattern: r#"(?i:passwords?|passwd|passphrase|pwd|secrets?|token|api[_-]?keys?|access[_-]?key|private[_-]?key|credentials?)(?:[_.A-Z0-9-][A-Za-z0-9_.-]*)?\\*["']?[ \t]*[=:][ \t]*(?:\\*"(?P<quoted>[^"\\]+)|'(?P<single>[^']+)|(?P<secret>[^ \t\r\n,;&"'{}\[\]\\]+))"#,
        is_by_name: true,
    },
    Rule {
        name: "option",
        pattern: r#"(?:^|[ \t\r\n])--?[A-Za-z0-9_-]*(?i:password|passphrase|secret|token|api-?key)[A-Za-z0-9_-]*[ \t]+(?P<secret>[^ \t\r\n-][^ \t\r\n]*)"#,
        is_by_name: true,
    },
];

/// What stands behind a name that may be that of a secret and is of no use to a thief.
pub fn is_harmless_value(value: &str) -> bool {
    let is_number = value.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'+'));
    // Longer numbers are not counts.
    (is_number && value.len() <= 12) || matches!(value, "true" | "false" | "null" | "none" | "None")
}

/// Words that make a name that of a secret, without the signs between words.
const SECRET_WORDS: [&str; 10] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
    "authorization",
    "cookie",
];

/// By the words in it. A token is one only where the name ends with it: models count tokens.
pub fn names_a_secret(name: &str) -> bool {
    let plain: String = name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    SECRET_WORDS.iter().any(|word| plain.contains(word)) || plain.ends_with("token")
}
